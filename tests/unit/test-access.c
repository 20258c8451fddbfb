/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "basic/string-util.h"
#include "foundation/access.h"

static char *hosts[] = { (char *) "proxy.example", (char *) "Box.Example.:8443", (char *) "[FD00::1]", NULL };
static char *origins[] = { (char *) "https://app.example", (char *) "http://App.example:8080",
                           (char *) "chrome-extension://abc", NULL };
static unsigned own[] = { 3001 };
static unsigned asked;

/* 3000 is the fleet's, 3999 is not known yet. */
static int is_our_port(unsigned port, void *userdata) {
        cr_assert_eq(userdata, &asked);
        asked++;
        return port == 3000 || port == 443 ? 1 : port == 3999 ? -EINPROGRESS : 0;
}

static const AccessRules strict = { .own_ports = own, .n_own_ports = 1, .is_our_port = is_our_port, .userdata = &asked };
static const AccessRules listed = { .hosts = hosts, .origins = origins, .own_ports = own, .n_own_ports = 1,
                                    .is_our_port = is_our_port, .userdata = &asked };

static char *long_name(size_t labels, const char *end) {
        char *s = malloc(labels * 10 + strlen(end) + 1);

        cr_assert(s);
        for (size_t i = 0; i < labels; i++)
                memcpy(s + i * 10, "aaaaaaaaa.", 10);
        memcpy(s + labels * 10, end, strlen(end) + 1);
        return s;
}

static Access judge_host(const AccessRules *rules, const char *host) {
        return access_judge(rules, &(AccessHead) { .host = host });
}

Test(access, host) {
        static const struct {
                const char *host;
                Access strict, listed;
        } cases[] = {
                { "localhost", ACCESS_OK, ACCESS_OK },
                { "LocalHost:3001", ACCESS_OK, ACCESS_OK },
                { " localhost:80 \t", ACCESS_OK, ACCESS_OK },
                { "localhost:", ACCESS_OK, ACCESS_OK },
                { "localhost.", ACCESS_OK, ACCESS_OK },
                { "localhost.:3001", ACCESS_OK, ACCESS_OK },
                { "cup.localhost", ACCESS_OK, ACCESS_OK },
                { "a.b.LOCALHOST:1", ACCESS_OK, ACCESS_OK },
                { "127.0.0.1", ACCESS_OK, ACCESS_OK },
                { "127.255.255.254:65535", ACCESS_OK, ACCESS_OK },
                { "[::1]", ACCESS_OK, ACCESS_OK },
                { "[::1]:3001", ACCESS_OK, ACCESS_OK },
                { "[0:0:0:0:0:0:0:1]", ACCESS_OK, ACCESS_OK },

                { "", ACCESS_HOST, ACCESS_HOST },
                { " ", ACCESS_HOST, ACCESS_HOST },
                { ".", ACCESS_HOST, ACCESS_HOST },
                { ":3001", ACCESS_HOST, ACCESS_HOST },
                { ".localhost", ACCESS_HOST, ACCESS_HOST },
                { "a..localhost", ACCESS_HOST, ACCESS_HOST },
                { "localhost..", ACCESS_HOST, ACCESS_HOST },
                { "xlocalhost", ACCESS_HOST, ACCESS_HOST },
                { "localhost.evil.example", ACCESS_HOST, ACCESS_HOST },
                { "127.0.0.1.evil.example", ACCESS_HOST, ACCESS_HOST },
                { "127.0.0.1.", ACCESS_HOST, ACCESS_HOST },
                { "127.1", ACCESS_HOST, ACCESS_HOST },
                { "0x7f000001", ACCESS_HOST, ACCESS_HOST },
                { "2130706433", ACCESS_HOST, ACCESS_HOST },
                { "127.0.0.1.localhost", ACCESS_OK, ACCESS_OK },
                { "0.0.0.0", ACCESS_HOST, ACCESS_HOST },
                { "128.0.0.1", ACCESS_HOST, ACCESS_HOST },
                { "[::]", ACCESS_HOST, ACCESS_HOST },
                { "[::ffff:127.0.0.1]", ACCESS_HOST, ACCESS_HOST },
                { "[::1", ACCESS_HOST, ACCESS_HOST },
                { "[::1]x", ACCESS_HOST, ACCESS_HOST },
                { "[::1].evil.example", ACCESS_HOST, ACCESS_HOST },
                { "[::1%lo]", ACCESS_HOST, ACCESS_HOST },
                { "::1", ACCESS_HOST, ACCESS_HOST },
                { "localhost:65536", ACCESS_HOST, ACCESS_HOST },
                { "localhost:0000000080", ACCESS_HOST, ACCESS_HOST },
                { "localhost:80a", ACCESS_HOST, ACCESS_HOST },
                { "localhost:-1", ACCESS_HOST, ACCESS_HOST },
                { "localhost:80:80", ACCESS_HOST, ACCESS_HOST },
                { "localhost evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost,evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost/", ACCESS_HOST, ACCESS_HOST },
                { "evil.example@localhost", ACCESS_HOST, ACCESS_HOST },
                { "localhost@evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost:80@evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost#.evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost\\.evil.example", ACCESS_HOST, ACCESS_HOST },
                { "localhost%00.evil.example", ACCESS_HOST, ACCESS_HOST },
                { "l\xc3\xb6" "calhost", ACCESS_HOST, ACCESS_HOST },
                { "evil.example", ACCESS_HOST, ACCESS_HOST },

                { "proxy.example", ACCESS_HOST, ACCESS_OK },
                { "PROXY.example.:1234", ACCESS_HOST, ACCESS_OK },
                { "x.proxy.example", ACCESS_HOST, ACCESS_HOST },
                { "box.example:8443", ACCESS_HOST, ACCESS_OK },
                { "box.example", ACCESS_HOST, ACCESS_HOST },
                { "box.example:8444", ACCESS_HOST, ACCESS_HOST },
                { "[fd00:0::1]:80", ACCESS_HOST, ACCESS_OK },
                { "[fd00::2]", ACCESS_HOST, ACCESS_HOST },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cr_expect_eq(judge_host(&strict, cases[i].host), cases[i].strict, "%s", cases[i].host);
                cr_expect_eq(judge_host(&listed, cases[i].host), cases[i].listed, "%s, listed", cases[i].host);
        }
        cr_expect_eq(judge_host(&strict, NULL), ACCESS_OK, "HTTP/1.0");
}

Test(access, long_host) {
        _cleanup_(freep) char *fits = long_name(24, "localhost"), *longer = long_name(25, "localhost"),
                             *very_long = long_name(1000, "localhost");

        cr_expect_eq(judge_host(&strict, fits), ACCESS_OK); /* 249 bytes */
        cr_expect_eq(judge_host(&strict, longer), ACCESS_HOST);
        cr_expect_eq(judge_host(&strict, very_long), ACCESS_HOST);
}

Test(access, authority_of_the_target_counts_too) {
        cr_expect_eq(access_judge(&strict, &(AccessHead) { .authority = "evil.example", .host = "localhost" }),
                     ACCESS_HOST);
        cr_expect_eq(access_judge(&strict, &(AccessHead) { .authority = "localhost", .host = "evil.example" }),
                     ACCESS_HOST);
        cr_expect_eq(access_judge(&strict, &(AccessHead) { .authority = "localhost:80", .host = "localhost" }),
                     ACCESS_OK);
        cr_expect_eq(access_judge(&strict, &(AccessHead) { .authority = "" }), ACCESS_HOST);
}

Test(access, origin) {
        static const struct {
                const char *origin;
                Access strict, listed;
        } cases[] = {
                { "http://localhost:3001", ACCESS_OK, ACCESS_OK }, /* our own */
                { "http://LOCALHOST:3000", ACCESS_OK, ACCESS_OK },
                { "https://localhost:3000", ACCESS_OK, ACCESS_OK },
                { "https://localhost", ACCESS_OK, ACCESS_OK }, /* 443 */
                { "http://127.0.0.1:3000", ACCESS_OK, ACCESS_OK },
                { "http://[::1]:3000", ACCESS_OK, ACCESS_OK },
                { "http://web.localhost:3000", ACCESS_OK, ACCESS_OK },
                { "http://localhost:3999", ACCESS_WAIT, ACCESS_WAIT },

                { "http://localhost:9999", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost", ACCESS_ORIGIN, ACCESS_ORIGIN }, /* 80 */
                { "http://localhost:", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost:0", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://evil.example:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost.evil.example:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://evil.example@localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost:3000@evil.example", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost:3000/", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost:3000 http://evil.example", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://localhost:3000,http://localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "//localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "ws://localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "file://", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "file://localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "chrome-extension://localhost:3000", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "null", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "", ACCESS_ORIGIN, ACCESS_ORIGIN },

                { "https://app.example", ACCESS_ORIGIN, ACCESS_OK },
                { "https://APP.example:443", ACCESS_ORIGIN, ACCESS_OK },
                { "http://app.example:8080", ACCESS_ORIGIN, ACCESS_OK },
                { "chrome-extension://abc", ACCESS_ORIGIN, ACCESS_OK },
                { "chrome-extension://abcd", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://app.example", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "http://app.example:443", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "https://app.example:8080", ACCESS_ORIGIN, ACCESS_ORIGIN },
                { "https://app.example.evil.example", ACCESS_ORIGIN, ACCESS_ORIGIN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                AccessHead head = { .host = "localhost", .origin = cases[i].origin, .n_origins = 1 };

                cr_expect_eq(access_judge(&strict, &head), ACCESS_OK, "GET from %s", cases[i].origin);
                head.changes = true;
                cr_expect_eq(access_judge(&strict, &head), cases[i].strict, "POST from %s", cases[i].origin);
                cr_expect_eq(access_judge(&listed, &head), cases[i].listed, "POST from %s, listed", cases[i].origin);
                head.changes = false;
                head.websocket = true;
                cr_expect_eq(access_judge(&strict, &head), cases[i].strict, "WebSocket from %s", cases[i].origin);
        }
}

Test(access, without_a_fleet) {
        const AccessRules rules = { .own_ports = own, .n_own_ports = 1 };
        AccessHead head = { .origin = "http://localhost:3001", .n_origins = 1, .changes = true };

        cr_expect_eq(access_judge(&rules, &head), ACCESS_OK);
        head.origin = "http://localhost:3000";
        cr_expect_eq(access_judge(&rules, &head), ACCESS_ORIGIN);
}

Test(access, the_fleet_is_asked_for_foreign_loopback_ports_alone) {
        AccessHead head = { .origin = "http://localhost:3001", .n_origins = 1, .changes = true };

        asked = 0;
        (void) access_judge(&strict, &head);
        head.origin = "http://evil.example:3000";
        (void) access_judge(&strict, &head);
        head.origin = "https://app.example";
        (void) access_judge(&listed, &head);
        cr_expect_eq(asked, 0);
        head.origin = "http://localhost:3000";
        (void) access_judge(&strict, &head);
        cr_expect_eq(asked, 1);
}

Test(access, several_origins) {
        cr_expect_eq(access_judge(&strict, &(AccessHead) { .origin = "http://localhost:3001", .n_origins = 2,
                                                           .changes = true }), ACCESS_ORIGIN);
}

Test(access, without_origin) {
        static const struct {
                const char *site;
                bool changes;
                Access expected;
        } cases[] = {
                { NULL, true, ACCESS_OK },
                { "none", true, ACCESS_OK },
                { "same-origin", true, ACCESS_OK },
                { "same-site", true, ACCESS_OK },
                { "cross-site", true, ACCESS_ORIGIN },
                { " Cross-Site ", true, ACCESS_ORIGIN },
                { "cross-site", false, ACCESS_OK },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(access_judge(&strict, &(AccessHead) { .host = "localhost", .fetch_site = cases[i].site,
                                                                   .changes = cases[i].changes }),
                             cases[i].expected, "%s", strna(cases[i].site));
}

Test(access, cors) {
        cr_expect(access_origin_is_listed(&listed, "https://app.example"));
        cr_expect_not(access_origin_is_listed(&listed, "https://evil.example"));
        cr_expect_not(access_origin_is_listed(&listed, "http://localhost:3001"), "loopback pages need none");
        cr_expect_not(access_origin_is_listed(&listed, "null"));
        cr_expect_not(access_origin_is_listed(&strict, "https://app.example"));
}

Test(access, what_can_be_listed) {
        cr_expect(access_host_is_valid("proxy.example:80"));
        cr_expect(access_host_is_valid("[fd00::1]"));
        cr_expect_not(access_host_is_valid("*"));
        cr_expect_not(access_host_is_valid("https://proxy.example"));
        cr_expect(access_origin_is_valid("https://app.example"));
        cr_expect_not(access_origin_is_valid("app.example"));
        cr_expect_not(access_origin_is_valid("https://app.example/"));
        cr_expect_not(access_origin_is_valid("https://*.example"));
        cr_expect_not(access_origin_is_valid("null"));
        cr_expect(access_origin_is_valid("chrome-extension://abc"));
        cr_expect_not(access_origin_is_valid("https://"));
        cr_expect_not(access_origin_is_valid("httpx://@"));
}

/* --- Handshakes --- */

#define HEAD "GET /ws HTTP/1.1\r\nHost: localhost\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static bool read_head(const char *bytes, size_t size, AccessHead *ret) {
        static char copy[4096];

        memcpy(copy, bytes, size);
        copy[size] = '\0';
        return access_read_handshake(copy, size, ret);
}

Test(access, handshake) {
        static const char head[] = "GET /ws?a=b HTTP/1.1\r\nHost:  localhost:3001 \r\nupgrade: h2c, WebSocket/13\r\n"
                                   "ORIGIN: http://evil.example\r\nSec-Fetch-Site: cross-site\r\nX-Empty:\r\n\r\n"
                                   "\x81\r\nOrigin: http://localhost:3001\r\n\r\n";
        AccessHead h;

        cr_assert(read_head(head, sizeof(head) - 1, &h));
        cr_expect_str_eq(h.host, "  localhost:3001 ");
        cr_expect_str_eq(h.origin, " http://evil.example");
        cr_expect_str_eq(h.fetch_site, " cross-site");
        cr_expect_eq(h.n_origins, 1, "what comes behind the head is none of it");
        cr_expect(h.websocket);
        cr_expect_null(h.authority);
        cr_expect_eq(access_judge(&strict, &h), ACCESS_ORIGIN);
}

Test(access, no_handshake) {
        static const char with_nul[] = HEAD UPGRADE "X: a\0b\r\nOrigin: http://evil.example\r\n\r\n",
                          hidden[] = HEAD UPGRADE "\0X: a\r\nOrigin: http://evil.example\r\n\r\n";
        static const char *const heads[] = {
                "",
                "GET",
                HEAD "\r\n",                                   /* no Upgrade */
                HEAD "Upgrade: h2c\r\n\r\n",
                HEAD "Upgrade: websockets\r\n\r\n",
                HEAD UPGRADE,                                  /* not over */
                "GET /ws HTTP/1.1\r\n" UPGRADE "\r\n",         /* no Host */
                HEAD "Host: localhost\r\n" UPGRADE "\r\n",     /* two */
                HEAD UPGRADE "X-A: b\r\n Origin: c\r\n\r\n",   /* a continued line */
                HEAD UPGRADE "Origin : c\r\n\r\n",
                HEAD UPGRADE ": c\r\n\r\n",
                HEAD UPGRADE "nonsense\r\n\r\n",
                HEAD UPGRADE "X-A: b\nOrigin: c\r\n\r\n",      /* a bare LF */
                HEAD UPGRADE "X-A: b\rOrigin: c\r\n\r\n",
                "POST /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE "\r\n",
                "GET http://evil.example/ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE "\r\n",
        };
        AccessHead h;

        for (size_t i = 0; i < ELEMENTSOF(heads); i++)
                cr_expect_not(read_head(heads[i], strlen(heads[i]), &h), "%s", heads[i]);
        cr_expect_not(read_head(with_nul, sizeof(with_nul) - 1, &h));
        cr_expect_not(read_head(hidden, sizeof(hidden) - 1, &h));
        cr_expect(read_head(HEAD UPGRADE "\r\n", strlen(HEAD UPGRADE "\r\n"), &h));
}
