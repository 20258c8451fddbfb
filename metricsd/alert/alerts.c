/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "field.h"
#include "shared/log.h"

/* --- The history --- */

void engine_changed(AlertEngine *engine, Alert *alert) {
        if (alert->passing)
                return;
        alert->unsaved = engine->unsaved = true;
        if (engine->hooks->changed)
                engine->hooks->changed(engine->userdata);
}

static int put(AlertEngine *engine, Alert *alert) {
        _cleanup_(json_object_putp) json_object *json = alert_to_json(alert);
        const char *text;
        int r;

        if (!json)
                return -ENOMEM;
        text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        r = history_put_alert(engine->book->history, alert->id, alert->timestamp, alert->resolved_at, text);
        if (r == -EFBIG || r == -EINVAL) {
                /* That never changes, and the others must not wait for it. */
                log_errno(r, "Alert %s cannot be stored", alert->id);
                r = 0;
        }
        if (r >= 0)
                alert->unsaved = false;
        return r;
}

static int put_list(AlertEngine *engine, const AlertList *list) {
        Alert *alert;

        TAILQ_FOREACH(alert, list, entries) {
                int r = alert->unsaved ? put(engine, alert) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- Begin --- */

static int describe_service(AlertEngine *engine, Alert *alert, const char *service) {
        AlertFacts facts = {};

        alert->service = strdup(service);
        if (!alert->service)
                return -ENOMEM;
        if (!engine->hooks->facts(service, &facts, engine->userdata))
                return 0;
        (void) snprintf(alert->evidence.invocation_id, sizeof(alert->evidence.invocation_id), "%s", facts.invocation_id);
        if (engine->hooks->evidence)
                engine->hooks->evidence(service, &alert->evidence, engine->userdata);
        return 0;
}

/* Somebody who triggers faster than alerts end must not fill the memory. */
static void make_room_for_triggered(AlertEngine *engine, AlertTime now) {
        Alert *oldest = TAILQ_LAST(&engine->active, AlertList);

        if (engine->n_triggered < ALERT_TRIGGERED_MAX)
                return;
        while (oldest && (!oldest->by_hand || oldest->flights > 0))
                oldest = TAILQ_PREV(oldest, AlertList, entries);
        if (oldest)
                engine_resolve(engine, oldest, now);
}

static void count_in(AlertEngine *engine, const Alert *alert) {
        if (alert->resolved_at > 0)
                engine->n_history++;
        else
                engine->n_active++;
        if (alert->resolved_at == 0 && alert->by_hand)
                engine->n_triggered++;
}

Alert *engine_new_alert(AlertEngine *engine, AlertMetric metric, const char *service, bool by_hand, bool passing,
                        AlertTime now) {
        _cleanup_(alert_freep) Alert *alert = calloc(1, sizeof(Alert));

        if (!alert)
                return NULL;
        /* As it is written and read again. */
        alert->timestamp = now.realtime - now.realtime % USEC_PER_MSEC;
        (void) snprintf(alert->id, sizeof(alert->id), "alert-%" PRIu64 "-%u", now.realtime / USEC_PER_MSEC,
                        ++engine->last_id);
        alert->metric = metric;
        alert->action = ACTION_NOTIFY;
        alert->by_hand = by_hand;
        alert->passing = passing;
        alert->ends = now.monotonic + ALERT_TRIGGERED_USEC;
        if (service && describe_service(engine, alert, service) < 0)
                return NULL;
        if (engine->hooks->preceded)
                alert->evidence.preceded = engine->hooks->preceded(service, now.realtime, engine->userdata);
        if (passing)
                return TAKE_PTR(alert);
        if (by_hand)
                make_room_for_triggered(engine, now);
        TAILQ_INSERT_HEAD(&engine->active, alert, entries);
        count_in(engine, alert);
        return TAKE_PTR(alert);
}

void engine_adopt(AlertEngine *engine, Alert *alert) {
        AlertList *list = alert->resolved_at > 0 ? &engine->history : &engine->active;

        TAILQ_INSERT_TAIL(list, alert, entries);
        count_in(engine, alert);
}

/* --- End --- */

static void trim_history(AlertEngine *engine) {
        Alert *oldest = TAILQ_LAST(&engine->history, AlertList);

        while (oldest && engine->n_history > ALERT_HISTORY_MAX) {
                Alert *next = TAILQ_PREV(oldest, AlertList, entries);

                if (oldest->flights == 0) {
                        TAILQ_REMOVE(&engine->history, oldest, entries);
                        engine->n_history--;
                        alert_free(oldest);
                }
                oldest = next;
        }
}

/* A disk that is full is not asked again before the next tick: each try waits for it. */
void engine_flush(AlertEngine *engine) {
        int r = 0;

        if (engine->unsaved && !engine->store_failed) {
                r = put_list(engine, &engine->active);
                if (r >= 0)
                        r = put_list(engine, &engine->history);
                engine->unsaved = engine->store_failed = r < 0;
        }
        trim_history(engine);
}

static void note_end(AlertEngine *engine, const Alert *alert) {
        _cleanup_(freep) char *what = NULL;

        what = str_printf("alert %s on %s%s%s is over%s%s", alert->id, alert_metric_to_string(alert->metric),
                          alert->service ? " of " : "", alert->service ? alert->service : "",
                          alert->folded_into ? ", for it is part of " : "", alert->folded_into ? alert->folded_into : "");
        note_alert(engine, alert, "resolved", what ? what : "the alert is over");
}

void engine_resolve(AlertEngine *engine, Alert *alert, AlertTime now) {
        alert->resolved_at = now.realtime - now.realtime % USEC_PER_MSEC;
        TAILQ_REMOVE(&engine->active, alert, entries);
        engine->n_active--;
        if (alert->by_hand)
                engine->n_triggered--;
        if (engine->group == alert)
                engine->group = NULL;
        TAILQ_INSERT_HEAD(&engine->history, alert, entries);
        engine->n_history++;
        /* What became part of another has not got better by that. */
        if (alert->verify_until > 0)
                flight_helped(engine, alert, !alert->folded_into);
        note_end(engine, alert);
        notice_resolved(engine, alert, now);
        engine_changed(engine, alert);
}

void engine_answer(Alert *alert) {
        alert_done_t done = TAKE_PTR(alert->done);

        if (done)
                done(alert_to_json(alert), alert->done_userdata);
}
