/* SPDX-License-Identifier: MIT */
#include "accepted.h"

#include <stdbool.h>

#include "shared/bus-util.h"
#include "shared/port-owner.h"

typedef struct Search {
        unsigned long inode;
        bool found;
} Search;

static int on_processes(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Search *search = userdata;
        uint32_t pid;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0; /* a unit that has gone has no processes */
        r = sd_bus_message_enter_container(m, 'a', "(sus)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(sus)", NULL, &pid, NULL)) > 0)
                search->found = search->found || port_owner_process_holds((pid_t) pid, search->inode);
        return r;
}

int connection_acceptor(sd_bus *bus, const char *unit, unsigned port, unsigned client_port, Acceptor *ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Search search = {};
        int r;

        r = port_owner_connection(port, client_port, &search.inode);
        if (r < 0)
                return r;
        if (search.inode == 0) {
                *ret = r > 0 ? ACCEPTED_BY_NOBODY : ACCEPTED_BY_OTHER;
                return 0;
        }
        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "GetUnitProcesses");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", unit);
        if (r >= 0)
                r = bus_batch_call(&batch, m, 0, on_processes, &search);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                return r;
        *ret = search.found ? ACCEPTED_BY_UNIT : ACCEPTED_BY_OTHER;
        return 0;
}
