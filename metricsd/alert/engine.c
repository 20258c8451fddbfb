/* SPDX-License-Identifier: MIT */
#include "engine-internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"

int alert_engine_new(AlertBook *book, const AlertHooks *hooks, void *userdata, AlertEngine **ret) {
        AlertEngine *engine = calloc(1, sizeof(AlertEngine));

        if (!engine) {
                alert_book_free(book);
                return -ENOMEM;
        }
        engine->book = book;
        engine->hooks = hooks;
        engine->userdata = userdata;
        TAILQ_INIT(&engine->active);
        TAILQ_INIT(&engine->history);
        *ret = engine;
        return 0;
}

static void free_list(AlertList *list) {
        Alert *alert;

        while ((alert = TAILQ_FIRST(list))) {
                TAILQ_REMOVE(list, alert, entries);
                alert_free(alert);
        }
}

AlertEngine *alert_engine_free(AlertEngine *engine) {
        if (!engine)
                return NULL;
        if (engine->flight.done)
                engine->flight.done(alert_to_json(engine->flight.alert), engine->flight.done_userdata);
        free(engine->flight.service);
        free_list(&engine->active);
        free_list(&engine->history);
        alert_book_free(engine->book);
        free(engine);
        return NULL;
}

AlertBook *alert_engine_book(AlertEngine *engine) {
        return engine->book;
}

const char *alert_engine_in_flight(const AlertEngine *engine) {
        return engine->flight.service;
}

size_t alert_engine_active_count(const AlertEngine *engine, AlertSeverity severity) {
        const Alert *alert;
        size_t n = 0;

        TAILQ_FOREACH(alert, &engine->active, entries)
                n += alert->severity == severity;
        return n;
}

uint64_t alert_engine_count(const AlertEngine *engine, AlertActionType action, AlertOutcome outcome) {
        return engine->counts[action][outcome];
}

bool alert_engine_knows_service(const char *service, void *userdata) {
        AlertEngine *engine = userdata;
        AlertFacts facts = {};

        return engine->hooks->facts(service, &facts, engine->userdata);
}

bool alert_engine_knows_rule(const char *id, void *userdata) {
        AlertEngine *engine = userdata;

        return alert_book_find_rule(engine->book, id) != NULL;
}

void engine_changed(AlertEngine *engine) {
        if (engine->hooks->changed)
                engine->hooks->changed(engine->userdata);
}

/* --- Alerts --- */

static int describe_service(AlertEngine *engine, Alert *alert, const char *service) {
        AlertFacts facts = {};

        alert->service = strdup(service);
        if (!alert->service)
                return -ENOMEM;
        if (!engine->hooks->facts(service, &facts, engine->userdata))
                return 0;
        (void) snprintf(alert->invocation_id, sizeof(alert->invocation_id), "%s", facts.invocation_id);
        if (engine->hooks->journal)
                alert->journal = engine->hooks->journal(service, engine->userdata);
        return 0;
}

/* Somebody who triggers faster than alerts end must not fill the memory. */
static void make_room_for_triggered(AlertEngine *engine, AlertTime now) {
        Alert *oldest = TAILQ_LAST(&engine->active, AlertList);

        if (engine->n_triggered < ALERT_TRIGGERED_MAX)
                return;
        while (oldest && (!oldest->by_hand || oldest->under_way))
                oldest = TAILQ_PREV(oldest, AlertList, entries);
        if (oldest)
                engine_resolve(engine, oldest, now);
}

Alert *engine_new_alert(AlertEngine *engine, AlertMetric metric, const char *service, bool by_hand, bool dry_run,
                        AlertTime now) {
        _cleanup_(alert_freep) Alert *alert = calloc(1, sizeof(Alert));

        if (!alert)
                return NULL;
        (void) snprintf(alert->id, sizeof(alert->id), "alert-%" PRIu64 "-%u", now.realtime / USEC_PER_MSEC,
                        ++engine->last_id);
        alert->metric = metric;
        alert->timestamp = now.realtime;
        alert->by_hand = by_hand;
        alert->dry_run = dry_run;
        alert->ends = now.monotonic + ALERT_TRIGGERED_USEC;
        if (service && describe_service(engine, alert, service) < 0)
                return NULL;
        if (dry_run)
                return TAKE_PTR(alert);
        if (by_hand) {
                make_room_for_triggered(engine, now);
                engine->n_triggered++;
        }
        TAILQ_INSERT_HEAD(&engine->active, alert, entries);
        engine->n_active++;
        return TAKE_PTR(alert);
}

static void trim_history(AlertEngine *engine) {
        Alert *oldest = TAILQ_LAST(&engine->history, AlertList);

        while (oldest && engine->n_history > ALERT_HISTORY_MAX) {
                Alert *next = TAILQ_PREV(oldest, AlertList, entries);

                if (oldest != engine->flight.alert) {
                        TAILQ_REMOVE(&engine->history, oldest, entries);
                        engine->n_history--;
                        alert_free(oldest);
                }
                oldest = next;
        }
}

void engine_resolve(AlertEngine *engine, Alert *alert, AlertTime now) {
        alert->resolved_at = now.realtime;
        TAILQ_REMOVE(&engine->active, alert, entries);
        engine->n_active--;
        if (alert->by_hand)
                engine->n_triggered--;
        TAILQ_INSERT_HEAD(&engine->history, alert, entries);
        engine->n_history++;
        log_info("Alert %s on %s%s%s is over", alert->id, alert_metric_to_string(alert->metric),
                 alert->service ? " of " : "", alert->service ? alert->service : "");
        trim_history(engine);
        engine_changed(engine);
}

/* --- Values --- */

static AlertWatch *find_watch(const AlertRule *rule, const char *service) {
        AlertWatch *watch = rule->watches;

        while (watch && !streq(watch->service, service))
                watch = watch->next;
        return watch;
}

static AlertWatch *add_watch(AlertRule *rule, const char *service) {
        AlertWatch *watch = calloc(1, sizeof(AlertWatch));

        if (!watch)
                return NULL;
        watch->service = strdup(service);
        if (!watch->service) {
                free(watch);
                return NULL;
        }
        watch->next = rule->watches;
        rule->watches = watch;
        return watch;
}

static int observe_rule(AlertRule *rule, const char *service, double value, AlertTime now) {
        AlertWatch *watch = find_watch(rule, service);
        bool holds = rule->enabled && !isnan(value) && alert_rule_holds(rule, value);

        if (!watch)
                watch = add_watch(rule, service);
        if (!watch)
                return -ENOMEM;
        if (holds && !watch->holds)
                watch->since = now.monotonic;
        watch->value = value;
        watch->holds = holds;
        watch->firing = holds && now.monotonic - watch->since >= rule->hold;
        return 0;
}

static Alert *find_observed(const AlertEngine *engine, AlertMetric metric, const char *service) {
        Alert *alert;

        TAILQ_FOREACH(alert, &engine->active, entries)
                if (!alert->by_hand && alert->metric == metric && streq(alert->service, service))
                        return alert;
        return NULL;
}

/* The rules on the metric that fire for the service: their ids, and what they come to. */
static int gather_firing(const AlertEngine *engine, AlertMetric metric, const char *service, AlertTime now,
                         char ***ret_ids, Verdict *ret) {
        _cleanup_(strv_freep) char **ids = NULL;
        Verdict verdict = {};

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                const AlertRule *rule = engine->book->rules[i];
                const AlertWatch *watch = rule->metric == metric ? find_watch(rule, service) : NULL;

                if (!watch || !watch->firing)
                        continue;
                if (strv_extend(&ids, rule->id) < 0)
                        return -ENOMEM;
                verdict_add(&verdict, engine, rule, service, now);
        }
        *ret_ids = TAKE_PTR(ids);
        *ret = verdict;
        return 0;
}

/* Brings the alert into line with the rules that fire now. value is the metric's, NAN where nothing new is known. */
static int follow(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now) {
        Alert *alert = find_observed(engine, metric, service);
        _cleanup_(strv_freep) char **ids = NULL;
        bool began = !alert;
        Verdict verdict;
        int r;

        r = gather_firing(engine, metric, service, now, &ids, &verdict);
        if (r < 0)
                return r;
        if (!ids) {
                if (alert)
                        engine_resolve(engine, alert, now);
                return 0;
        }
        if (!alert)
                alert = engine_new_alert(engine, metric, service, false, false, now);
        if (!alert)
                return -ENOMEM;
        if (!isnan(value))
                alert->value = value;
        strv_free(alert->rules);
        alert->rules = TAKE_PTR(ids);
        r = remedy_decide(engine, alert, &verdict, now);
        if (began)
                engine_changed(engine);
        return r;
}

void alert_engine_observe(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now) {
        int r = 0;

        if (metric == METRIC_HEALTH && value >= 1)
                remedy_verified(engine, service, now);
        for (size_t i = 0; i < engine->book->n_rules && r >= 0; i++)
                if (engine->book->rules[i]->metric == metric && alert_rule_watches(engine->book->rules[i], service))
                        r = observe_rule(engine->book->rules[i], service, value, now);
        if (r >= 0)
                r = follow(engine, metric, service, value, now);
        if (r < 0)
                log_errno(r, "The %s of %s was not compared with all rules", alert_metric_to_string(metric), service);
}

void alert_engine_tick(AlertEngine *engine, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        remedy_check_deadline(engine, now);
        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (alert->by_hand && !alert->under_way && now.monotonic >= alert->ends)
                        engine_resolve(engine, alert, now);
                alert = next;
        }
}

static void drop_watch(AlertRule *rule, const char *service) {
        for (AlertWatch **p = &rule->watches; *p; p = &(*p)->next)
                if (streq((*p)->service, service)) {
                        AlertWatch *gone = *p;

                        *p = gone->next;
                        free(gone->service);
                        free(gone);
                        return;
                }
}

/* All observed alerts, or those of one service. */
static void follow_active(AlertEngine *engine, const char *service, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (!alert->by_hand && (!service || streq(alert->service, service)) &&
                    follow(engine, alert->metric, alert->service, NAN, now) < 0)
                        log_error("Alert %s could not follow the change: %s", alert->id, strerror(ENOMEM));
                alert = next;
        }
}

void alert_engine_forget(AlertEngine *engine, const char *service, AlertTime now) {
        for (size_t i = 0; i < engine->book->n_rules; i++)
                drop_watch(engine->book->rules[i], service);
        follow_active(engine, service, now);
}

int alert_engine_put_rule(AlertEngine *engine, AlertRule **rule, AlertTime now, const AlertRule **ret_rule) {
        int r = alert_book_put_rule(engine->book, rule, now, ret_rule);

        if (r >= 0)
                follow_active(engine, NULL, now);
        return r;
}

int alert_engine_delete_rule(AlertEngine *engine, const char *id, AlertTime now) {
        int r = alert_book_delete_rule(engine->book, id, now);

        if (r >= 0)
                follow_active(engine, NULL, now);
        return r;
}
