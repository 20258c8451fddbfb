/* SPDX-License-Identifier: MIT */
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Whose is the other end of a connection? The kernel is asked for the socket there, by its exact addresses
 * (sock_diag(7)): one message, answered before send() returns, so nothing waits.
 *
 * The answer's uid is as the user namespace of the process that *opened* the netlink socket shows it. One that systemd
 * has opened (ListenNetlink=) shows true users in a sandbox with PrivateUsers=, too; one opened inside it shows
 * everybody but the service's own user (and, of root's services, root) as PEER_UID_UNKNOWN. */
typedef struct PeerDiag {
        int fd; /* negative for none */
        uint32_t sequence;
} PeerDiag;

/* What stands for users that a namespace does not know. Nobody is let in for being that one. */
#define PEER_UID_UNKNOWN ((uid_t) 65534)

/* True for a netlink socket of sock_diag. */
bool peer_is_diag_socket(int fd);
/* Takes over fd; a negative one opens a socket of its own. On failure there is none, and fd is closed. */
int peer_diag_start(PeerDiag *diag, int fd);
void peer_diag_done(PeerDiag *diag);

/* The user of the process at the other end of fd, a connected TCP or Unix socket. -ESRCH when there is none (any more),
 * or not on this machine; else what keeps us from asking. */
int peer_find_uid(PeerDiag *diag, int fd, uid_t *ret);
/* Asks for a listening TCP socket of ours instead, to see whether the kernel answers at all. -ESRCH also when it has no
 * tcp_diag. */
int peer_try(PeerDiag *diag, int listener, uid_t *ret);

/* --- Message by message, for tests --- */

typedef struct PeerQuestion {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
} PeerQuestion;

/* Asks for the socket with the address `of` that is connected to `to`. IPv4 in IPv6 is asked for as IPv4.
 * -EAFNOSUPPORT for other families, -EINVAL when the two differ in theirs. */
int peer_question(const struct sockaddr_storage *of, const struct sockaddr_storage *to, uint32_t sequence,
                  PeerQuestion *ret);
/* 0 and the uid; -ESRCH for nobody; -EAGAIN when it is the answer to another question (of a process that shares the
 * socket, or that died before it read it), -EBADMSG when it is none. Another kernel error as it is. */
int peer_answer(const void *data, size_t size, const PeerQuestion *question, uid_t *ret);
