/* SPDX-License-Identifier: MIT */
#pragma once

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "metricsd/history/history.h"
#include "own-directory.h"

/* A directory of its own for each test of the store, which is open in it. */

#define SECOND USEC_PER_SEC
#define HOUR (UINT64_C(3600) * SECOND)
#define DAY (24 * HOUR)
#define BEGIN (UINT64_C(490000) * HOUR) /* 2025-11-25T16:00:00Z */

static char top[] = "/tmp/tooloo-history-XXXXXX";
static History *history;

static inline void history_set_up(void) {
        own_directory_enter(top);
        cr_assert_eq(history_open(top, &history), 0);
        cr_assert_null(history_problem(history));
}

static inline void history_tear_down(void) {
        history = history_free(history);
        own_directory_leave(top);
}

static inline void history_reopen(void) {
        history = history_free(history);
        cr_assert_eq(history_open(top, &history), 0);
}

static inline HistorySample no_sample(const char *service) {
        HistorySample sample = { .service = service };

        for (size_t i = 0; i < _SERIES_MAX; i++)
                sample.values[i] = NAN;
        return sample;
}

/* All that is to be done by now; how many steps that took. */
static inline size_t settle(uint64_t now) {
        size_t steps = 0;
        int r;

        while ((r = history_seal_step(history, now)) > 0)
                steps++;
        cr_assert_eq(r, 0);
        return steps;
}

static inline HistoryFigures figures(void) {
        HistoryFigures f;

        cr_assert_eq(history_figures(history, &f), 0);
        return f;
}
