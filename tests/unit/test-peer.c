/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "basic/macro.h"
#include "foundation/peer.h"

/* --- Questions and answers, message by message --- */

static struct sockaddr_storage address(const char *text, unsigned port) {
        struct sockaddr_storage a = {};
        struct sockaddr_in *in = (struct sockaddr_in *) &a;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &a;

        if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
                a.ss_family = AF_INET;
                in->sin_port = htons((in_port_t) port);
                return a;
        }
        cr_assert_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
        a.ss_family = AF_INET6;
        in6->sin6_port = htons((in_port_t) port);
        return a;
}

typedef struct Answer {
        struct nlmsghdr head;
        struct inet_diag_msg body;
} Answer;

static PeerQuestion question(const char *of, const char *to) {
        struct sockaddr_storage a = address(of, 40000), b = address(to, 3001);
        PeerQuestion q;

        cr_assert_eq(peer_question(&a, &b, 7, &q), 0);
        return q;
}

static Answer answer_to(const PeerQuestion *q) {
        return (Answer) {
                .head = { .nlmsg_len = sizeof(Answer), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = 7 },
                .body = { .idiag_family = q->body.sdiag_family, .idiag_state = TCP_ESTABLISHED, .id = q->body.id,
                          .idiag_uid = 1000, .idiag_inode = 4711 },
        };
}

static int judge(const PeerQuestion *q, const Answer *a, size_t size) {
        uid_t uid = 12345;
        int r = peer_answer(a, size, q, &uid);

        if (r == 0)
                cr_expect_eq(uid, 1000);
        else
                cr_expect_eq(uid, 12345, "a failure leaves the output alone");
        return r;
}

Test(peer, question) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.2");

        cr_expect_eq(q.body.sdiag_family, AF_INET);
        cr_expect_eq(q.body.id.idiag_src[0], htonl(0x7f000001));
        cr_expect_eq(q.body.id.idiag_dst[0], htonl(0x7f000002));
        cr_expect_eq(ntohs(q.body.id.idiag_sport), 40000);
        cr_expect_eq(ntohs(q.body.id.idiag_dport), 3001);
        cr_expect_eq(q.head.nlmsg_flags & NLM_F_DUMP, 0, "one socket, not all");
        q = question("::ffff:127.0.0.1", "::ffff:127.0.0.2");
        cr_expect_eq(q.body.sdiag_family, AF_INET);
        cr_expect_eq(q.body.id.idiag_dst[0], htonl(0x7f000002));
        q = question("::1", "::1");
        cr_expect_eq(q.body.sdiag_family, AF_INET6);
}

Test(peer, no_question) {
        struct sockaddr_storage a = address("127.0.0.1", 1), b = address("::1", 1), none = { .ss_family = AF_VSOCK };
        PeerQuestion q;

        cr_expect_eq(peer_question(&a, &b, 7, &q), -EINVAL);
        cr_expect_eq(peer_question(&none, &none, 7, &q), -EAFNOSUPPORT);
}

Test(peer, answer) {
        static const char *const of[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };

        for (size_t i = 0; i < ELEMENTSOF(of); i++) {
                PeerQuestion q = question(of[i], of[i]);
                Answer a = answer_to(&q);

                cr_expect_eq(judge(&q, &a, sizeof(a)), 0, "%s", of[i]);
                a.body.idiag_state = TCP_FIN_WAIT2; /* has said all it had to say */
                cr_expect_eq(judge(&q, &a, sizeof(a)), 0);
        }
}

Test(peer, ipv6_socket_connected_by_ipv4) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.1");
        Answer a = answer_to(&q);

        a.body.idiag_family = AF_INET6;
        memcpy(a.body.id.idiag_src, (__be32[]) { 0, 0, htonl(0xffff), htonl(0x7f000001) }, 16);
        memcpy(a.body.id.idiag_dst, (__be32[]) { 0, 0, htonl(0xffff), htonl(0x7f000001) }, 16);
        cr_expect_eq(judge(&q, &a, sizeof(a)), 0);
        a.body.id.idiag_src[2] = 0;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
}

Test(peer, nobody) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.1");
        Answer a = answer_to(&q);

        a.body.idiag_uid = 0; /* what an orphan looks like: that is not root */
        a.body.idiag_inode = 0;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
        a.body.idiag_uid = 1000;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
}

/* Without such a connection the kernel looks for who listens there. */
Test(peer, another_socket) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.1");
        Answer a = answer_to(&q);

        a.body.idiag_state = TCP_LISTEN;
        a.body.id.idiag_dport = 0;
        a.body.id.idiag_dst[0] = 0;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
        a = answer_to(&q);
        a.body.id.idiag_dst[0] ^= htonl(1);
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
        a = answer_to(&q);
        a.body.id.idiag_sport ^= htons(1);
        cr_expect_eq(judge(&q, &a, sizeof(a)), -ESRCH);
}

Test(peer, errors) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.1");
        struct {
                struct nlmsghdr head;
                struct nlmsgerr body;
        } e = { .head = { .nlmsg_len = sizeof(e), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 7 }, .body.error = -ENOENT };
        uid_t uid;

        cr_expect_eq(peer_answer(&e, sizeof(e), &q, &uid), -ESRCH);
        e.body.error = -EPERM;
        cr_expect_eq(peer_answer(&e, sizeof(e), &q, &uid), -EPERM);
        e.body.error = 0; /* an acknowledgement, which was not asked for */
        cr_expect_eq(peer_answer(&e, sizeof(e), &q, &uid), -EBADMSG);
        e.head.nlmsg_len = sizeof(e.head);
        cr_expect_eq(peer_answer(&e, sizeof(e), &q, &uid), -EBADMSG);
}

Test(peer, broken_or_foreign_messages) {
        PeerQuestion q = question("127.0.0.1", "127.0.0.1");
        Answer a = answer_to(&q);

        for (size_t size = 0; size < sizeof(a); size++)
                cr_expect_eq(judge(&q, &a, size), -EBADMSG, "%zu bytes", size);
        a.head.nlmsg_len = sizeof(a) - 1;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -EBADMSG);
        a.head.nlmsg_len = 0;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -EBADMSG);
        a = answer_to(&q);
        a.head.nlmsg_type = NLMSG_DONE;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -EBADMSG);
        a = answer_to(&q);
        a.head.nlmsg_seq = 8;
        cr_expect_eq(judge(&q, &a, sizeof(a)), -EAGAIN);
}

/* --- The kernel --- */

static PeerDiag diag = { .fd = -EBADF };

static void set_up(void) {
        cr_assert_eq(peer_diag_start(&diag, -EBADF), 0);
        cr_assert(peer_is_diag_socket(diag.fd));
}

static void tear_down(void) {
        peer_diag_done(&diag);
}

TestSuite(peer_kernel, .init = set_up, .fini = tear_down);

static int listen_at(const struct sockaddr_storage *a) {
        int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        cr_assert_eq(bind(fd, (const struct sockaddr *) a, sizeof(*a)), 0);
        cr_assert_eq(listen(fd, 5), 0);
        return fd;
}

static int connect_to(int listener, sa_family_t family) {
        struct sockaddr_storage a = {};
        socklen_t size = sizeof(a);
        int fd;

        cr_assert_eq(getsockname(listener, (struct sockaddr *) &a, &size), 0);
        if (family == AF_INET6 && a.ss_family == AF_INET)
                a = address("::ffff:127.0.0.1", ntohs(((struct sockaddr_in *) &a)->sin_port));
        fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(fd, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *) &a, sizeof(a)), 0);
        return fd;
}

static void expect_own(int listener, sa_family_t family) {
        _cleanup_(closep) int client = connect_to(listener, family), server = accept(listener, NULL, NULL);
        uid_t uid;

        cr_assert_geq(server, 0);
        cr_assert_eq(peer_find_uid(&diag, server, &uid), 0);
        cr_expect_eq(uid, getuid());
        cr_expect_eq(shutdown(client, SHUT_WR), 0);
        cr_expect_eq(peer_find_uid(&diag, server, &uid), 0, "a half-closed one is still somebody's");
}

Test(peer_kernel, own_connections) {
        struct sockaddr_storage in = address("127.0.0.1", 0), in6 = address("::1", 0);
        _cleanup_(closep) int a = listen_at(&in), b = listen_at(&in6);
        uid_t uid;

        expect_own(a, AF_INET);
        expect_own(a, AF_INET6);
        expect_own(b, AF_INET6);
        cr_expect_eq(peer_try(&diag, a, &uid), 0);
        cr_expect_eq(uid, getuid());
        cr_expect_eq(peer_try(&diag, b, &uid), 0);
}

Test(peer_kernel, gone) {
        struct sockaddr_storage in = address("127.0.0.1", 0);
        _cleanup_(closep) int listener = listen_at(&in), server = -EBADF, second = -EBADF;
        uid_t uid = 12345;
        int client;

        client = connect_to(listener, AF_INET);
        server = accept(listener, NULL, NULL);
        cr_assert_eq(write(client, "GET", 3), 3);
        safe_close(client);
        cr_expect_eq(peer_find_uid(&diag, server, &uid), -ESRCH);
        client = connect_to(listener, AF_INET);
        second = accept(listener, NULL, NULL);
        cr_assert_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger) { 1, 0 }, sizeof(struct linger)), 0);
        safe_close(client); /* with a reset */
        cr_expect_eq(peer_find_uid(&diag, second, &uid), -ESRCH);
        cr_expect_eq(uid, 12345);
}

Test(peer_kernel, unix_socket) {
        int pair[2];
        uid_t uid;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        cr_expect_eq(peer_find_uid(&diag, pair[0], &uid), 0);
        cr_expect_eq(uid, getuid());
        safe_close(pair[0]);
        safe_close(pair[1]);
}

/* A predecessor that died before it read the answer, or another process with the same socket. */
Test(peer_kernel, unread_answers) {
        struct sockaddr_storage in = address("127.0.0.1", 0), peer = {}, local = {};
        _cleanup_(closep) int listener = listen_at(&in), client = connect_to(listener, AF_INET),
                              server = accept(listener, NULL, NULL);
        socklen_t size = sizeof(peer);
        PeerQuestion q;
        uid_t uid;

        cr_assert_eq(getpeername(server, (struct sockaddr *) &peer, &size), 0);
        cr_assert_eq(getsockname(server, (struct sockaddr *) &local, &size), 0);
        for (uint32_t i = 0; i < 20; i++) {
                cr_assert_eq(peer_question(&peer, &local, diag.sequence - i - 100, &q), 0);
                cr_assert_eq(send(diag.fd, &q, sizeof(q), 0), sizeof(q));
        }
        cr_expect_eq(peer_find_uid(&diag, server, &uid), 0);
        cr_expect_eq(uid, getuid());
        cr_expect_eq(recv(diag.fd, &q, sizeof(q), MSG_DONTWAIT), -1, "all was read");
        cr_expect_geq(client, 0);
}

Test(peer_kernel, not_to_be_had) {
        PeerDiag none = { .fd = -EBADF };
        struct sockaddr_storage in = address("127.0.0.1", 0);
        _cleanup_(closep) int listener = listen_at(&in), client = connect_to(listener, AF_INET),
                              server = accept(listener, NULL, NULL);
        uid_t uid;

        cr_expect_eq(peer_find_uid(&none, server, &uid), -EBADF);
        cr_expect_eq(peer_find_uid(&diag, listener, &uid), -ESRCH, "not connected");
        cr_expect_not(peer_is_diag_socket(client));
        cr_expect_not(peer_is_diag_socket(-1));
}
