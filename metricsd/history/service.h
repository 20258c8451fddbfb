/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "history.h"

/* The numbers that ticks and blocks call services by. One that has not been seen for HISTORY_DAYS loses its number. */

typedef struct ServiceNumber {
        char *id;
        uint32_t number;
} ServiceNumber;

typedef struct ServiceTable {
        ServiceNumber *list; /* by id */
        size_t n, space;
        bool loaded;
        bool complained; /* that there are too many */
} ServiceTable;

/* Forgets what is in memory, as after a rollback: the next use reads it again. */
void services_clear(ServiceTable *table);

/* -ENOENT when there is none. */
int service_find(History *h, const char *id, uint32_t *ret);
/* Gives it a number if it has none; there is something of it in that hour. -E2BIG when all are taken. */
int service_add(History *h, const char *id, uint64_t hour, uint32_t *ret);

/* One line for the first that there is no number for. */
void services_complain(ServiceTable *table, const char *id);

/* Says that there is something of it in that hour. */
int service_use(History *h, uint32_t number, uint64_t hour);
