/* SPDX-License-Identifier: MIT */
#include "question.h"

#include <stdio.h>
#include <strings.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "build.h"
#include "csv.h"
#include "parts.h"

#define TIME_EXPECTED "a day (2026-01-31) or a time (2026-01-31T08:15:30Z) is expected"
#define RECENT_DEFAULT 24
#define RECENT_MAX 720

static int problem(char **ret, const char *text) {
        *ret = strdup(text);
        return *ret ? -EINVAL : -ENOMEM;
}

static int problem_of(char **ret, const char *name, const char *text) {
        *ret = str_printf("%s: %s", name, text);
        return *ret ? -EINVAL : -ENOMEM;
}

/* --- Times --- */

/* 1 when it is given, 0 when it is not. */
static int read_time(HttpRequest *request, const char *name, uint64_t *ret, char **ret_problem) {
        const char *value = http_request_query(request, name);
        char whole[32];

        if (!value)
                return 0;
        if (strlen(value) == strlen("2026-01-31") &&
            snprintf(whole, sizeof(whole), "%sT00:00:00Z", value) < (int) sizeof(whole))
                value = whole;
        return parse_iso8601(value, ret) < 0 ? problem_of(ret_problem, name, TIME_EXPECTED) : 1;
}

static uint64_t hour_up(uint64_t usec) {
        return usec % HOUR_USEC == 0 ? usec : usec - usec % HOUR_USEC + HOUR_USEC;
}

static int check_window(const Window *w, const char *name, char **ret_problem) {
        if (w->from >= w->to)
                return problem_of(ret_problem, name, "it has to be before the end of the period");
        if (w->to - w->from > WINDOW_DAYS_MAX * DAY_USEC)
                return problem_of(ret_problem, name, "a period of at most 366 days is expected");
        return 0;
}

static int read_window(HttpRequest *request, const char *from, const char *to, const Window *otherwise, Window *ret,
                       char **ret_problem) {
        uint64_t length = otherwise->to - otherwise->from;
        Window w = *otherwise;
        int has_from, has_to;

        has_to = read_time(request, to, &w.to, ret_problem);
        if (has_to < 0)
                return has_to;
        w.to = hour_up(w.to);
        w.from = w.to - MIN(w.to, length);
        has_from = read_time(request, from, &w.from, ret_problem);
        if (has_from < 0)
                return has_from;
        w.from -= w.from % HOUR_USEC;
        *ret = w;
        return has_from || has_to ? check_window(&w, has_from ? from : to, ret_problem) : 0;
}

static int read_windows(HttpRequest *request, Question *q, char **ret_problem) {
        uint64_t to = hour_up(q->now), length;
        int r;

        r = read_window(request, "from", "to", &(Window) { .from = to - q->kind->days * DAY_USEC, .to = to }, &q->window,
                        ret_problem);
        if (r < 0 || !q->kind->base)
                return r;
        length = q->window.to - q->window.from;
        return read_window(request, "baseFrom", "baseTo",
                           &(Window) { .from = q->window.from - MIN(q->window.from, length), .to = q->window.from },
                           &q->base, ret_problem);
}

/* --- The others --- */

static int read_count(HttpRequest *request, const char *name, unsigned long max, unsigned otherwise, unsigned *ret,
                      char **ret_problem) {
        const char *value = http_request_query(request, name);
        unsigned long n = otherwise;

        if (value && parse_uint(value, 1, max, &n) < 0) {
                *ret_problem = str_printf("%s: a whole number from 1 to %lu is expected", name, max);
                return *ret_problem ? -EINVAL : -ENOMEM;
        }
        *ret = (unsigned) n;
        return 0;
}

/* The index of one of two words; the first when there is none. */
static int read_word(HttpRequest *request, const char *name, const char *a, const char *b, bool *ret, char **ret_problem) {
        const char *value = http_request_query(request, name);

        if (value && !streq(value, a) && !streq(value, b)) {
                *ret_problem = str_printf("%s: %s or %s is expected", name, a, b);
                return *ret_problem ? -EINVAL : -ENOMEM;
        }
        *ret = value && streq(value, b);
        return 0;
}

#define COMPARED_EXPECTED "comparison: two to five names of providers with commas between them are expected, each one once"

static int read_compared(HttpRequest *request, Question *q, char **ret_problem) {
        const char *s = http_request_query(request, "comparison");

        while (s) {
                size_t n = strcspn(s, ",");

                if (n == 0 || n > NAME_MAX_BYTES || q->n_compared == COMPARED_MAX)
                        return problem(ret_problem, COMPARED_EXPECTED);
                memcpy(q->compared[q->n_compared], s, n);
                for (unsigned i = 0; i < q->n_compared; i++)
                        if (streq(q->compared[i], q->compared[q->n_compared]))
                                return problem(ret_problem, COMPARED_EXPECTED);
                q->n_compared++;
                s = s[n] ? s + n + 1 : NULL;
        }
        return q->n_compared == 1 ? problem(ret_problem, COMPARED_EXPECTED) : 0;
}

/* The first of the two that Accept: names and does not rule out, for nobody who asks for CSV puts weights on it. */
static bool wants_csv(HttpRequest *request) {
        const char *accept = http_request_header(request, "Accept"), *csv, *json;

        csv = accept ? strcasestr(accept, "text/csv") : NULL;
        json = csv ? strcasestr(accept, "application/json") : NULL;
        return csv && (!json || csv < json);
}

static int read_format(HttpRequest *request, Question *q, char **ret_problem) {
        int r;

        r = read_word(request, "format", "json", "csv", &q->csv, ret_problem);
        if (r >= 0 && !http_request_query(request, "format"))
                q->csv = wants_csv(request);
        return r;
}

int question_read(HttpRequest *request, const ReportKind *kind, uint64_t now, Question *ret, char **ret_problem) {
        int r;

        *ret = (Question) { .kind = kind, .now = now, .limit = kind->limit_default, .recent_hours = RECENT_DEFAULT };
        r = read_format(request, ret, ret_problem);
        if (r >= 0)
                r = read_windows(request, ret, ret_problem);
        if (r >= 0 && kind->limit_max > 0)
                r = read_count(request, "limit", kind->limit_max, kind->limit_default, &ret->limit, ret_problem);
        if (r >= 0 && kind->recent)
                r = read_count(request, "recentHours", RECENT_MAX, RECENT_DEFAULT, &ret->recent_hours, ret_problem);
        if (r >= 0 && kind->compares)
                r = read_compared(request, ret, ret_problem);
        if (r >= 0 && kind->trends)
                r = read_word(request, "trends", "false", "true", &ret->trends, ret_problem);
        if (r >= 0 && kind->buckets)
                r = read_word(request, "bucket", "day", "hour", &ret->by_hour, ret_problem);
        return r;
}

/* --- The answer --- */

static int reply_csv(HttpRequest *request, const ReportKind *kind, const Answer *a) {
        _cleanup_(freep) char *text = NULL, *disposition = NULL;
        size_t size;
        int r;

        r = a->rows ? csv_of_rows(a->rows, &text, &size) : csv_of_paths(a->json, &text, &size);
        disposition = str_printf("inline; filename=\"%s.csv\"", kind->name);
        if (r >= 0 && !disposition)
                r = -ENOMEM;
        if (r >= 0)
                r = http_reply_header(request, "Content-Disposition", disposition);
        return r < 0 ? r : http_reply(request, 200, "text/csv; charset=utf-8; header=present", text, size);
}

/* A table without rows has no columns either; so it says why. */
static void tell_of_nothing(const Answer *a) {
        json_object *hint, *row;

        if (!a->rows || json_object_array_length(a->rows) > 0 || !json_object_object_get_ex(a->json, "hint", &hint))
                return;
        row = json_object_new_object();
        put(row, "hint", json_object_get(hint));
        push(a->rows, row);
}

int question_answer(Question *q, HttpRequest *request) {
        Answer a = {};
        int r;

        r = q->kind->make(q, &a);
        if (r >= 0 && !a.json)
                r = -ENOMEM;
        if (r >= 0 && q->csv) {
                tell_of_nothing(&a);
                r = reply_csv(request, q->kind, &a);
        } else if (r >= 0) {
                put_time(a.json, "timestamp", q->now);
                r = http_reply_json(request, 200, TAKE_PTR(a.json));
        }
        json_object_put(a.json);
        json_object_put(a.rows);
        return r;
}
