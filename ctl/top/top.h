/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/ctl.h"
#include "ctl/live.h"
#include "action.h"
#include "feed.h"
#include "rows.h"
#include "screen.h"

/* What the files of "top" share: all that it knows and shows. */

#define FILTER_MAX 64

typedef enum TopMode {
        MODE_LIST,
        MODE_FILTER,  /* the filter is being typed */
        MODE_CONFIRM, /* asks whether to do `wanted` */
        MODE_HELP,
} TopMode;

typedef struct Top {
        Ctl *ctl;
        Live *live;
        Feed *feed;
        Rows rows;
        bool connected;       /* to metricsd's WebSocket */
        uint64_t updated_at;  /* monotonic usec of what it said last; 0 for nothing yet */
        SortKey key;
        bool reverse;
        char filter[FILTER_MAX];
        TopMode mode;
        char *selected;       /* id */
        size_t first;         /* of the rows on the screen */
        const char *wanted;   /* the verb that is to be confirmed, or is under way */
        char *wanted_id;      /* and the service that it is for, whatever is selected meanwhile */
        char *message;        /* the bottom line */
        Screen *screen;       /* NULL with --once */
        Action *action;       /* what is under way; NULL for nothing */
        bool away;            /* something else has the terminal */
        bool waits_for_key;   /* before it comes back */
        sd_event_source *keys, *redraw, *tick;
} Top;

/* Has it drawn once all that has happened is known. */
void top_outdate(Top *t);
void top_say(Top *t, const char *format, ...) _printf_(2, 3);

/* Brings the rows up to date with the fleet, filter and order. False without memory: they are not shown then. */
bool top_settle(Top *t);

/* Where the row that is selected stands among those shown; the first where that has gone, or is hidden by the filter. */
size_t top_place(const Top *t);
const Row *top_selected(const Top *t); /* NULL for none */

/* keys.c: what is typed. */
void top_key(Top *t, int key);
/* The terminal is this program's again. */
void top_come_back(Top *t);

/* draw.c: the screen as it should be. */
void top_draw(Top *t);
