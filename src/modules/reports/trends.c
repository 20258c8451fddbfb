/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "kinds.h"

/* GET /api/v1/reports/provider-trends?limit&bucket=day|hour */

bool bucket_of(const Window *w, bool by_hour, unsigned n, Window *ret) {
        uint64_t width = by_hour ? HOUR_USEC : DAY_USEC, last = (w->to - 1) - (w->to - 1) % width;

        if (n * width > last || last - n * width + width <= w->from)
                return false;
        ret->from = MAX(last - n * width, w->from);
        ret->to = MIN(last - n * width + width, w->to);
        return true;
}

static json_object *points_of(json_object *trends, const char *provider) {
        json_object *json, *points;

        for (size_t i = 0; i < json_object_array_length(trends); i++) {
                json = json_object_array_get_idx(trends, i);
                if (streq(json_object_get_string(json_object_object_get(json, "provider")), provider))
                        return json_object_object_get(json, "points");
        }
        json = json_object_new_object();
        points = json_object_new_array();
        put_text(json, "provider", provider);
        put(json, "points", points);
        push(trends, json);
        return points;
}

static void add_point(json_object *trends, const Window *bucket, const Part *part, json_object *rows) {
        json_object *point = json_object_new_object(), *row;

        put_time(point, "at", bucket->from);
        put_brief(point, &part->figures);
        push(points_of(trends, part->provider), point);
        if (!rows)
                return;
        row = json_object_new_object();
        put_text(row, "provider", part->provider);
        put_time(row, "at", bucket->from);
        put_brief(row, &part->figures);
        push(rows, row);
}

int trends_new(const Question *q, bool by_hour, unsigned limit, json_object *rows, json_object **ret) {
        json_object *trends = json_object_new_array();
        int r = trends ? 0 : -ENOMEM;
        Window bucket;

        for (unsigned n = limit; n-- > 0 && r >= 0;) {
                _cleanup_(sum_done) Sum sum = SUM_INIT;

                if (!bucket_of(&q->window, by_hour, n, &bucket))
                        continue;
                r = sum_calls(q, &bucket, false, &sum);
                for (size_t i = 0; i < sum.n && r >= 0; i++)
                        add_point(trends, &bucket, sum.parts + i, rows);
        }
        if (r < 0) {
                json_object_put(trends);
                return r;
        }
        *ret = trends;
        return 0;
}

int make_trends(const Question *q, Answer *ret) {
        json_object *trends;
        int r;

        ret->json = json_object_new_object();
        ret->rows = json_object_new_array();
        r = trends_new(q, q->by_hour, q->limit, ret->rows, &trends);
        if (r < 0)
                return r;
        put(ret->json, "trends", trends);
        put_text(ret->json, "bucket", q->by_hour ? "hour" : "day");
        put(ret->json, "window", window_to_json(&q->window));
        put_method(ret->json);
        if (json_object_array_length(trends) == 0)
                put_hint(ret->json, q, NULL);
        return 0;
}
