/* SPDX-License-Identifier: MIT */
#include "history-directory.h"

TestSuite(history_series, .init = history_set_up, .fini = history_tear_down);

/* The same at each run. */
static uint64_t seed = 20260131;

static uint64_t next_random(void) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
}

static int add(uint64_t at, const char *service, Series series, double value) {
        HistorySample sample = no_sample(service);

        sample.values[series] = value;
        return history_add_tick(history, at, &sample, 1);
}

static HistoryPoint *ask(const char *service, Series series, uint64_t from, uint64_t to, uint64_t step, size_t *ret_n) {
        HistoryPoint *points = NULL;

        cr_assert_eq(history_query(history, &(HistoryQuery) {
                .service = service, .series = series, .from = from, .to = to, .step = step }, &points, ret_n), 0);
        return points;
}

/* How many samples there are of it. */
static uint64_t count(const char *service, Series series, uint64_t from, uint64_t to) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        size_t n;

        points = ask(service, series, from, to, to - from, &n);
        cr_assert_eq(n, 1);
        return points[0].n;
}

static uint64_t count_fine(const char *service, Series series, uint64_t from, uint64_t to) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        uint64_t all = 0;
        size_t n;

        points = ask(service, series, from, to, SECOND, &n);
        for (size_t i = 0; i < n; i++) {
                cr_expect_leq(points[i].n, 1);
                all += points[i].n;
        }
        return all;
}

/* --- Series --- */

Test(history_series, names) {
        Series series;

        for (size_t i = 0; i < _SERIES_MAX; i++) {
                cr_assert_eq(series_from_name(series_info((Series) i)->name, &series), 0);
                cr_expect_eq(series, (Series) i);
                cr_expect_gt(series_info((Series) i)->scale, 0);
        }
        cr_expect_eq(series_from_name("service.nothing", &series), -EINVAL);
        cr_expect_eq(series_from_name("", &series), -EINVAL);
}

Test(history_series, each_value_comes_back) {
        static const struct {
                Series series;
                double value, close_to;
        } cases[] = {
                { SERIES_RESPONSE_TIME, 1.234, 1.23 }, { SERIES_RESPONSE_TIME, 0, 0 },
                { SERIES_HEALTH, 0.5, 0.5 }, { SERIES_HEALTH, 1, 1 },
                { SERIES_RESTARTS, 3, 3 }, { SERIES_MEMORY, 123456 * 1024.0, 123456 * 1024.0 },
                { SERIES_MEMORY, 1500, 1024 }, { SERIES_CPU, 99.999, 100 }, { SERIES_CPU, 0.014, 0.01 },
                { SERIES_ERROR_RATE, 0.12345, 0.1235 }, { SERIES_REQUESTS, 4294967297.0, 4294967297.0 },
                { SERIES_ERRORS, -1, -1 }, { SERIES_JOURNAL_ERRORS, 17, 17 }, { SERIES_GENERATION, 1, 1 },
                { SERIES_REQUESTS, 1e300, 1125899906842624.0 }, { SERIES_REQUESTS, -1e300, -1125899906842624.0 },
        };
        HistorySample sample;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sample = no_sample("web");
                sample.values[cases[i].series] = cases[i].value;
                cr_assert_eq(history_add_tick(history, BEGIN + i * SECOND, &sample, 1), 1);
        }
        for (int sealed = 0; sealed < 2; sealed++) {
                for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                        _cleanup_(freep) HistoryPoint *points = NULL;
                        size_t n;

                        points = ask("web", cases[i].series, BEGIN + i * SECOND, BEGIN + (i + 1) * SECOND, SECOND, &n);
                        cr_assert_eq(n, 1);
                        cr_expect_eq(points[0].n, 1);
                        cr_expect_float_eq(points[0].avg, cases[i].close_to, 1e-9, "case %zu: %f", i, points[0].avg);
                        cr_expect_float_eq(points[0].min, points[0].max, 0);
                }
                settle(BEGIN + HOUR);
        }
}

Test(history_series, what_is_no_number_is_a_gap) {
        HistoryPoint *points;
        size_t n;

        cr_assert_eq(add(BEGIN, "web", SERIES_CPU, NAN), 1);
        cr_assert_eq(add(BEGIN + SECOND, "web", SERIES_CPU, INFINITY), 1);
        cr_assert_eq(add(BEGIN + 2 * SECOND, "web", SERIES_CPU, -INFINITY), 1);
        cr_assert_eq(add(BEGIN + 3 * SECOND, "web", SERIES_CPU, 4), 1);
        for (int sealed = 0; sealed < 2; sealed++) {
                points = ask("web", SERIES_CPU, BEGIN, BEGIN + 4 * SECOND, SECOND, &n);
                cr_assert_eq(n, 4);
                for (size_t i = 0; i < 3; i++) {
                        cr_expect_eq(points[i].at, BEGIN + i * SECOND);
                        cr_expect_eq(points[i].n, 0);
                        cr_expect(isnan(points[i].avg) && isnan(points[i].min) && isnan(points[i].max));
                }
                cr_expect_float_eq(points[3].avg, 4, 1e-9);
                free(points);
                settle(BEGIN + HOUR);
        }
}

/* --- Questions --- */

Test(history_series, strange_questions) {
        HistoryPoint *points = NULL;
        size_t n;
        const struct {
                HistoryQuery query;
                int answer;
        } cases[] = {
                { { .service = "web", .from = BEGIN, .to = BEGIN + HOUR, .step = 0 }, -EINVAL },
                { { .service = "web", .from = BEGIN, .to = BEGIN + HOUR, .step = SECOND + 1 }, -EINVAL },
                { { .service = "web", .from = BEGIN + 1, .to = BEGIN, .step = SECOND }, -EINVAL },
                { { .service = "web", .from = BEGIN, .to = BEGIN + HOUR, .step = SECOND, .series = _SERIES_MAX }, -EINVAL },
                { { .service = "web", .from = BEGIN, .to = BEGIN + 10001 * SECOND, .step = SECOND }, -ERANGE },
                { { .service = "web", .from = 0, .to = UINT64_MAX, .step = SECOND }, -ERANGE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(history_query(history, &cases[i].query, &points, &n), cases[i].answer, "case %zu", i);
        cr_expect_null(points);
        cr_assert_eq(add(BEGIN, "web", SERIES_CPU, 1), 1);
        points = ask("web", SERIES_CPU, BEGIN, BEGIN + 10000 * SECOND, SECOND, &n);
        cr_expect_eq(n, 10000);
        free(points);
        points = ask("nobody", SERIES_CPU, BEGIN, BEGIN + 10 * SECOND, SECOND, &n);
        cr_expect_eq(n, 10);
        cr_expect(isnan(points[0].avg) && points[9].at == BEGIN + 9 * SECOND);
        free(points);
        points = ask("web", SERIES_CPU, BEGIN, BEGIN + 9 * SECOND, 10 * SECOND, &n);
        cr_expect_eq(n, 0);
        free(points);
        points = ask("web", SERIES_CPU, 0, UINT64_MAX / SECOND * SECOND, UINT64_MAX / SECOND * SECOND, &n);
        cr_expect_eq(n, 1);
        cr_expect_eq(points[0].n, 1);
        free(points);
}

/* What the store is to say, second by second: 6 hours of two services. */
#define MODEL_SECONDS (6 * 3600)

static double model[2][MODEL_SECONDS];

static void fill_model(void) {
        for (size_t s = 0; s < 2; s++)
                for (size_t i = 0; i < MODEL_SECONDS; i++)
                        model[s][i] = NAN;
        for (size_t i = next_random() % 5; i < MODEL_SECONDS; i += 3 + next_random() % 5) {
                HistorySample samples[] = { no_sample("web"), no_sample("cup") };

                if (i > 8000 && i < 12000)
                        continue; /* nothing was collected */
                for (size_t s = 0; s < 2; s++) {
                        if (next_random() % 10 == 0)
                                continue;
                        model[s][i] = (double) (next_random() % 100000) / 100;
                        samples[s].values[SERIES_RESPONSE_TIME] = model[s][i];
                        samples[s].values[SERIES_GENERATION] = (double) (i / 1000);
                }
                cr_assert_eq(history_add_tick(history, BEGIN + i * SECOND, samples, 2), 1);
                if (next_random() % 100 == 0)
                        history_seal_step(history, BEGIN + i * SECOND);
        }
}

static void expect_as_model(size_t service, uint64_t from, uint64_t to, uint64_t step) {
        _cleanup_(freep) HistoryPoint *points = NULL;
        size_t n;

        points = ask(service == 0 ? "web" : "cup", SERIES_RESPONSE_TIME, BEGIN + from * SECOND, BEGIN + to * SECOND,
                     step * SECOND, &n);
        cr_assert_eq(n, (to - from) / step);
        for (size_t i = 0; i < n; i++) {
                double sum = 0, min = INFINITY, max = -INFINITY;
                uint64_t there = 0;

                for (uint64_t t = from + i * step; t < from + (i + 1) * step && t < MODEL_SECONDS; t++)
                        if (!isnan(model[service][t])) {
                                sum += model[service][t];
                                min = MIN(min, model[service][t]);
                                max = MAX(max, model[service][t]);
                                there++;
                        }
                cr_assert_eq(points[i].n, there, "%zu of [%zu, %zu) by %zu: %zu, not %zu", i, (size_t) from, (size_t) to,
                             (size_t) step, (size_t) points[i].n, (size_t) there);
                if (there == 0)
                        continue;
                cr_assert_float_eq(points[i].avg, sum / (double) there, 1e-6);
                cr_assert_float_eq(points[i].min, min, 1e-6);
                cr_assert_float_eq(points[i].max, max, 1e-6);
        }
}

static void expect_all_as_model(void) {
        static const uint64_t steps[] = { 1, 5, 7, 30, 60, 61, 90, 300, 3600, 3661, 7200, MODEL_SECONDS };

        for (int round = 0; round < 120; round++) {
                uint64_t step = steps[next_random() % ELEMENTSOF(steps)];
                uint64_t from = next_random() % MODEL_SECONDS, to = from + next_random() % (MODEL_SECONDS + 4000);

                if (next_random() % 2)
                        from -= from % step;
                if ((to - from) / step <= HISTORY_POINTS_MAX)
                        expect_as_model(round % 2, from, to, step);
        }
}

Test(history_series, every_resolution_says_the_same) {
        fill_model();
        expect_all_as_model(); /* some of it sealed, some not, some between */
        settle(BEGIN + 3 * HOUR);
        expect_all_as_model();
        settle(BEGIN + 100 * HOUR);
        cr_expect_eq(figures().ticks, 0);
        expect_all_as_model();
        history_reopen();
        expect_all_as_model();
}

/* --- The seal --- */

static void add_hours(uint64_t begin, size_t hours, size_t per_hour) {
        for (size_t i = 0; i < hours * per_hour; i++)
                cr_assert_eq(add(begin + i * (HOUR / per_hour), "web", SERIES_CPU, (double) (i % 10)), 1);
}

Test(history_series, sealing_again_changes_nothing) {
        HistoryFigures before, after;

        add_hours(BEGIN, 3, 60);
        cr_expect_gt(settle(BEGIN + 3 * HOUR), 3);
        before = figures();
        cr_expect_eq(before.ticks, 0);
        cr_expect_eq(before.samples, 180);
        cr_expect_gt(before.blob_bytes, 0);
        for (int i = 0; i < 3; i++) {
                settle(BEGIN + 3 * HOUR);
                after = figures();
                cr_expect_eq(after.samples, 180);
                cr_expect_eq(after.blob_bytes, before.blob_bytes);
                history_reopen();
        }
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 3 * HOUR), 180);
        cr_expect_eq(count_fine("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 60);
}

Test(history_series, the_hour_that_is_not_over_is_not_sealed) {
        add_hours(BEGIN, 2, 60);
        settle(BEGIN + 2 * HOUR - SECOND);
        cr_expect_eq(figures().ticks, 60);
        cr_expect_eq(figures().samples, 60);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 2 * HOUR), 120);
}

Test(history_series, a_tick_counts_once) {
        add_hours(BEGIN, 1, 60);
        cr_expect_eq(add(BEGIN + 59 * 60 * SECOND, "web", SERIES_CPU, 5), 0);
        cr_expect_eq(add(BEGIN + 59 * 60 * SECOND + 999999, "web", SERIES_CPU, 5), 0, "the same second");
        cr_expect_eq(add(BEGIN + 60 * SECOND, "web", SERIES_CPU, 5), 0, "one that is there");
        settle(BEGIN + HOUR);
        cr_expect_eq(add(BEGIN + 60 * SECOND, "web", SERIES_CPU, 5), 0, "one that is sealed");
        cr_expect_eq(figures().ticks, 0);
        history_reopen();
        cr_expect_eq(add(BEGIN + 120 * SECOND, "web", SERIES_CPU, 5), 0);
        cr_expect_eq(count_fine("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 60);
}

Test(history_series, a_small_step_back_of_the_clock_is_waited_for) {
        cr_assert_eq(add(BEGIN + 100 * SECOND, "web", SERIES_CPU, 1), 1);
        cr_expect_eq(add(BEGIN + 99 * SECOND, "web", SERIES_CPU, 1), 0);
        cr_expect_eq(add(BEGIN + 40 * SECOND, "web", SERIES_CPU, 1), 0);
        cr_expect_eq(add(BEGIN + 39 * SECOND, "web", SERIES_CPU, 1), 1, "a big one");
        cr_expect_eq(add(BEGIN + 44 * SECOND, "web", SERIES_CPU, 1), 1, "and on from there");
        cr_expect_eq(add(BEGIN + 100 * SECOND, "web", SERIES_CPU, 1), 0);
        cr_expect_eq(add(BEGIN + 105 * SECOND, "web", SERIES_CPU, 1), 1);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 4);
        history_reopen();
        cr_expect_eq(add(BEGIN + 104 * SECOND, "web", SERIES_CPU, 1), 0, "after a restart too");
}

/* The clock is set back by two hours, into what is sealed: both times are there, one between the other. */
Test(history_series, ticks_for_a_sealed_hour_are_merged) {
        for (size_t i = 0; i < 180; i++)
                cr_assert_eq(add(BEGIN + i * 60 * SECOND, "web", SERIES_RESPONSE_TIME, 10), 1);
        settle(BEGIN + 3 * HOUR);
        for (size_t i = 0; i < 60; i++) {
                HistorySample samples[] = { no_sample("web"), no_sample("cup") };

                samples[0].values[SERIES_RESPONSE_TIME] = 20;
                samples[0].values[SERIES_CPU] = 3;
                samples[1].values[SERIES_RESPONSE_TIME] = 30;
                cr_assert_eq(history_add_tick(history, BEGIN + HOUR + (i * 60 + 30) * SECOND, samples, 2), 1);
        }
        for (int sealed = 0; sealed < 2; sealed++) {
                _cleanup_(freep) HistoryPoint *points = NULL;
                size_t n;

                cr_expect_eq(count("web", SERIES_RESPONSE_TIME, BEGIN, BEGIN + 3 * HOUR), 240);
                cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 3 * HOUR), 60);
                cr_expect_eq(count("cup", SERIES_RESPONSE_TIME, BEGIN, BEGIN + 3 * HOUR), 60);
                cr_expect_eq(count_fine("web", SERIES_RESPONSE_TIME, BEGIN + HOUR, BEGIN + 2 * HOUR), 120);
                points = ask("web", SERIES_RESPONSE_TIME, BEGIN + HOUR, BEGIN + HOUR + 60 * SECOND, 30 * SECOND, &n);
                cr_expect_float_eq(points[0].avg, 10, 1e-9);
                cr_expect_float_eq(points[1].avg, 20, 1e-9);
                settle(BEGIN + 3 * HOUR);
                cr_expect_eq(figures().ticks, 0);
        }
        cr_expect_eq(figures().samples, 360);
        cr_expect_eq(add(BEGIN + HOUR + 30 * SECOND, "web", SERIES_CPU, 5), 0);
        cr_expect_eq(add(BEGIN + HOUR + 60 * SECOND, "web", SERIES_CPU, 5), 0);
}

/* A tick comes while its hour is being packed. */
Test(history_series, a_tick_disturbs_the_seal_of_its_hour) {
        add_hours(BEGIN, 1, 60);
        cr_assert_eq(history_seal_step(history, BEGIN + HOUR), 1);
        cr_assert_eq(history_seal_step(history, BEGIN + HOUR), 1);
        cr_assert_eq(add(BEGIN + 30 * SECOND, "web", SERIES_CPU, 1), 1);
        settle(BEGIN + HOUR);
        cr_expect_eq(figures().ticks, 0);
        cr_expect_eq(count_fine("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 61);
}

Test(history_series, an_hour_of_a_tick_each_second) {
        for (size_t i = 0; i < 3600; i++) {
                if (i % 100 == 0)
                        cr_assert_eq(history_begin(history), 0);
                cr_assert_eq(add(BEGIN + i * SECOND, "web", SERIES_RESPONSE_TIME, (double) i), 1);
                if (i % 100 == 99)
                        cr_assert_eq(history_commit(history), 0);
        }
        settle(BEGIN + HOUR);
        cr_expect_eq(count_fine("web", SERIES_RESPONSE_TIME, BEGIN, BEGIN + HOUR), 3600);
        cr_expect_eq(count("web", SERIES_RESPONSE_TIME, BEGIN, BEGIN + HOUR), 3600);
}

Test(history_series, many_services_are_sealed_in_steps) {
        static HistorySample samples[200];
        static char names[200][16];

        for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
                (void) snprintf(names[i], sizeof(names[i]), "s%zu", i * 7 % 200);
                samples[i] = no_sample(names[i]);
        }
        for (size_t t = 0; t < 20; t++) {
                for (size_t i = 0; i < ELEMENTSOF(samples); i++)
                        samples[i].values[SERIES_CPU] = (double) (i * 7 % 200);
                cr_assert_eq(history_add_tick(history, BEGIN + t * 60 * SECOND, samples, ELEMENTSOF(samples)), 1);
        }
        cr_expect_gt(settle(BEGIN + HOUR), 10);
        history_reopen();
        for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
                _cleanup_(freep) HistoryPoint *points = NULL;
                size_t n;

                (void) snprintf(names[0], sizeof(names[0]), "s%zu", i);
                points = ask(names[0], SERIES_CPU, BEGIN, BEGIN + HOUR, HOUR, &n);
                cr_expect_eq(points[0].n, 20);
                cr_expect_float_eq(points[0].avg, (double) i, 1e-9);
        }
}

Test(history_series, a_tick_without_services_and_strange_ones) {
        HistorySample twice[] = { no_sample("web"), no_sample("web") }, unnamed = no_sample("");
        char long_name[HISTORY_SERVICE_ID_MAX + 2] = {};
        HistorySample named = no_sample(long_name);

        cr_expect_eq(history_add_tick(history, BEGIN, NULL, 0), 1);
        cr_expect_eq(history_add_tick(history, BEGIN + SECOND, twice, 2), -EINVAL);
        cr_expect_eq(history_add_tick(history, BEGIN + SECOND, &unnamed, 1), -EINVAL);
        memset(long_name, 'x', HISTORY_SERVICE_ID_MAX + 1);
        cr_expect_eq(history_add_tick(history, BEGIN + SECOND, &named, 1), -EINVAL);
        long_name[HISTORY_SERVICE_ID_MAX] = '\0';
        cr_expect_eq(history_add_tick(history, BEGIN + SECOND, &named, 1), 1);
        cr_expect_null(history_problem(history));
        settle(BEGIN + HOUR);
        cr_expect_eq(figures().ticks, 0);
        cr_expect_eq(history_add_tick(history, BEGIN, NULL, 0), 0, "it was there, though nothing was in it");
}

Test(history_series, more_services_than_there_are_numbers) {
        static HistorySample samples[HISTORY_SERVICES_MAX + 1];
        static char names[HISTORY_SERVICES_MAX + 1][16];

        for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
                (void) snprintf(names[i], sizeof(names[i]), "s%zu", i);
                samples[i] = no_sample(names[i]);
                samples[i].values[SERIES_CPU] = 1;
        }
        cr_expect_eq(history_add_tick(history, BEGIN, samples, ELEMENTSOF(samples)), -E2BIG);
        cr_assert_eq(history_add_tick(history, BEGIN, samples, HISTORY_SERVICES_MAX), 1);
        cr_assert_eq(history_add_tick(history, BEGIN + 5 * SECOND, samples + HISTORY_SERVICES_MAX - 1, 2), 1);
        cr_expect_eq(count("s0", SERIES_CPU, BEGIN, BEGIN + HOUR), 1);
        cr_expect_eq(count(names[HISTORY_SERVICES_MAX - 1], SERIES_CPU, BEGIN, BEGIN + HOUR), 2);
        cr_expect_eq(count(names[HISTORY_SERVICES_MAX], SERIES_CPU, BEGIN, BEGIN + HOUR), 0, "there is no number for it");

        /* 30 days later the numbers of those that were not seen again are free. */
        cr_assert_eq(add(BEGIN + 20 * DAY, "s7", SERIES_CPU, 1), 1);
        settle(BEGIN + 31 * DAY);
        cr_assert_eq(add(BEGIN + 31 * DAY, names[HISTORY_SERVICES_MAX], SERIES_CPU, 2), 1);
        cr_expect_eq(count(names[HISTORY_SERVICES_MAX], SERIES_CPU, BEGIN, BEGIN + 32 * DAY), 1);
        cr_expect_eq(count("s7", SERIES_CPU, BEGIN, BEGIN + 32 * DAY), 1);
        cr_expect_eq(count("s8", SERIES_CPU, BEGIN, BEGIN + 32 * DAY), 0);
}

/* --- Transactions --- */

Test(history_series, a_transaction_is_all_or_nothing) {
        TimelineEvent event = { .at = BEGIN, .kind = EVENT_STATE };
        char *text = NULL;

        cr_assert_eq(history_commit(history), -EINVAL);
        cr_assert_eq(history_begin(history), 0);
        cr_assert_eq(history_begin(history), -EBUSY);
        cr_assert_eq(history_seal_step(history, BEGIN), -EBUSY);
        cr_assert_eq(add(BEGIN, "web", SERIES_CPU, 1), 1);
        cr_assert_eq(history_add_event(history, &event), 0);
        cr_assert_eq(history_put_text(history, "cursor", "x", true), 0);
        history_rollback(history);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 0);
        cr_expect_eq(history_get_text(history, "cursor", &text), -ENODATA);

        cr_assert_eq(history_begin(history), 0);
        cr_expect_eq(add(BEGIN, "web", SERIES_CPU, 1), 1, "the same second, for nothing of it was kept");
        cr_assert_eq(history_put_text(history, "cursor", "x", true), 0);
        cr_assert_eq(history_commit(history), 0);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + HOUR), 1);
        cr_assert_eq(history_get_text(history, "cursor", &text), 0);
        free(text);
}

/* --- 30 days --- */

Test(history_series, what_is_30_days_old_goes) {
        uint64_t end = BEGIN + 31 * DAY;

        add_hours(BEGIN, 40, 4);
        settle(BEGIN + 40 * HOUR);
        add_hours(end - 2 * HOUR, 2, 4);
        settle(end);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + DAY), 0);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 40 * HOUR), 16 * 4, "from the hour that began 30 days ago on");
        cr_expect_eq(count("web", SERIES_CPU, end - 2 * HOUR, end), 8);
        cr_expect_eq(figures().samples, 16 * 4 + 8);
        settle(end + HOUR);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 40 * HOUR), 15 * 4);
}

Test(history_series, ticks_that_were_never_sealed_go_too) {
        add_hours(BEGIN, 2, 600);
        settle(BEGIN + 32 * DAY);
        cr_expect_eq(figures().ticks, 0);
        cr_expect_eq(figures().samples, 0);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 32 * DAY), 0);
}

/* A clock that was a year ahead for a while. */
Test(history_series, what_was_collected_far_in_the_future_goes) {
        add_hours(BEGIN, 1, 60);
        settle(BEGIN + HOUR);
        add_hours(BEGIN + 365 * DAY, 1, 60);
        add_hours(BEGIN + HOUR, 1, 60);
        settle(BEGIN + 2 * HOUR);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN, BEGIN + 2 * HOUR), 120);
        cr_expect_eq(count("web", SERIES_CPU, BEGIN + 365 * DAY, BEGIN + 366 * DAY), 0);
        cr_expect_eq(figures().ticks, 0);
}
