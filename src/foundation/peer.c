/* SPDX-License-Identifier: MIT */
#include "foundation/peer.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/random.h>

#include "basic/macro.h"
#include "basic/time-util.h"

/* Two processes may share the socket for a while (a swap, several instances), and then read each other's answers
 * away. Both ask again, and it is a matter of microseconds who comes between whom. */
#define ASK_AGAIN 16
#define STALE_MAX 256
/* Of every network namespace. Local traffic goes over it whatever its addresses; a client's socket may be bound to it. */
#define LOOPBACK_IFINDEX 1

bool peer_is_diag_socket(int fd) {
        int domain = 0, protocol = 0;
        socklen_t size = sizeof(int);

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) >= 0 && domain == AF_NETLINK &&
                getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) >= 0 && protocol == NETLINK_SOCK_DIAG;
}

int peer_diag_start(PeerDiag *diag, int fd) {
        peer_diag_done(diag);
        if (fd < 0)
                fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
        if (fd < 0)
                return -errno;
        diag->fd = fd;
        /* Not from 0: what a killed predecessor left unread must not pass for an answer. */
        if (getrandom(&diag->sequence, sizeof(diag->sequence), GRND_NONBLOCK) < 0)
                diag->sequence = (uint32_t) now_usec();
        return 0;
}

void peer_diag_done(PeerDiag *diag) {
        safe_close(diag->fd);
        diag->fd = -EBADF;
}

/* Address and port in network order, as inet_diag has them. */
static sa_family_t split_address(const struct sockaddr_storage *address, __be32 ret[static 4], __be16 *ret_port) {
        const struct sockaddr_in *in = (const struct sockaddr_in *) address;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

        memset(ret, 0, 4 * sizeof(__be32));
        if (address->ss_family == AF_INET) {
                ret[0] = in->sin_addr.s_addr;
                *ret_port = in->sin_port;
                return AF_INET;
        }
        if (address->ss_family != AF_INET6)
                return AF_UNSPEC;
        *ret_port = in6->sin6_port;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
                memcpy(ret, in6->sin6_addr.s6_addr + 12, 4);
                return AF_INET;
        }
        memcpy(ret, &in6->sin6_addr, 16);
        return AF_INET6;
}

int peer_question(const struct sockaddr_storage *of, const struct sockaddr_storage *to, uint32_t sequence,
                  PeerQuestion *ret) {
        PeerQuestion q = {
                .head = {
                        .nlmsg_len = sizeof(PeerQuestion),
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST,
                        .nlmsg_seq = sequence,
                },
                .body = {
                        .sdiag_protocol = IPPROTO_TCP,
                        .idiag_states = ~0u,
                        .id.idiag_if = LOOPBACK_IFINDEX,
                        .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
                },
        };
        sa_family_t family = split_address(of, q.body.id.idiag_src, &q.body.id.idiag_sport);

        if (family == AF_UNSPEC)
                return -EAFNOSUPPORT;
        if (split_address(to, q.body.id.idiag_dst, &q.body.id.idiag_dport) != family)
                return -EINVAL;
        q.body.sdiag_family = (__u8) family;
        *ret = q;
        return 0;
}

/* An IPv6 socket that is connected by IPv4 shows its addresses as IPv6. */
static bool same_address(const __be32 a[static 4], sa_family_t asked, const __be32 b[static 4], sa_family_t told) {
        static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

        if (asked == told)
                return memcmp(a, b, asked == AF_INET ? 4 : 16) == 0;
        return asked == AF_INET && told == AF_INET6 && memcmp(b, mapped, sizeof(mapped)) == 0 && a[0] == b[3];
}

/* Who finds no connection falls back to a socket that listens on its port: somebody else's, maybe. */
static bool is_the_one(const struct inet_diag_msg *m, const PeerQuestion *q) {
        const struct inet_diag_sockid *asked = &q->body.id;
        sa_family_t family = q->body.sdiag_family;

        return m->id.idiag_sport == asked->idiag_sport && m->id.idiag_dport == asked->idiag_dport &&
                same_address(asked->idiag_src, family, m->id.idiag_src, m->idiag_family) &&
                (asked->idiag_dport == 0 || same_address(asked->idiag_dst, family, m->id.idiag_dst, m->idiag_family));
}

int peer_answer(const void *data, size_t size, const PeerQuestion *question, uid_t *ret) {
        const struct nlmsghdr *head = data;
        const struct inet_diag_msg *m;
        const struct nlmsgerr *e;

        if (size < sizeof(*head) || head->nlmsg_len < sizeof(*head) || head->nlmsg_len > size)
                return -EBADMSG;
        if (head->nlmsg_seq != question->head.nlmsg_seq)
                return -EAGAIN;
        if (head->nlmsg_type == NLMSG_ERROR) {
                if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
                        return -EBADMSG;
                e = NLMSG_DATA(head);
                if (e->error >= 0)
                        return -EBADMSG;
                return e->error == -ENOENT ? -ESRCH : e->error;
        }
        if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || head->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        m = NLMSG_DATA(head);
        /* A socket that no process has any more, and one in TIME_WAIT, shows uid 0 with inode 0: that is not root. */
        if (m->idiag_inode == 0 || !is_the_one(m, question))
                return -ESRCH;
        *ret = m->idiag_uid;
        return 0;
}

/* 0, or -EAGAIN when the answer is not there: somebody else has read it. */
static int read_answer(const PeerDiag *diag, const PeerQuestion *question, uid_t *ret) {
        for (unsigned i = 0; i < STALE_MAX; i++) {
                _Alignas(struct nlmsghdr) char buffer[1024];
                struct sockaddr_nl from = {};
                socklen_t from_size = sizeof(from);
                ssize_t n;
                int r;

                n = recvfrom(diag->fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *) &from, &from_size);
                if (n < 0 && errno != EINTR && errno != ENOBUFS)
                        return -errno;
                if (n < 0 || from_size != sizeof(from) || from.nl_pid != 0)
                        continue; /* not from the kernel */
                r = peer_answer(buffer, (size_t) n, question, ret);
                if (r != -EAGAIN)
                        return r;
        }
        return -EAGAIN;
}

static int ask(PeerDiag *diag, PeerQuestion *question, uid_t *ret) {
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

        if (diag->fd < 0)
                return -EBADF;
        for (unsigned i = 0; i < ASK_AGAIN; i++) {
                int r;

                question->head.nlmsg_seq = ++diag->sequence;
                if (sendto(diag->fd, question, sizeof(*question), MSG_DONTWAIT | MSG_NOSIGNAL,
                           (struct sockaddr *) &kernel, sizeof(kernel)) < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                r = read_answer(diag, question, ret);
                if (r != -EAGAIN)
                        return r;
        }
        return -EBUSY;
}

int peer_find_uid(PeerDiag *diag, int fd, uid_t *ret) {
        struct sockaddr_storage peer = {}, local = {};
        socklen_t peer_size = sizeof(peer), local_size = sizeof(local);
        PeerQuestion question;
        int r;

        if (getpeername(fd, (struct sockaddr *) &peer, &peer_size) < 0)
                return errno == ENOTCONN ? -ESRCH : -errno; /* reset already */
        if (peer.ss_family == AF_UNIX) {
                struct ucred ucred;
                socklen_t size = sizeof(ucred);

                if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
                        return -errno;
                *ret = ucred.uid;
                return 0;
        }
        if (getsockname(fd, (struct sockaddr *) &local, &local_size) < 0)
                return -errno;
        r = peer_question(&peer, &local, 0, &question);
        return r < 0 ? r : ask(diag, &question, ret);
}

int peer_try(PeerDiag *diag, int listener, uid_t *ret) {
        struct sockaddr_storage local = {}, nobody = {};
        socklen_t size = sizeof(local);
        PeerQuestion question;
        int r;

        if (getsockname(listener, (struct sockaddr *) &local, &size) < 0)
                return -errno;
        nobody.ss_family = local.ss_family;
        r = peer_question(&local, &nobody, 0, &question);
        return r < 0 ? r : ask(diag, &question, ret);
}
