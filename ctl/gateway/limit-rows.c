/* SPDX-License-Identifier: MIT */
#include "limit-rows.h"

#include <stdio.h>

#include "basic/time-util.h"
#include "ctl/terminal.h"

void limits_done(Limits *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->list[i]);
        free(l->list);
        *l = (Limits) {};
}

int limits_add(Limits *l, const LedgerLimit *limit) {
        Limit **list = reallocarray(l->list, l->n + 1, sizeof(Limit *));
        Limit *new = calloc(1, sizeof(*new));

        if (list)
                l->list = list;
        if (!list || !new) {
                free(new);
                return -ENOMEM;
        }
        new->l = *limit;
        (void) snprintf(new->scope, sizeof(new->scope), "%s", limit->scope);
        (void) snprintf(new->subject, sizeof(new->subject), "%s", strempty(limit->subject));
        (void) snprintf(new->window, sizeof(new->window), "%s", limit->window);
        new->l.scope = new->scope;
        new->l.subject = new->subject;
        new->l.window = new->window;
        list[l->n++] = new;
        return 0;
}

static int take(const LedgerLimit *limit, void *userdata) {
        return limits_add(userdata, limit);
}

int limits_read(Ledger *ledger, Limits *ret) {
        Limits l = {};
        int r = ledger ? ledger_limits(ledger, now_realtime_usec(), take, &l) : 0;

        if (r < 0) {
                limits_done(&l);
                return r;
        }
        *ret = l;
        return 0;
}

const Limit *limits_find(const Limits *l, const char *scope, const char *subject, const char *window) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->list[i]->scope, scope) && streq(l->list[i]->subject, subject) && streq(l->list[i]->window, window))
                        return l->list[i];
        return NULL;
}

/* --- Columns --- */

static const LedgerLimit *of(const void *row) {
        return &((const Limit *) row)->l;
}

static Value get_scope(const void *row) {
        return value_string(of(row)->scope);
}

static Value get_subject(const void *row) {
        return value_string(*of(row)->subject ? of(row)->subject : NULL);
}

static Value get_window(const void *row) {
        return value_string(of(row)->window);
}

static Value get_hard(const void *row) {
        return value_money(of(row)->hard > 0 ? of(row)->hard : -1);
}

static Value get_soft(const void *row) {
        return value_money(of(row)->soft > 0 ? of(row)->soft : -1);
}

static Value get_settled(const void *row) {
        return value_money(of(row)->settled);
}

static Value get_reserved(const void *row) {
        return value_money(of(row)->reserved);
}

static Value get_left(const void *row) {
        const LedgerLimit *l = of(row);

        return value_money(l->hard > 0 ? MAX(l->hard - l->settled - l->reserved, 0) : -1);
}

/* Of the hard limit, or where there is none of the soft one. */
static double percent(const LedgerLimit *l) {
        int64_t limit = l->hard > 0 ? l->hard : l->soft;

        return limit > 0 ? (double) (l->settled + l->reserved) * 100 / (double) limit : -1;
}

static Value get_percent(const void *row) {
        return value_percent(percent(of(row)), percent(of(row)) >= 0);
}

static Value get_calls(const void *row) {
        return value_number(VALUE_NUMBER, (uint64_t) of(row)->calls, true);
}

static Value get_begins(const void *row) {
        return value_number(VALUE_TIME, of(row)->begins, of(row)->begins > 0);
}

static Value get_ends(const void *row) {
        return value_number(VALUE_TIME, of(row)->ends, of(row)->ends > 0);
}

static const char *color(const void *row) {
        const LedgerLimit *l = of(row);
        int64_t used = l->settled + l->reserved;

        if (l->hard > 0 && used >= l->hard)
                return ANSI_RED;
        return l->soft > 0 && used >= l->soft ? ANSI_YELLOW : NULL;
}

const Column limit_columns[] = {
        { "SCOPE", "scope", get_scope },
        { "SUBJECT", "subject", get_subject, COLUMN_SHRINKS },
        { "WINDOW", "window", get_window },
        { "LIMIT", "hard", get_hard, COLUMN_RIGHT },
        { "WARNING", "soft", get_soft, COLUMN_RIGHT, .drop = 2 },
        { "SPENT", "settled", get_settled, COLUMN_RIGHT, .color = color },
        { "RESERVED", "reserved", get_reserved, COLUMN_RIGHT, .drop = 4 },
        { "LEFT", "remaining", get_left, COLUMN_RIGHT, .drop = 5 },
        { "USED", "percent", get_percent, COLUMN_RIGHT, .drop = 1 },
        { "CALLS", "calls", get_calls, COLUMN_RIGHT, .drop = 3 },
        { NULL, "begins", get_begins },
        { "RESETS", "ends", get_ends, .drop = 6 },
};
const size_t n_limit_columns = ELEMENTSOF(limit_columns);
