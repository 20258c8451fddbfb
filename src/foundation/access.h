/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Which requests are let in by what stands in their head. Pages of the whole internet run in the browser of the user
 * whose services these are, so the user of the connection says nothing of who is asking:
 *
 * - Host: a name that leads here. A page can have its own name point to 127.0.0.1 and then read what it likes (DNS
 *   rebinding); but its requests carry that name.
 * - Origin: of the page, where something is to be changed or a WebSocket opened: browsers send such requests to anywhere
 *   without asking (CSRF). Programs that are no browsers send none.
 *
 * No i/o here. */

typedef enum Access {
        ACCESS_OK,
        ACCESS_WAIT, /* not known yet */
        ACCESS_OVERDUE, /* not known after a time of waiting */
        ACCESS_USER,
        ACCESS_GONE, /* a user that nobody knows any more */
        ACCESS_HOST,
        ACCESS_ORIGIN,
        _ACCESS_MAX,
} Access;

typedef struct AccessRules {
        char **hosts;   /* AllowHosts=: "NAME", or "NAME:PORT" for that port alone */
        char **origins; /* AllowOrigins=: "https://NAME", "https://NAME:PORT" */
        unsigned *own_ports;
        size_t n_own_ports;
        /* Whether a service of the fleet listens on that port: 1, 0, or -EINPROGRESS for "not known yet". NULL when there
         * is no fleet. */
        int (*is_our_port)(unsigned port, void *userdata);
        void *userdata;
} AccessRules;

/* Of a request's head. Values may have blanks around them. */
typedef struct AccessHead {
        const char *authority; /* of a target in absolute form, else NULL */
        const char *host;      /* NULL without one */
        const char *origin;
        const char *fetch_site;
        unsigned n_origins;
        bool websocket; /* a handshake */
        bool changes;   /* its method may change something */
} AccessHead;

/* Notes a header if it is one of those that matter. value must stay. */
void access_note_header(AccessHead *head, const char *name, const char *value);

/* Reads the head of a WebSocket handshake, up to its empty line, in place: it is cut into strings. False when it is not
 * one, or written in a way that readers differ about. bytes end in a NUL that size does not count. */
bool access_read_handshake(char *bytes, size_t size, AccessHead *ret);

Access access_judge(const AccessRules *rules, const AccessHead *head);

/* For a page of that origin other origins' answers are opened (CORS) when it is listed. */
bool access_origin_is_listed(const AccessRules *rules, const char *origin);

/* What can stand in the lists. */
bool access_host_is_valid(const char *host);
bool access_origin_is_valid(const char *origin);
