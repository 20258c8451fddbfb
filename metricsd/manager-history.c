/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "journal-collector.h"
#include "manager.h"
#include "shared/log.h"
#include "timeline.h"

/* Which run of each service was seen last, so that one which begins while nobody looks is not missed. */
#define RUNS "runs"
#define FIGURES_USEC (10 * USEC_PER_SEC)

static double known(double value) {
        return value < 0 ? NAN : value;
}

static double count(uint64_t value) {
        return value == UINT64_MAX ? NAN : (double) value;
}

static double health_value(const Watched *w) {
        if (w->health == HEALTH_UNKNOWN)
                return NAN;
        return w->health == HEALTH_HEALTHY ? 1 : w->health == HEALTH_DEGRADED ? 0.5 : 0;
}

static void fill(HistorySample *s, const Manager *m, const Watched *w) {
        *s = (HistorySample) {
                .service = w->unit->service->id,
                .values = {
                        [SERIES_RESPONSE_TIME] = known(w->response_ms),
                        [SERIES_HEALTH] = health_value(w),
                        [SERIES_RESTARTS] = (double) w->unit->restarts,
                        [SERIES_MEMORY] = count(w->memory), /* MEMORY_UNKNOWN is that value, too */
                        [SERIES_CPU] = known(w->cpu),
                        [SERIES_ERROR_RATE] = known(w->error_rate),
                        [SERIES_REQUESTS] = count(w->requests),
                        [SERIES_ERRORS] = count(w->errors),
                        [SERIES_JOURNAL_ERRORS] = m->journal ? journal_tick_errors(m->journal, w) : NAN,
                        [SERIES_GENERATION] = w->generation > 0 ? (double) w->generation : NAN,
                },
        };
}

/* Room that stays for the next tick. */
static HistorySample *samples_for(Manager *m, size_t n) {
        HistorySample *grown;

        if (n <= m->n_samples)
                return m->samples;
        grown = reallocarray(m->samples, n, sizeof(HistorySample));
        if (!grown)
                return NULL;
        m->samples = grown;
        m->n_samples = n;
        return grown;
}

/* --- Runs --- */

static void load_runs(Manager *m) {
        _cleanup_(freep) char *text = NULL;

        if (history_get_text(m->history, RUNS, &text) >= 0)
                m->runs = json_tokener_parse(text);
        if (!json_object_is_type(m->runs, json_type_object)) {
                json_object_put(m->runs);
                m->runs = json_object_new_object();
        }
}

const char *manager_noted_run(const Manager *m, const char *service) {
        json_object *run;

        return m->runs && json_object_object_get_ex(m->runs, service, &run) ? json_object_get_string(run) : NULL;
}

/* True when it is another one than before. */
static bool note_run(Manager *m, const Watched *w) {
        const char *service = w->unit->service->id, *noted = manager_noted_run(m, service);

        if (!w->running || !m->runs || (noted && streq(noted, w->run)))
                return false;
        return json_add(m->runs, service, json_object_new_string(w->run));
}

/* --- One tick --- */

static int keep_tick(Manager *m, const HistorySample *samples, size_t n, bool runs) {
        bool is_tick;
        int r;

        r = history_begin(m->history);
        if (r < 0)
                return r;
        r = history_add_tick(m->history, now_realtime_usec(), samples, n);
        is_tick = r > 0;
        if (r >= 0 && runs)
                r = history_put_text(m->history, RUNS, json_object_to_json_string_ext(m->runs, JSON_C_TO_STRING_PLAIN),
                                     false);
        if (r >= 0 && is_tick) /* else errors wait for the next, which has their number */
                r = journal_flush(m->journal, m->history);
        if (r >= 0)
                r = history_commit(m->history);
        else
                history_rollback(m->history);
        journal_flushed(m->journal, r >= 0 && is_tick);
        return r;
}

static int on_seal(sd_event_source *source, void *userdata) {
        Manager *m = userdata;
        ACCOUNT_CHARGE(&m->keeping);
        int r = m->stopping ? 0 : history_seal_step(m->history, now_realtime_usec());

        if (r <= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return MIN(r, 0);
}

/* In the time in which nothing else is to be done. */
static int seal_later(Manager *m) {
        int r;

        if (m->seal)
                return sd_event_source_set_enabled(m->seal, SD_EVENT_ON);
        r = sd_event_add_defer(m->event, &m->seal, on_seal, m);
        if (r >= 0)
                r = sd_event_source_set_priority(m->seal, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? r : sd_event_source_set_enabled(m->seal, SD_EVENT_ON);
}

void manager_keep(Manager *m) {
        size_t n = fleet_count(m->fleet), used = 0;
        HistorySample *samples = samples_for(m, n);
        ACCOUNT_CHARGE(&m->keeping);
        bool runs = false;
        int r;

        if (!fleet_is_loaded(m->fleet))
                return;
        if (!samples && n > 0) {
                log_errno(-ENOMEM, "A tick is not kept");
                return;
        }
        for (size_t i = 0; i < n; i++) {
                const Watched *w = fleet_at(m->fleet, i)->userdata;

                if (!w)
                        continue;
                fill(samples + used++, m, w);
                runs = note_run(m, w) || runs;
        }
        if (keep_tick(m, samples, used, runs) >= 0)
                account_ok(&m->keeping);
        else
                account_failed_as_said(&m->keeping, strna(history_problem(m->history)));
        r = seal_later(m);
        if (r < 0)
                log_errno(r, "Cannot plan to pack the history");
}

/* Its rows have to be counted for that, and whoever scrapes may do so each second. */
const HistoryFigures *manager_figures(Manager *m) {
        uint64_t now = now_usec();

        if (m->figures_at > 0 && now < m->figures_at + FIGURES_USEC)
                return &m->figures;
        if (history_figures(m->history, &m->figures) < 0)
                return NULL;
        m->figures_at = now;
        return &m->figures;
}

/* --- Begin and end --- */

int manager_open_history(Manager *m) {
        const char *directory = getenv("STATE_DIRECTORY");
        int r;

        if (!directory || !*directory)
                return -EUCLEAN;
        m->keeping.name = "history";
        r = history_open(directory, &m->history);
        if (r >= 0)
                load_runs(m);
        return r;
}

void manager_close_history(Manager *m) {
        m->seal = sd_event_source_disable_unref(m->seal);
        m->history = history_free(m->history);
        json_object_put(m->runs);
        m->runs = NULL;
        free(m->build.modules);
        free(m->build.file);
        free(m->samples);
        m->samples = NULL;
        m->n_samples = 0;
}
