/* SPDX-License-Identifier: MIT */
#include "foundation/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "shared/strv.h"

#define NAME_MAX_BYTES 253 /* RFC 1035 2.3.4 */
#define BLANKS " \t"
#define DIGITS "0123456789"

/* "NAME", "NAME:PORT", "[ADDRESS]", "[ADDRESS]:PORT": the host of RFC 3986, as far as browsers write it. */
typedef struct Authority {
        char name[NAME_MAX_BYTES + 1]; /* in small letters; an IPv6 address as the resolver writes it, in brackets */
        bool loopback;
        bool has_port; /* "NAME:" has none */
        unsigned port;
} Authority;

static bool is_loopback_name(const char *name) {
        return streq(name, "localhost") || endswith(name, ".localhost");
}

/* Each label of letters, digits, '-' and '_'. The dot at the end that means the root is taken away. */
static bool take_name(const char *s, size_t n, Authority *ret) {
        struct in_addr in;

        if (n > 1 && s[n - 1] == '.')
                n--;
        if (n == 0 || n > NAME_MAX_BYTES)
                return false;
        for (size_t i = 0; i < n; i++) {
                char c = s[i];

                if (c >= 'A' && c <= 'Z')
                        c = (char) (c - 'A' + 'a');
                if (c == '.' ? i == 0 || i == n - 1 || s[i - 1] == '.'
                             : !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
                        return false;
                ret->name[i] = c;
        }
        ret->name[n] = '\0';
        /* Only as four decimal numbers. Browsers write 127.1 and 0x7f000001 that way, too, before they ask. */
        if (inet_pton(AF_INET, ret->name, &in) == 1)
                ret->loopback = s[n] != '.' && ntohl(in.s_addr) >> 24 == 127;
        else
                ret->loopback = is_loopback_name(ret->name);
        return true;
}

static bool take_ipv6(const char *s, size_t n, Authority *ret) {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr in6;

        if (n >= sizeof(text))
                return false;
        memcpy(text, s, n);
        text[n] = '\0';
        if (inet_pton(AF_INET6, text, &in6) != 1 || !inet_ntop(AF_INET6, &in6, text, sizeof(text)))
                return false;
        (void) snprintf(ret->name, sizeof(ret->name), "[%s]", text);
        ret->loopback = IN6_IS_ADDR_LOOPBACK(&in6);
        return true;
}

static bool take_port(const char *s, size_t n, Authority *ret) {
        unsigned port = 0;

        if (n == 0)
                return true;
        if (n > 5 || strspn(s, DIGITS) < n)
                return false;
        for (size_t i = 0; i < n; i++)
                port = port * 10 + (unsigned) (s[i] - '0');
        if (port > UINT16_MAX)
                return false;
        ret->port = port;
        ret->has_port = true;
        return true;
}

/* Whatever else an authority can have, such as a user with '@', makes it none. */
static bool parse_authority(const char *s, size_t n, Authority *ret) {
        const char *colon, *end;

        *ret = (Authority) {};
        if (n > 0 && *s == '[') {
                end = memchr(s, ']', n);
                if (!end || !take_ipv6(s + 1, (size_t) (end - s) - 1, ret))
                        return false;
                end++;
                if (end == s + n)
                        return true;
                return *end == ':' && take_port(end + 1, (size_t) (s + n - end) - 1, ret);
        }
        colon = memchr(s, ':', n);
        end = colon ? colon : s + n;
        return take_name(s, (size_t) (end - s), ret) &&
                (!colon || take_port(colon + 1, (size_t) (s + n - colon) - 1, ret));
}

static const char *trim(const char *s, size_t *ret_size) {
        size_t n;

        s += strspn(s, BLANKS);
        n = strlen(s);
        while (n > 0 && strchr(BLANKS, s[n - 1]))
                n--;
        *ret_size = n;
        return s;
}

static bool parse_host(const char *value, Authority *ret) {
        size_t n;

        value = trim(value, &n);
        return parse_authority(value, n, ret);
}

/* RFC 6454 6.2; the port is always given then. */
static bool parse_origin(const char *value, Authority *ret, bool *ret_https) {
        size_t n;
        bool https;

        value = trim(value, &n);
        https = n > strlen("https://") && strncasecmp(value, "https://", strlen("https://")) == 0;
        if (!https && (n <= strlen("http://") || strncasecmp(value, "http://", strlen("http://")) != 0))
                return false;
        value += https ? strlen("https://") : strlen("http://");
        n -= https ? strlen("https://") : strlen("http://");
        if (!parse_authority(value, n, ret))
                return false;
        if (!ret->has_port) {
                ret->has_port = true;
                ret->port = https ? 443 : 80;
        }
        *ret_https = https;
        return true;
}

/* Of an extension, an app: "chrome-extension://abc". */
static bool is_other_scheme(const char *origin) {
        const char *end = strstr(origin, "://");

        return end && end > origin && end[3] && !origin[strcspn(origin, BLANKS ",*@")] && !strchr(end + 3, '/') &&
                strncasecmp(origin, "http", 4) != 0;
}

bool access_host_is_valid(const char *host) {
        Authority a;

        return parse_host(host, &a);
}

bool access_origin_is_valid(const char *origin) {
        Authority a;
        bool https;

        return parse_origin(origin, &a, &https) || is_other_scheme(origin);
}

static bool host_is_ours(const AccessRules *rules, const char *host) {
        Authority a, b;

        if (!parse_host(host, &a))
                return false;
        if (a.loopback)
                return true;
        STRV_FOREACH(listed, rules->hosts)
                if (parse_host(*listed, &b) && streq(a.name, b.name) &&
                    (!b.has_port || (a.has_port && a.port == b.port)))
                        return true;
        return false;
}

static bool is_same_origin(const Authority *a, bool https, const char *listed) {
        Authority b;
        bool b_https;

        return parse_origin(listed, &b, &b_https) && https == b_https && a->port == b.port && streq(a->name, b.name);
}

bool access_origin_is_listed(const AccessRules *rules, const char *origin) {
        Authority a;
        bool https, parsed;
        size_t n;

        if (!rules->origins)
                return false;
        origin = trim(origin, &n);
        parsed = parse_origin(origin, &a, &https);
        STRV_FOREACH(listed, rules->origins)
                if ((strlen(*listed) == n && strncasecmp(*listed, origin, n) == 0) ||
                    (parsed && is_same_origin(&a, https, *listed)))
                        return true;
        return false;
}

/* Another server of this machine is not to be trusted for listening here: its pages may be anybody's. */
static Access judge_port(const AccessRules *rules, unsigned port) {
        int r;

        for (size_t i = 0; i < rules->n_own_ports; i++)
                if (rules->own_ports[i] == port)
                        return ACCESS_OK;
        r = rules->is_our_port ? rules->is_our_port(port, rules->userdata) : 0;
        return r > 0 ? ACCESS_OK : r == -EINPROGRESS ? ACCESS_WAIT : ACCESS_ORIGIN;
}

static Access judge_origin(const AccessRules *rules, const AccessHead *head) {
        Authority a;
        bool https;
        size_t n;

        if (head->n_origins == 0) {
                const char *site = head->fetch_site ? trim(head->fetch_site, &n) : NULL;

                return site && n == strlen("cross-site") && strncasecmp(site, "cross-site", n) == 0 ? ACCESS_ORIGIN
                                                                                                    : ACCESS_OK;
        }
        if (head->n_origins > 1)
                return ACCESS_ORIGIN;
        if (access_origin_is_listed(rules, head->origin))
                return ACCESS_OK;
        return parse_origin(head->origin, &a, &https) && a.loopback ? judge_port(rules, a.port) : ACCESS_ORIGIN;
}

Access access_judge(const AccessRules *rules, const AccessHead *head) {
        if (head->authority && !host_is_ours(rules, head->authority))
                return ACCESS_HOST;
        if (head->host && !host_is_ours(rules, head->host))
                return ACCESS_HOST;
        return head->changes || head->websocket ? judge_origin(rules, head) : ACCESS_OK;
}

/* Upgrade is a list of protocols, each maybe with a version. */
static bool has_token(const char *value, const char *token) {
        size_t n = strlen(token);

        for (const char *s = value; *s; s++) {
                s += strspn(s, BLANKS ",");
                if (strncasecmp(s, token, n) == 0 && strchr(BLANKS ",/", s[n]))
                        return true;
                s += strcspn(s, ",");
                if (!*s)
                        break;
        }
        return false;
}

void access_note_header(AccessHead *head, const char *name, const char *value) {
        if (strcasecmp(name, "Host") == 0)
                head->host = value;
        else if (strcasecmp(name, "Origin") == 0) {
                head->origin = value;
                head->n_origins++;
        } else if (strcasecmp(name, "Upgrade") == 0)
                head->websocket = head->websocket || has_token(value, "websocket");
        else if (strcasecmp(name, "Sec-Fetch-Site") == 0)
                head->fetch_site = value;
}

/* One line without its CR LF, made a string. NULL when it holds what may not be in one. */
static char *next_line(char **bytes) {
        char *line = *bytes, *end = strstr(line, "\r\n");

        if (!end)
                return NULL;
        *end = '\0';
        *bytes = end + 2;
        return line[strcspn(line, "\r\n")] ? NULL : line;
}

bool access_read_handshake(char *bytes, size_t size, AccessHead *ret) {
        AccessHead head = {};
        unsigned hosts = 0;
        char *end = memmem(bytes, size, "\r\n\r\n", 4), *line, *colon;

        if (!end || !startswith(bytes, "GET /"))
                return false;
        end[2] = '\0';
        if (strlen(bytes) != (size_t) (end - bytes) + 2 || !next_line(&bytes))
                return false;
        while (*bytes) {
                line = next_line(&bytes);
                colon = line ? strchr(line, ':') : NULL;
                /* Also a line that continues the one before it. */
                if (!colon || colon == line || line[strcspn(line, BLANKS ":")] != ':')
                        return false;
                *colon = '\0';
                hosts += strcasecmp(line, "Host") == 0;
                access_note_header(&head, line, colon + 1);
        }
        if (!head.websocket || hosts != 1)
                return false;
        *ret = head;
        return true;
}
