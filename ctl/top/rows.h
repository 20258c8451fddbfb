/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/table.h"
#include "shared/fleet.h"

/* What "top" shows: each service as systemd's signals say it, with the figures that metricsd said last. No i/o here. */

/* How it is, from best to worst: the sign before its name, the row's colour, and what "state" sorts by. */
typedef enum RowSign {
        SIGN_HEALTHY,
        SIGN_STOPPED,
        SIGN_UNKNOWN,  /* it runs, and nobody knows how well */
        SIGN_CHANGING,
        SIGN_DEGRADED,
        SIGN_OFFLINE,  /* it runs, and does not answer */
        SIGN_FAILED,
        _SIGN_MAX,
} RowSign;

typedef struct Row {
        char *id, *name;
        char *state;     /* systemd's, in one word */
        char *health;    /* metricsd's word; NULL where it is not known */
        char *problem;   /* one line; NULL for none */
        bool counts;     /* one of the fleet, not of the control plane */
        size_t place;    /* in the registry */
        FleetCondition condition;
        double response; /* ms, negative for not known */
        double cpu;      /* percent of one core, negative for not known */
        uint64_t memory; /* bytes, UINT64_MAX for not known */
        uint64_t restarts;
        uint64_t generation;  /* 0 for not known */
        uint64_t since;       /* realtime usec of its last change, 0 for not known */
        uint64_t age;         /* usec since then, as of the last rows_sort() */
        bool seen;
} Row;

typedef struct Rows {
        Row **list; /* in no order */
        size_t n;
        /* Those that are shown, sorted. */
        const Row **shown;
        size_t n_shown;
        size_t alerts; /* active ones */
        bool figures;  /* metricsd has said them */
} Rows;

void rows_done(Rows *rows);

/* Takes over what the fleet is; services that have gone are dropped. */
int rows_take_fleet(Rows *rows, const Fleet *fleet);

/* Takes over a message of /ws/metrics. -EBADMSG when it is none, and nothing is changed. */
int rows_take_update(Rows *rows, json_object *message);

/* Health is not known any more, for who knows it has gone; the figures stay. */
void rows_forget_health(Rows *rows);

typedef enum SortKey {
        SORT_PORT, /* as the registry has them */
        SORT_ID,
        SORT_STATE, /* the worst first */
        SORT_RESPONSE,
        SORT_RESTARTS,
        SORT_MEMORY,
        SORT_CPU,
        SORT_AGE, /* the last change first */
        _SORT_MAX,
} SortKey;

/* -1 for none. */
int sort_key_from_string(const char *s);
const char *sort_key_to_string(SortKey key);

/* Makes `shown`: those whose id, name, state or health has the filter in it (any case; "" for all), sorted. Figures: the
 * largest first, the unknown last. now is realtime usec. */
int rows_sort(Rows *rows, const char *filter, SortKey key, bool reverse, uint64_t now);

RowSign row_sign(const Row *row);

/* "12/13 healthy, 1 degraded, 2 alerts". NULL without memory; the caller frees. */
char *rows_verdict(const Rows *rows);

/* False while something is not well, or not known. */
bool rows_all_well(const Rows *rows);

extern const Column top_columns[];
extern const size_t n_top_columns;
