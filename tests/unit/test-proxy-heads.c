/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "basic/string-util.h"
#include "proxy/answer-head.h"
#include "proxy/frames.h"
#include "proxy/handshake.h"

static const struct sockaddr_in peer = { .sin_family = AF_INET };

static void from_text(Fields *f, char *text) {
        char *save = NULL;

        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *value = strstr(line, ": ");

                *value = '\0';
                fields_add(f, line, value + 2);
        }
}

static char *to_text(const Fields *f) {
        char *text = strdup("");

        for (size_t i = 0; i < f->n; i++)
                cr_assert_eq(str_replace_printf(&text, "%s%s: %s\n", text, f->items[i].name, f->items[i].value), 0);
        return text;
}

Test(fields, hop_by_hop) {
        static const struct {
                const char *in, *out;
        } cases[] = {
                { "A: 1\nB: 2\n", "A: 1\nB: 2\n" },
                { "A: 1\nConnection: close\nA: 2\n", "A: 1\nA: 2\n" },
                { "X-Secret: 1\nConnection: x-secret, close\nX-Secrets: 2\n", "X-Secrets: 2\n" },
                { "Connection: a\nconnection: B ,\t c;x=1,,\nA: 1\nB: 2\nC: 3\nD: 4\n", "D: 4\n" },
                { "Connection: Host\nHost: h\n", "Host: h\n" },
                { "Keep-Alive: 5\nTE: trailers\nTrailer: X\nTransfer-Encoding: chunked\nUpgrade: h2c\nProxy-Foo: 1\n", "" },
                { "Tea: 1\nUpgrades: 2\nProxy: 3\nKeep: 4\n", "Tea: 1\nUpgrades: 2\nProxy: 3\nKeep: 4\n" },
                { "Connection: a\nConnection: b\nConnection: c\nConnection: d\nConnection: e\nConnection: f\nConnection: g\n"
                  "Connection: h\nConnection: i\nI: 1\nA: 2\nJ: 3\n", "J: 3\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *in = strdup(cases[i].in), *out = NULL;
                Fields f = {};

                from_text(&f, in);
                fields_remove_hop_by_hop(&f);
                out = to_text(&f);
                cr_expect_str_eq(out, cases[i].out, "%zu: %s", i, out);
                fields_done(&f);
        }
}

Test(fields, forwarded) {
        _cleanup_(freep) char *in = strdup("Host: h:1\nX-Forwarded-For: 1.1.1.1\nx-forwarded-for: 2.2.2.2\nX-Request-Id: a\n"
                                           "X-Request-Id: b\n");
        _cleanup_(freep) char *out = NULL;
        struct sockaddr_in client = peer;
        Fields f = {};

        client.sin_addr.s_addr = inet_addr("127.0.0.2");
        from_text(&f, in);
        cr_assert_eq(fields_add_forwarded(&f, (const struct sockaddr *) &client, true, "id"), 0);
        out = to_text(&f);
        cr_expect_str_eq(out, "Host: h:1\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.2\nX-Forwarded-Proto: http\n"
                              "X-Forwarded-Host: h:1\nVia: 1.0 tooloo-web\nX-Request-Id: id\n");
        cr_expect(fields_have_passed_here(&f));
        fields_done(&f);
}

Test(fields, passed_here) {
        static const struct {
                const char *via;
                bool passed;
        } cases[] = {
                { "1.1 tooloo-web", true }, { "1.0 a, 1.1 TOOLOO-WEB (x), 1.1 b", true }, { "1.1 tooloo-web,1.1 b", true },
                { "1.1 tooloo-web2", false }, { "1.1 my-tooloo-web", false }, { "tooloo-web", false }, { "", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Fields f = {};

                fields_add(&f, "via", cases[i].via);
                cr_expect_eq(fields_have_passed_here(&f), cases[i].passed, "%s", cases[i].via);
                fields_done(&f);
        }
}

/* --- The answer's head --- */

static int read_lines(AnswerHead *h, const char *text) {
        answer_head_clear(h);
        while (*text) {
                size_t size = strcspn(text, "\n") + 1;
                int r = answer_head_line(h, text, size);

                if (r < 0)
                        return r;
                text += size;
        }
        return 0;
}

Test(answer_head, good) {
        _cleanup_(freep) char *out = NULL;
        AnswerHead h = {};
        Fields f = {};

        cr_assert_eq(read_lines(&h, "HTTP/1.1 100 Continue\r\nX: 0\r\n\r\nHTTP/1.1 203 \r\nA:  b \t\r\nContent-Length: 7\r\n"
                                    "Connection: x\r\nX: 1\r\nEmpty:\r\nX-Request-Id: theirs\r\n\r\nTrailer: no\r\n"), 0);
        cr_expect(h.complete);
        cr_expect_eq(h.status, 203);
        cr_expect_eq(h.length, 7);
        cr_assert_eq(answer_head_fields(&h, &f), 0);
        out = to_text(&f);
        cr_expect_str_eq(out, "A: b\nEmpty: \nVia: 1.1 tooloo-web\n");
        fields_done(&f);
        answer_head_done(&h);
}

Test(answer_head, refused) {
        static const char *const heads[] = {
                "HTTP/1.1 OK\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2000 x\r\n", "HTTP/1.1 600 x\r\n", "HTTP/1.1 099 x\r\n",
                "HTTP/1.1 101 x\r\n", "HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
                "HTTP/1.1 200 x\r\nContent-Length: +1\r\n", "HTTP/1.1 200 x\r\nContent-Length: 1, 1\r\n",
                "HTTP/1.1 200 x\r\nContent-Length: 99999999999999999999\r\n", "HTTP/1.1 200 x\r\nContent-Length:\r\n",
                "HTTP/1.1 200 x\r\nTransfer-Encoding: gzip\r\n",
                "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 200 x\r\n folded\r\n",
                "HTTP/1.1 200 x\r\nA: 1\r\n folded: 1\r\n", "HTTP/1.1 200 x\r\nA : 1\r\n", "HTTP/1.1 200 x\r\n: 1\r\n",
                "HTTP/1.1 200 x\r\nA: 1\r2\r\n",
        };
        AnswerHead h = {};

        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                cr_expect_eq(read_lines(&h, heads[i]), -EBADMSG, "%s", heads[i]);
                cr_expect(h.wrong, "%s", heads[i]);
        }
        answer_head_done(&h);
}

Test(answer_head, limits) {
        AnswerHead h = {};
        unsigned n = 0;

        cr_assert_eq(read_lines(&h, "HTTP/1.1 200 OK\r\n"), 0);
        while (n < ANSWER_FIELDS_MAX && answer_head_line(&h, "A: 1\r\n", 6) == 0)
                n++;
        cr_expect_eq(n, ANSWER_FIELDS_MAX);
        cr_expect_eq(answer_head_line(&h, "A: 1\r\n", 6), -EBADMSG);
        answer_head_done(&h);
}

/* --- Handshakes --- */

#define UPGRADE "Host: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\n"

static int rewrite(const char *head, char **ret) {
        _cleanup_(freep) char *text = strdup(head);
        const char *why = NULL;
        Buffer b = {};
        int r;

        r = handshake_for_service(text, strlen(text), (const struct sockaddr *) &peer, "id", &b, &why);
        cr_expect((r < 0) == !!why);
        if (r >= 0)
                *ret = strndup(b.bytes, buffer_size(&b));
        buffer_done(&b);
        return r;
}

Test(handshake, for_service) {
        _cleanup_(freep) char *out = NULL;

        cr_assert_eq(rewrite("GET /a?b HTTP/1.1\r\n" UPGRADE "X-A: 1\r\nKeep-Alive: 5\r\nProxy-X: 1\r\n\r\n", &out), 0);
        cr_expect_str_eq(out, "GET /a?b HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nHost: h\r\nSec-WebSocket-Key: k\r\n"
                              "X-A: 1\r\nX-Forwarded-For: 0.0.0.0\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n"
                              "Via: 1.1 tooloo-web\r\nX-Request-Id: id\r\n\r\n");
}

Test(handshake, refused) {
        static const char *const heads[] = {
                "POST / HTTP/1.1\r\n" UPGRADE "\r\n", "GET / HTTP/1.0\r\n" UPGRADE "\r\n", "GET http://h/ HTTP/1.1\r\n" UPGRADE "\r\n",
                "GET / HTTP/1.1 \r\n" UPGRADE "\r\n", "GET /\tx HTTP/1.1\r\n" UPGRADE "\r\n", "GET / x HTTP/1.1\r\n" UPGRADE "\r\n",
                "GET / HTTP/1.1\n" UPGRADE "\r\n", "GET / HTTP/1.1\r\n" UPGRADE "Host: i\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE "Content-Length: 0\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE "Transfer-Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\n" UPGRADE "A: 1\r\n b\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE "A: 1\rB: 2\r\n\r\n", "GET / HTTP/1.1\r\n" UPGRADE "A : 1\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE "A: 1\nB: 2\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE "Upgrade: h2c\r\n\r\n", "GET / HTTP/1.1\r\n" UPGRADE "Via: 1.1 tooloo-web\r\n\r\n",
                "GET / HTTP/1.1\r\n" UPGRADE, "GET / HTTP/1.1\r\n" UPGRADE "\r\nmore\r\n\r\n", "\r\n\r\n", "",
        };

        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                _cleanup_(freep) char *out = NULL;

                cr_expect_eq(rewrite(heads[i], &out), -EBADMSG, "%zu: %s", i, heads[i]);
        }
}

Test(handshake, for_client) {
        static const struct {
                const char *in, *out;
                unsigned status;
                int64_t length;
        } cases[] = {
                { "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nA: 1\r\n\r\n",
                  "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: 1\r\nX-Request-Id: id\r\nVia: 1.1 tooloo-web\r\n\r\n",
                  101, -1 },
                { "HTTP/1.0 403 F\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
                  "HTTP/1.0 403 F\r\nConnection: close\r\nContent-Length: 3\r\nX-Request-Id: id\r\nVia: 1.1 tooloo-web\r\n\r\n", 403, 3 },
                { "HTTP/1.1 400 B\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "HTTP/1.1 400 B\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Request-Id: id\r\nVia: 1.1 tooloo-web\r\n\r\n",
                  400, -1 },
                { "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", NULL, 0, 0 },
                { "HTTP/1.1 100 C\r\n\r\n", NULL, 0, 0 },
                { "HTTP/1.1 200 C\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", NULL, 0, 0 },
                { "HTTP/1.1 200 C\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, 0, 0 },
                { "HTTP/2 200 C\r\n\r\n", NULL, 0, 0 },
                { "hello\r\n\r\n", NULL, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = strdup(cases[i].in), *out = NULL;
                const char *why = NULL;
                unsigned status = 0;
                int64_t length = 0;
                Buffer b = {};
                int r;

                r = handshake_for_client(text, strlen(text), "id", &b, &status, &length, &why);
                cr_expect_eq(r, cases[i].out ? 0 : -EBADMSG, "%zu", i);
                if (r >= 0) {
                        out = strndup(b.bytes, buffer_size(&b));
                        cr_expect_str_eq(out, cases[i].out);
                        cr_expect_eq(status, cases[i].status);
                        cr_expect_eq(length, cases[i].length, "%zu", i);
                }
                buffer_done(&b);
        }
}

/* --- Frames: whatever the pieces they come in --- */

Test(frames, boundaries) {
        static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 70000 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                for (unsigned masked = 0; masked < 2; masked++) {
                        _cleanup_(freep) unsigned char *bytes = calloc(1, sizes[i] + 14);
                        size_t head = 2, size = sizes[i];
                        Frames f = {};

                        bytes[0] = 0x82;
                        if (size < 126)
                                bytes[1] = (unsigned char) size;
                        else if (size < 65536) {
                                bytes[1] = 126;
                                bytes[2] = (unsigned char) (size >> 8);
                                bytes[3] = (unsigned char) size;
                                head = 4;
                        } else {
                                bytes[1] = 127;
                                for (unsigned n = 0; n < 8; n++)
                                        bytes[2 + n] = (unsigned char) ((uint64_t) size >> (56 - 8 * n));
                                head = 10;
                        }
                        bytes[1] |= masked ? 0x80 : 0;
                        head += masked ? 4 : 0;
                        for (size_t at = 0; at < head + size; at++) {
                                cr_assert_eq(frames_at_boundary(&f), at == 0, "%zu of %zu", at, size);
                                frames_pass(&f, bytes + at, 1);
                        }
                        cr_expect(frames_at_boundary(&f));
                        frames_pass(&f, bytes, head + size);
                        cr_expect(frames_at_boundary(&f));
                }
}

Test(frames, nothing_follows_a_close) {
        Frames f = {};

        frames_pass(&f, "\x88\x02\x03\xe8", 4);
        cr_expect_not(frames_at_boundary(&f));
}
