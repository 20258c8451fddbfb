/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "foundation/gate.h"
#include "foundation/peer.h"

int server_take_sockets(Server *server) {
        int n = sd_listen_fds(true), served = 0;

        if (n < 0)
                return n;
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                int r;

                if (peer_is_diag_socket(fd)) {
                        r = gate_take_diag(server->gate, fd);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, true) <= 0) {
                        safe_close(fd);
                        continue;
                }
                r = server_add_listener(server, fd);
                if (r < 0)
                        return r;
                served++;
        }
        if (served > 0)
                gate_try_diag(server->gate);
        return served;
}
