/* SPDX-License-Identifier: MIT */
#include "proxy/handshake.h"

#include <string.h>
#include <strings.h>

#include "basic/string-util.h"

size_t head_size(const char *text, size_t size) {
        const char *end = memmem(text, size, "\r\n\r\n", 4);

        return end ? (size_t) (end - text) + 4 : 0;
}

/* Cuts the next line off, without its end. NULL for one that does not end in CR LF or holds what no line may. */
static char *cut_line(char **text, const char *end) {
        char *line = *text, *lf = memchr(line, '\n', (size_t) (end - line));

        if (!lf || lf == line || lf[-1] != '\r')
                return NULL;
        lf[-1] = '\0';
        *text = lf + 1;
        if (strlen(line) != (size_t) (lf - 1 - line) || strchr(line, '\r'))
                return NULL;
        return line;
}

/* Whatever follows the first line. */
static bool parse_fields(char *text, const char *end, Fields *f) {
        for (;;) {
                char *line = cut_line(&text, end), *value, *last;

                if (!line)
                        return false;
                if (!*line)
                        return text == end;
                value = strchr(line, ':');
                if (!value || value == line)
                        return false;
                *value++ = '\0';
                if (line[token_span(line)])
                        return false;
                value += strspn(value, " \t");
                for (last = value + strlen(value); last > value && (last[-1] == ' ' || last[-1] == '\t'); last--)
                        ;
                *last = '\0';
                fields_add(f, line, value);
        }
}

static int write_text(Buffer *b, const char *s) {
        return buffer_append(b, s, strlen(s), 1024);
}

static int write_head(Buffer *b, const char *first, const char *connection, const Fields *f) {
        if (write_text(b, first) < 0 || write_text(b, "\r\n") < 0 || write_text(b, connection) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < f->n; i++)
                if (write_text(b, f->items[i].name) < 0 || write_text(b, ": ") < 0 ||
                    write_text(b, f->items[i].value) < 0 || write_text(b, "\r\n") < 0)
                        return -ENOMEM;
        return write_text(b, "\r\n");
}

static const char *judge_request(const char *first, const Fields *f) {
        const char *target = startswith(first, "GET "), *version;

        version = target ? strchr(target, ' ') : NULL;
        if (!version || *target != '/' || !streq(version, " HTTP/1.1"))
                return "a WebSocket handshake is GET /PATH HTTP/1.1";
        for (const char *p = target; p < version; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return "the request's target has a character that must be percent-encoded";
        if (fields_count(f, "Host") != 1)
                return "one Host header is expected";
        /* Bytes behind the head would be read as a body by one, and as frames by another. */
        if (fields_get(f, "Content-Length") || fields_get(f, "Transfer-Encoding"))
                return "a WebSocket handshake has no body";
        if (fields_count(f, "Upgrade") != 1 || strcasecmp(fields_get(f, "Upgrade"), "websocket") != 0 ||
            !fields_have_token(f, "Connection", "Upgrade"))
                return "a WebSocket handshake has Connection: Upgrade and Upgrade: websocket";
        if (fields_have_passed_here(f))
                return "the request goes round in a circle";
        return NULL;
}

int handshake_for_service(char *text, size_t size, const struct sockaddr *peer, const char *request_id, Buffer *ret,
                          const char **ret_why) {
        const char *end = text + size;
        char *first = cut_line(&text, end);
        Fields f = {};
        int r = -EBADMSG;

        *ret_why = first && parse_fields(text, end, &f) ? judge_request(first, &f) : "the head is no HTTP head";
        if (!*ret_why) {
                fields_remove_hop_by_hop(&f);
                r = fields_add_forwarded(&f, peer, false, request_id);
                if (r >= 0)
                        r = write_head(ret, first, "Connection: Upgrade\r\nUpgrade: websocket\r\n", &f);
        }
        fields_done(&f);
        return r;
}

static int64_t length_of(unsigned status, const Fields *f) {
        const char *length = fields_get(f, "Content-Length");
        unsigned long n;

        if (status == 204 || status == 304)
                return 0;
        if (fields_get(f, "Transfer-Encoding") || !length || parse_uint(length, 0, INT64_MAX, &n) < 0)
                return -1;
        return (int64_t) n;
}

static bool parse_status(const char *first, unsigned *ret) {
        const char *p = startswith(first, "HTTP/1.");
        char digits[4] = {};
        unsigned long status;

        if (!p || (*p != '0' && *p != '1') || p[1] != ' ')
                return false;
        p += 2;
        if (strlen(p) < 3 || (p[3] && p[3] != ' '))
                return false;
        (void) memcpy(digits, p, 3);
        if (parse_uint(digits, 101, 599, &status) < 0 || (status > 101 && status < 200))
                return false;
        *ret = (unsigned) status;
        return true;
}

/* The coding of a body goes on with it, as it is: what follows the head is passed on byte for byte. */
static const char *connection_lines(unsigned status, const Fields *f) {
        if (status == 101)
                return "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        return fields_have_token(f, "Transfer-Encoding", "chunked") ? "Connection: close\r\nTransfer-Encoding: chunked\r\n"
                                                                    : "Connection: close\r\n";
}

int handshake_for_client(char *text, size_t size, const char *request_id, Buffer *ret, unsigned *ret_status,
                         int64_t *ret_length, const char **ret_why) {
        const char *end = text + size, *connection;
        char *first = cut_line(&text, end);
        Fields f = {};
        int r = -EBADMSG;

        *ret_why = NULL;
        if (!first || !parse_fields(text, end, &f) || !parse_status(first, ret_status))
                *ret_why = "sent something that is no HTTP answer";
        else if (fields_count(&f, "Content-Length") + fields_count(&f, "Transfer-Encoding") > 1)
                *ret_why = "sent an answer with two lengths";
        else if (*ret_status == 101 &&
                 (!fields_get(&f, "Upgrade") || strcasecmp(fields_get(&f, "Upgrade"), "websocket") != 0))
                *ret_why = "switches to another protocol than WebSocket";
        else {
                *ret_length = length_of(*ret_status, &f);
                connection = connection_lines(*ret_status, &f);
                fields_remove_hop_by_hop(&f);
                fields_remove(&f, "X-Request-Id");
                fields_add(&f, "X-Request-Id", request_id);
                fields_add(&f, "Via", "1.1 " PROXY_NAME);
                r = f.failed ? -ENOMEM : write_head(ret, first, connection, &f);
        }
        fields_done(&f);
        return r;
}
