/* SPDX-License-Identifier: MIT */
#include "proxy/fields.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"

#define ITEMS_FIRST 32

void fields_done(Fields *f) {
        free(f->items);
        free(f->text);
        *f = (Fields) {};
}

void fields_clear(Fields *f) {
        f->n = 0;
        f->failed = false;
}

void fields_add(Fields *f, const char *name, const char *value) {
        if (f->n >= f->space) {
                size_t space = MAX(f->space * 2, (size_t) ITEMS_FIRST);
                ForwardField *grown = reallocarray(f->items, space, sizeof(ForwardField));

                if (!grown) {
                        f->failed = true;
                        return;
                }
                f->items = grown;
                f->space = space;
        }
        f->items[f->n++] = (ForwardField) { name, value };
}

const char *fields_get(const Fields *f, const char *name) {
        for (size_t i = 0; i < f->n; i++)
                if (strcasecmp(f->items[i].name, name) == 0)
                        return f->items[i].value;
        return NULL;
}

size_t fields_count(const Fields *f, const char *name) {
        size_t n = 0;

        for (size_t i = 0; i < f->n; i++)
                n += strcasecmp(f->items[i].name, name) == 0;
        return n;
}

static void remove_if(Fields *f, bool (*wrong)(const ForwardField *field, const void *userdata), const void *userdata) {
        size_t kept = 0;

        for (size_t i = 0; i < f->n; i++)
                if (!wrong(&f->items[i], userdata))
                        f->items[kept++] = f->items[i];
        f->n = kept;
}

static bool has_name(const ForwardField *field, const void *name) {
        return strcasecmp(field->name, name) == 0;
}

void fields_remove(Fields *f, const char *name) {
        remove_if(f, has_name, name);
}

/* --- Lists of tokens --- */

static bool list_has_token(const char *list, const char *token) {
        size_t n = strlen(token);

        for (const char *p = list; *p; p += strcspn(p, ",")) {
                size_t size;

                p += strspn(p, ", \t");
                size = strcspn(p, ",; \t");
                if (size == n && n > 0 && strncasecmp(p, token, n) == 0)
                        return true;
        }
        return false;
}

bool fields_have_token(const Fields *f, const char *name, const char *token) {
        for (size_t i = 0; i < f->n; i++)
                if (strcasecmp(f->items[i].name, name) == 0 && list_has_token(f->items[i].value, token))
                        return true;
        return false;
}

/* --- Hop by hop --- */

static bool is_hop_by_hop(const char *name) {
        switch (name[0] | 0x20) {
        case 'c':
                return strcasecmp(name, "Connection") == 0;
        case 'k':
                return strcasecmp(name, "Keep-Alive") == 0;
        case 'p':
                return strncasecmp(name, "Proxy-", strlen("Proxy-")) == 0;
        case 't':
                return strcasecmp(name, "TE") == 0 || strcasecmp(name, "Trailer") == 0 ||
                        strcasecmp(name, "Transfer-Encoding") == 0;
        case 'u':
                return strcasecmp(name, "Upgrade") == 0;
        default:
                return false;
        }
}

static bool is_of_this_hop(const ForwardField *field, const void *userdata) {
        const Fields *f = userdata;

        if (is_hop_by_hop(field->name))
                return true;
        return f->n > 0 && strcasecmp(field->name, "Host") != 0 && fields_have_token(f, "Connection", field->name);
}

void fields_remove_hop_by_hop(Fields *f) {
        ForwardField connection[8];
        Fields names = { .items = connection, .space = ELEMENTSOF(connection) };

        /* Apart, for they are among what goes. More lines of it than have room here nobody sends in earnest, so then
         * all of them are looked through for each field. */
        for (size_t i = 0; i < f->n; i++)
                if (strcasecmp(f->items[i].name, "Connection") == 0) {
                        if (names.n < names.space)
                                connection[names.n] = f->items[i];
                        names.n++;
                }
        if (names.n > names.space) {
                Fields all = {};

                for (size_t i = 0; i < f->n; i++)
                        fields_add(&all, f->items[i].name, f->items[i].value);
                f->failed |= all.failed;
                remove_if(f, is_of_this_hop, &all);
                fields_done(&all);
                return;
        }
        remove_if(f, is_of_this_hop, &names);
}

/* --- What is added --- */

static const char *address_of(const struct sockaddr *peer, char buf[static INET6_ADDRSTRLEN]) {
        const void *address = NULL;

        if (!peer)
                return "unknown";
        if (peer->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *) peer;

                if (in->sin_addr.s_addr == htonl(INADDR_LOOPBACK))
                        return "127.0.0.1";
                address = &in->sin_addr;
        } else if (peer->sa_family == AF_INET6)
                address = &((const struct sockaddr_in6 *) peer)->sin6_addr;
        return address && inet_ntop(peer->sa_family, address, buf, INET6_ADDRSTRLEN) ? buf : "unknown";
}

static int make_text(Fields *f, size_t size) {
        char *grown;

        if (size <= f->text_space)
                return 0;
        grown = realloc(f->text, size);
        if (!grown)
                return -ENOMEM;
        f->text = grown;
        f->text_space = size;
        return 0;
}

/* One list, for not everybody reads the second line of a field. */
static int add_forwarded_for(Fields *f, const struct sockaddr *peer) {
        static const char name[] = "X-Forwarded-For";
        char buf[INET6_ADDRSTRLEN], *end;
        const char *address = address_of(peer, buf);
        size_t size = strlen(address) + 1;

        for (size_t i = 0; i < f->n; i++)
                if (has_name(&f->items[i], name))
                        size += strlen(f->items[i].value) + strlen(", ");
        if (make_text(f, size) < 0)
                return -ENOMEM;
        end = f->text;
        for (size_t i = 0; i < f->n; i++)
                if (has_name(&f->items[i], name) && *f->items[i].value)
                        end = stpcpy(stpcpy(end, f->items[i].value), ", ");
        (void) stpcpy(end, address);
        fields_remove(f, name);
        fields_add(f, name, f->text);
        return 0;
}

int fields_add_forwarded(Fields *f, const struct sockaddr *peer, bool http_1_0, const char *request_id) {
        const char *host = fields_get(f, "Host");

        if (add_forwarded_for(f, peer) < 0)
                return -ENOMEM;
        if (!fields_get(f, "X-Forwarded-Proto"))
                fields_add(f, "X-Forwarded-Proto", "http");
        if (host && !fields_get(f, "X-Forwarded-Host"))
                fields_add(f, "X-Forwarded-Host", host);
        fields_add(f, "Via", http_1_0 ? "1.0 " PROXY_NAME : "1.1 " PROXY_NAME);
        fields_remove(f, "X-Request-Id");
        fields_add(f, "X-Request-Id", request_id);
        return f->failed ? -ENOMEM : 0;
}

static bool via_names_us(const char *via) {
        for (const char *p = strcasestr(via, PROXY_NAME); p; p = strcasestr(p + 1, PROXY_NAME)) {
                char after = p[strlen(PROXY_NAME)];

                if (p > via && (p[-1] == ' ' || p[-1] == '\t') && (after == '\0' || strchr(", \t", after)))
                        return true;
        }
        return false;
}

bool fields_have_passed_here(const Fields *f) {
        for (size_t i = 0; i < f->n; i++)
                if (strcasecmp(f->items[i].name, "Via") == 0 && via_names_us(f->items[i].value))
                        return true;
        return false;
}
