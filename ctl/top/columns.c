/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ctl/terminal.h"
#include "rows.h"

/* A shape of its own each, and none is said by colour or shape alone: words stand beside it. */
static const char *const signs[_SIGN_MAX] = {
        [SIGN_HEALTHY] = "●",  [SIGN_STOPPED] = "○", [SIGN_UNKNOWN] = "?", [SIGN_CHANGING] = "↻",
        [SIGN_DEGRADED] = "▲", [SIGN_OFFLINE] = "✗", [SIGN_FAILED] = "✗",
};
static const char *const ascii_signs[_SIGN_MAX] = {
        [SIGN_HEALTHY] = "*",  [SIGN_STOPPED] = "o", [SIGN_UNKNOWN] = "?", [SIGN_CHANGING] = "~",
        [SIGN_DEGRADED] = "!", [SIGN_OFFLINE] = "x", [SIGN_FAILED] = "x",
};

static Value get_sign(const void *row) {
        return value_string((terminal_utf8() ? signs : ascii_signs)[row_sign(row)]);
}

#define GETTER(name, value)                     \
        static Value name(const void *it) {     \
                const Row *row = it;            \
                                                \
                return value;                   \
        }

GETTER(get_id, value_string(row->id))
GETTER(get_state, value_string(row->state))
GETTER(get_health, value_string(row->health))
GETTER(get_response, value_msec(row->response, row->response >= 0))
GETTER(get_restarts, value_number(VALUE_NUMBER, row->restarts, true))
GETTER(get_memory, value_number(VALUE_BYTES, row->memory, row->memory != UINT64_MAX))
GETTER(get_cpu, value_percent(row->cpu, row->cpu >= 0))
GETTER(get_generation, value_number(VALUE_NUMBER, row->generation, row->generation > 0))
/* In whole seconds, for it is shown again and again. */
GETTER(get_age, value_number(VALUE_TIMESPAN, row->age - row->age % USEC_PER_SEC, row->age >= USEC_PER_SEC))
GETTER(get_problem, value_string(row_sign(row) == SIGN_HEALTHY ? NULL : row->problem))

static const char *color_of(const void *it) {
        switch (row_sign(it)) {
        case SIGN_HEALTHY:
                return ANSI_GREEN;
        case SIGN_CHANGING:
        case SIGN_DEGRADED:
                return ANSI_YELLOW;
        case SIGN_OFFLINE:
        case SIGN_FAILED:
                return ANSI_RED;
        case SIGN_STOPPED:
        case SIGN_UNKNOWN:
        case _SIGN_MAX:
                break;
        }
        return NULL;
}

const Column top_columns[] = {
        { " ", NULL, get_sign, .color = color_of },
        { "SERVICE", NULL, get_id },
        { "STATE", NULL, get_state, .drop = 1, .color = color_of },
        { "HEALTH", NULL, get_health, .drop = 2, .color = color_of },
        { "RESPONSE", NULL, get_response, COLUMN_RIGHT, .drop = 3 },
        { "RESTARTS", NULL, get_restarts, COLUMN_RIGHT, .drop = 7 },
        { "MEMORY", NULL, get_memory, COLUMN_RIGHT, .drop = 4 },
        { "CPU", NULL, get_cpu, COLUMN_RIGHT, .drop = 5 },
        { "GEN", NULL, get_generation, COLUMN_RIGHT, .drop = 8 },
        { "SINCE", NULL, get_age, COLUMN_RIGHT, .drop = 6 },
        { "PROBLEM", NULL, get_problem, COLUMN_SHRINKS, .drop = 9 },
};
const size_t n_top_columns = ELEMENTSOF(top_columns);
