/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "metricsd/history/history.h"

#define HOUR (3600 * USEC_PER_SEC)
#define BEGIN (UINT64_C(490000) * HOUR)

static char top[] = "/tmp/tooloo-history-XXXXXX";
static History *history;

static void set_up(void) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
        cr_assert_eq(history_open(top, &history), 0);
}

static void tear_down(void) {
        DIR *d = opendir(top);
        struct dirent *entry;

        history_free(history);
        while ((entry = readdir(d)))
                (void) unlink(entry->d_name);
        (void) closedir(d);
        cr_expect_eq(rmdir(top), 0);
}

TestSuite(history_store, .init = set_up, .fini = tear_down);

static HistorySample sample(const char *service, double response, double memory) {
        HistorySample s = { .service = service };

        for (size_t i = 0; i < _SERIES_MAX; i++)
                s.values[i] = NAN;
        s.values[SERIES_RESPONSE_TIME] = response;
        s.values[SERIES_MEMORY] = memory;
        return s;
}

Test(history_store, first) {
        HistorySample s[] = { sample("web", 1.5, 4096), sample("cup", NAN, 8192) };
        HistoryQuery q = { .service = "web", .series = SERIES_RESPONSE_TIME, .from = BEGIN, .to = BEGIN + 20 * USEC_PER_SEC,
                           .step = 5 * USEC_PER_SEC };
        _cleanup_(freep) HistoryPoint *points = NULL;
        _cleanup_(freep) char *text = NULL;
        TimelineEvent event = { .at = BEGIN, .kind = EVENT_STATE, .service = "web", .text = "web is active" };
        size_t n;

        cr_expect_null(history_problem(history), "%s", history_problem(history));
        cr_assert_eq(history_begin(history), 0);
        cr_assert_eq(history_add_tick(history, BEGIN, s, 2), 1);
        cr_assert_eq(history_add_event(history, &event), 0);
        cr_assert_eq(history_commit(history), 0);
        cr_assert_eq(history_add_tick(history, BEGIN + 10 * USEC_PER_SEC, s, 2), 1);
        cr_assert_eq(history_add_tick(history, BEGIN + 10 * USEC_PER_SEC, s, 2), 0);
        cr_assert_eq(history_query(history, &q, &points, &n), 0);
        cr_assert_eq(n, 4);
        cr_expect_float_eq(points[0].avg, 1.5, 1e-9);
        cr_expect_eq(points[1].n, 0);
        cr_expect_float_eq(points[2].avg, 1.5, 1e-9);
        cr_assert_eq(history_put_text(history, "a", "b", true), 0);
        cr_assert_eq(history_get_text(history, "a", &text), 0);
        cr_expect_str_eq(text, "b");
        cr_expect_eq(history_get_text(history, "b", &text), -ENODATA);
        cr_assert_eq(history_put_alert(history, "a", 1, 0, "{}"), 0);
}
