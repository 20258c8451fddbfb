/* SPDX-License-Identifier: MIT */
#include "history-http.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "manager.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define HOUR (UINT64_C(3600) * USEC_PER_SEC)
#define POINTS_USUAL 360
#define EVENTS_USUAL 100
#define EVENTS_MAX 500

/* --- Reading the question --- */

static int refuse(HttpRequest *request, const char *field, const char *expected) {
        int r = http_reply_error(request, 400, "INVALID_FIELD", "%s: %s is expected", field, expected);

        return r < 0 ? r : 1;
}

/* "now", a date, or "-1h" from now on back; a '+' of a date's zone may have become a blank on its way. */
static int parse_when(const char *text, uint64_t now, uint64_t *ret) {
        uint64_t span;
        int r;

        if (streq(text, "now")) {
                *ret = now;
                return 0;
        }
        if (*text != '-')
                return parse_iso8601(text, ret);
        r = parse_timespan(text + 1, &span);
        if (r < 0)
                return r;
        if (span > now)
                return -ERANGE;
        *ret = now - span;
        return 0;
}

/* These: 1 when the request has been answered with what is wrong. */
static int read_when(HttpRequest *request, const char *field, uint64_t now, uint64_t *ret) {
        const char *text = http_request_query(request, field);

        if (text && parse_when(text, now, ret) < 0)
                return refuse(request, field, "a date as \"2026-01-31T08:15:30Z\", or a time ago as \"-1h\"");
        return 0;
}

static int read_range(HttpRequest *request, uint64_t now, uint64_t *from, uint64_t *to) {
        int r;

        r = read_when(request, "from", now, from);
        if (r == 0)
                r = read_when(request, "to", now, to);
        if (r == 0 && *from >= *to)
                return refuse(request, "from", "a time before that of `to`");
        return r;
}

/* The step that gives about as many points as a page has room for, in a round figure. */
static uint64_t usual_step(uint64_t span) {
        static const unsigned seconds[] = { 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400 };
        unsigned i = 0;

        while (i < ELEMENTSOF(seconds) - 1 && span / (seconds[i] * USEC_PER_SEC) > POINTS_USUAL)
                i++;
        return seconds[i] * USEC_PER_SEC;
}

static int read_step(HttpRequest *request, HistoryQuery *query) {
        const char *text = http_request_query(request, "step");
        unsigned long ms;
        int r = 0;

        query->step = usual_step(query->to - query->from);
        if (!text)
                return 0;
        if (parse_uint(text, 1, ULONG_MAX / USEC_PER_MSEC, &ms) >= 0)
                query->step = ms * USEC_PER_MSEC;
        else
                r = parse_timespan(text, &query->step);
        if (r < 0 || query->step == 0 || query->step % USEC_PER_SEC != 0)
                return refuse(request, "step", "a duration of whole seconds, as \"5s\" or \"1min\"");
        return 0;
}

/* Out to whole steps since 1970, so that two questions about one time are answered by the same points. */
static void align(HistoryQuery *query) {
        uint64_t rest = query->to % query->step;

        query->from -= query->from % query->step;
        if (rest > 0 && query->to <= UINT64_MAX - query->step)
                query->to += query->step - rest;
}

static int read_series(HttpRequest *request, Series *ret) {
        const char *text = http_request_query(request, "metric");

        if (!text || series_from_name(text, ret) < 0)
                return refuse(request, "metric", "one of those that are kept, as \"service.responseTime\" or "
                                                 "\"service.memory\",");
        return 0;
}

/* needed: there is no answer for all of them together. */
static int read_service(const Manager *m, HttpRequest *request, bool needed, const char **ret) {
        const char *text = http_request_query(request, "service");

        if (!text && !needed) {
                *ret = NULL;
                return 0;
        }
        if (!text || !fleet_find(m->fleet, text))
                return refuse(request, "service", "the id of a service, as \"training\",");
        *ret = text;
        return 0;
}

/* --- History --- */

static bool add_number(json_object *array, double value) {
        json_object *number = isnan(value) ? NULL
                              : value == floor(value) && fabs(value) < 1e15 ? json_object_new_int64((int64_t) value)
                                                                            : json_rounded(value);

        if (json_object_array_add(array, number) >= 0)
                return true;
        json_object_put(number);
        return false;
}

static bool add_point(json_object *points, const HistoryPoint *p) {
        json_object *point = json_object_new_array();

        if (!point || json_object_array_add(points, point) < 0) {
                json_object_put(point);
                return false;
        }
        return add_number(point, (double) p->at / (double) USEC_PER_MSEC) && add_number(point, p->avg) &&
               add_number(point, p->min) && add_number(point, p->max);
}

static json_object *points_json(const HistoryPoint *list, size_t n) {
        _cleanup_(json_object_putp) json_object *points = json_object_new_array();

        for (size_t i = 0; points && i < n; i++)
                if (!add_point(points, list + i))
                        return NULL;
        return TAKE_PTR(points);
}

static int reply_history(HttpRequest *request, const HistoryQuery *q, const HistoryPoint *list, size_t n) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *points = points_json(list, n);
        const SeriesInfo *info = series_info(q->series);
        char from[ISO8601_MAX], to[ISO8601_MAX];

        if (!json || !points || !json_add(json, "service", json_object_new_string(q->service)) ||
            !json_add(json, "metric", json_object_new_string(info->name)) ||
            !json_add(json, "unit", json_object_new_string(info->unit)) ||
            !json_add(json, "from", json_object_new_string(format_iso8601(from, q->from))) ||
            !json_add(json, "to", json_object_new_string(format_iso8601(to, q->to))) ||
            !json_add(json, "step", json_object_new_uint64(q->step / USEC_PER_MSEC)) ||
            !json_add(json, "points", TAKE_PTR(points)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(json));
}

int history_http_get_history(HttpRequest *request, void *state) {
        uint64_t now = now_realtime_usec();
        HistoryQuery q = { .from = now - HOUR, .to = now };
        _cleanup_(freep) HistoryPoint *points = NULL;
        Manager *m = state;
        size_t n;
        int r;

        r = manager_refuse_early(m, request);
        if (r == 0)
                r = read_service(m, request, true, &q.service);
        if (r == 0)
                r = read_series(request, &q.series);
        if (r == 0)
                r = read_range(request, now, &q.from, &q.to);
        if (r == 0)
                r = read_step(request, &q);
        if (r != 0)
                return MIN(r, 0);
        align(&q);
        r = history_query(m->history, &q, &points, &n);
        if (r == -ERANGE)
                return http_reply_error(request, 400, "INVALID_FIELD", "step: one that gives at most %d points is expected",
                                        HISTORY_POINTS_MAX);
        if (r < 0)
                return http_reply_error(request, 503, "HISTORY_UNREADABLE", "the history cannot be read: %s", strerror(-r));
        return reply_history(request, &q, points, n);
}

/* --- Timeline --- */

static bool add_text(json_object *json, const char *name, const char *text) {
        return json_add(json, name, text ? json_object_new_string(text) : NULL);
}

static bool add_detail(json_object *json, const char *text) {
        json_object *detail = text ? json_tokener_parse(text) : NULL;

        return json_add(json, "detail", detail ? detail : json_object_new_object());
}

static int on_event(const TimelineEvent *e, void *userdata) {
        json_object *events = userdata, *json = json_object_new_object();
        char at[ISO8601_MAX];

        if (!json || json_object_array_add(events, json) < 0) {
                json_object_put(json);
                return -ENOMEM;
        }
        return json_add(json, "id", json_object_new_int64(e->id)) && add_text(json, "at", format_iso8601(at, e->at)) &&
               add_text(json, "service", e->service) && add_text(json, "kind", event_kind_to_string(e->kind)) &&
               add_text(json, "cause", e->cause) && add_text(json, "text", e->text) && add_detail(json, e->detail) &&
               add_text(json, "invocationId", e->invocation_id) && add_text(json, "cursor", e->cursor) ? 0 : -ENOMEM;
}

/* "restart,reload" */
static int read_kinds(HttpRequest *request, unsigned *ret) {
        const char *text = http_request_query(request, "kind");
        unsigned kinds = 0;

        while (text) {
                size_t n = strcspn(text, ",");
                char word[16];
                EventKind kind;

                (void) snprintf(word, sizeof(word), "%.*s", (int) MIN(n, sizeof(word)), text);
                if (event_kind_from_string(word, &kind) < 0)
                        return refuse(request, "kind",
                                      "one or several of state, restart, reload, build, alert, remediation, monitor, with a "
                                      "comma between them,");
                kinds |= 1U << kind;
                text = text[n] ? text + n + 1 : NULL;
        }
        *ret = kinds;
        return 0;
}

static int read_limit(HttpRequest *request, size_t *ret) {
        const char *text = http_request_query(request, "limit");
        unsigned long limit = EVENTS_USUAL;

        if (text && parse_uint(text, 1, EVENTS_MAX, &limit) < 0)
                return refuse(request, "limit", "a number in 1..500");
        *ret = limit;
        return 0;
}

static int reply_timeline(HttpRequest *request, History *history, const EventQuery *q) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *events = json_object_new_array();
        int n;

        if (!json || !events)
                return -ENOMEM;
        n = history_each_event(history, q, on_event, events);
        if (n == -ENOMEM)
                return n;
        if (n < 0)
                return http_reply_error(request, 503, "HISTORY_UNREADABLE", "the timeline cannot be read: %s",
                                        strerror(-n));
        if (!json_add(json, "events", TAKE_PTR(events)) || !json_add(json, "total", json_object_new_int(n)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(json));
}

int history_http_get_timeline(HttpRequest *request, void *state) {
        EventQuery q = { .from = 0, .to = UINT64_MAX };
        Manager *m = state;
        int r;

        r = manager_refuse_early(m, request);
        if (r == 0)
                r = read_service(m, request, false, &q.service);
        if (r == 0)
                r = read_kinds(request, &q.kinds);
        if (r == 0)
                r = read_range(request, now_realtime_usec(), &q.from, &q.to);
        if (r == 0)
                r = read_limit(request, &q.limit);
        return r != 0 ? MIN(r, 0) : reply_timeline(request, m->history, &q);
}
