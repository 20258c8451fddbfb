/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/table.h"
#include "gateway.h"

/* Limits as the ledger tells them, kept. */
typedef struct Limit {
        LedgerLimit l;
        char scope[16], subject[LEDGER_NAME_MAX + 1], window[16]; /* of which l's point to */
} Limit;

typedef struct Limits {
        Limit **list;
        size_t n;
} Limits;

void limits_done(Limits *l);
/* ledger NULL: there are none. */
int limits_read(Ledger *ledger, Limits *ret);
int limits_add(Limits *l, const LedgerLimit *limit);
/* NULL when there is none. */
const Limit *limits_find(const Limits *l, const char *scope, const char *subject, const char *window);

/* For a table and for JSON; the rows are Limits. */
extern const Column limit_columns[];
extern const size_t n_limit_columns;
