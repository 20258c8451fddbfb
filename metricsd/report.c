/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <math.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "summary.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* json-c prints a double with 17 digits unless told; null stands for what is not known. */
static json_object *number(double value, int decimals) {
        char text[64];

        if (value < 0)
                return NULL;
        (void) snprintf(text, sizeof(text), "%.*f", decimals, value);
        return json_object_new_double_s(value, text);
}

static json_object *timestamp(uint64_t realtime) {
        char text[ISO8601_MAX];

        return realtime == 0 ? NULL : json_object_new_string(format_iso8601(text, realtime));
}

/* 100 and not 100.0, for whoever compares text. */
static json_object *percentage(const Tally *t) {
        int permille = tally_permille(t);

        if (permille >= 0 && permille % 10 == 0)
                return json_object_new_int(permille / 10);
        return number((double) permille / 10, 1);
}

/* What it says of a service that nobody has seen online is that it is offline; `error` says why. */
static const char *status_of(const Watched *w) {
        return health_to_string(w->health == HEALTH_UNKNOWN ? HEALTH_OFFLINE : w->health);
}

static const char *error_of(const Watched *w) {
        if (w->problem)
                return w->problem;
        return w->health == HEALTH_UNKNOWN ? "started, has not answered yet" : NULL;
}

static bool add_unit(json_object *json, const FleetUnit *u) {
        return json_add(json, "unitState", json_object_new_string(u->active_state)) &&
               json_add(json, "subState", json_object_new_string(u->sub_state)) &&
               json_add(json, "state", json_object_new_string(fleet_unit_word(u))) &&
               json_add(json, "pid", u->pid > 0 ? json_object_new_int64(u->pid) : NULL) &&
               json_add(json, "restarts", json_object_new_uint64(u->restarts));
}

json_object *report_watched(const Watched *w) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        const Service *s = w->unit->service;
        const char *error = error_of(w), *source = memory_source_to_string(w->memory_source);

        if (json && json_add(json, "id", json_object_new_string(s->id)) &&
            json_add(json, "name", json_object_new_string(s->name)) &&
            json_add(json, "port", s->port > 0 ? json_object_new_int64(s->port) : NULL) &&
            json_add(json, "status", json_object_new_string(status_of(w))) &&
            json_add(json, "responseTime", number(w->response_ms, 3)) &&
            json_add(json, "category", json_object_new_string(s->category)) &&
            json_add(json, "lastChecked", timestamp(w->checked_at)) &&
            json_add(json, "healthy", json_object_new_boolean(w->health == HEALTH_HEALTHY)) &&
            add_unit(json, w->unit) &&
            json_add(json, "generation", w->generation > 0 ? json_object_new_uint64(w->generation) : NULL) &&
            json_add(json, "memory", w->memory != MEMORY_UNKNOWN ? json_object_new_uint64(w->memory) : NULL) &&
            json_add(json, "memorySource", source ? json_object_new_string(source) : NULL) &&
            json_add(json, "cpu", number(w->cpu, 2)) &&
            (!error || json_add(json, "error", json_object_new_string(error))) &&
            json_add(json, "condition", json_object_new_string(condition_to_string(w->condition))) &&
            (!w->explanation || json_add(json, "explanation", json_object_new_string(w->explanation))))
                return TAKE_PTR(json);
        return NULL;
}

static json_object *tally_json(const Tally *t) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (json && json_add(json, "healthy", json_object_new_int64(t->healthy)) &&
            json_add(json, "degraded", json_object_new_int64(t->degraded)) &&
            json_add(json, "offline", json_object_new_int64(t->offline)) &&
            json_add(json, "total", json_object_new_int64(t->total)) &&
            json_add(json, "healthPercentage", percentage(t)))
                return TAKE_PTR(json);
        return NULL;
}

static json_object *categories_json(const Summary *s) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        for (unsigned i = 0; json && i < CATEGORIES; i++) {
                json_object *tally = tally_json(s->categories + i);

                if (!tally || !json_add(json, summary_categories[i], tally))
                        return NULL;
        }
        return TAKE_PTR(json);
}

static json_object *performance_json(const Summary *s) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        bool known = s->n_times > 0;

        if (json && json_add(json, "avgResponseTime", number(summary_average(s), 3)) &&
            json_add(json, "minResponseTime", known ? number(s->min_ms, 3) : NULL) &&
            json_add(json, "maxResponseTime", known ? number(s->max_ms, 3) : NULL))
                return TAKE_PTR(json);
        return NULL;
}

/* Takes over value; unlike json_add() it fails when there is none. */
static bool add_made(json_object *json, const char *key, json_object *value) {
        return value && json_add(json, key, value);
}

static json_object *stats_json(const Summary *s, uint64_t now) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (json && add_made(json, "timestamp", timestamp(now)) && add_made(json, "serviceHealth", tally_json(&s->all)) &&
            add_made(json, "performance", performance_json(s)) && add_made(json, "categories", categories_json(s)))
                return TAKE_PTR(json);
        return NULL;
}

/* Takes over value. */
static bool append(json_object *array, json_object *value) {
        if (value && json_object_array_add(array, value) >= 0)
                return true;
        json_object_put(value);
        return false;
}

json_object *report_dashboard(const Watched *const *list, size_t n, uint64_t now, json_object *alerts) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *taken = alerts,
                                                *services = json_object_new_array(),
                                                *control = json_object_new_array();
        Summary summary = {};
        bool whole;

        if (!json || !services || !control || !taken)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                bool counts = fleet_unit_counts(list[i]->unit);

                if (counts)
                        summary_add(&summary, list[i]);
                if (!append(counts ? services : control, report_watched(list[i])))
                        return NULL;
        }
        whole = summary.all.total > 0 && summary.all.healthy == summary.all.total;
        if (add_made(json, "stats", stats_json(&summary, now)) && json_add(json, "services", TAKE_PTR(services)) &&
            json_add(json, "control", TAKE_PTR(control)) &&
            add_made(json, "status", json_object_new_string(whole ? "operational" : "degraded")) &&
            json_add(json, "alerts", TAKE_PTR(taken)))
                return TAKE_PTR(json);
        return NULL;
}

json_object *report_update(uint64_t now, uint64_t interval, json_object *data) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *taken = data;

        if (json && taken && add_made(json, "type", json_object_new_string("metrics-update")) &&
            json_add(json, "data", TAKE_PTR(taken)) && add_made(json, "timestamp", timestamp(now)) &&
            add_made(json, "interval", json_object_new_uint64(interval / USEC_PER_MSEC)))
                return TAKE_PTR(json);
        return NULL;
}
