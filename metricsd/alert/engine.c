/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "shared/log.h"
#include "shared/strv.h"

/* --- Begin and end --- */

int alert_engine_new(AlertBook *book, const AlertHooks *hooks, void *userdata, AlertTime now, AlertEngine **ret) {
        _cleanup_(alert_engine_freep) AlertEngine *engine = calloc(1, sizeof(AlertEngine));
        int r;

        if (!engine) {
                alert_book_free(book);
                return -ENOMEM;
        }
        engine->book = book;
        engine->hooks = hooks;
        engine->userdata = userdata;
        engine->action_limit = ALERT_ACTION_USEC;
        engine->settled = now.monotonic + ALERT_SETTLE_USEC;
        TAILQ_INIT(&engine->active);
        TAILQ_INIT(&engine->history);
        r = engine_restore(engine, now);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(engine);
        return 0;
}

static void free_list(AlertList *list) {
        Alert *alert;

        while ((alert = TAILQ_FIRST(list))) {
                TAILQ_REMOVE(list, alert, entries);
                engine_answer(alert);
                alert_free(alert);
        }
}

AlertEngine *alert_engine_free(AlertEngine *engine) {
        if (!engine)
                return NULL;
        free_list(&engine->active);
        free_list(&engine->history);
        while (engine->flights) {
                Flight *f = engine->flights;

                engine->flights = f->next;
                free(f->service);
                free(f);
        }
        alert_book_free(engine->book);
        free(engine);
        return NULL;
}

void alert_engine_set_action_limit(AlertEngine *engine, uint64_t usec) {
        engine->action_limit = usec;
}

AlertBook *alert_engine_book(AlertEngine *engine) {
        return engine->book;
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

/* --- Values --- */

static Alert *find_observed(const AlertEngine *engine, AlertMetric metric, const char *service) {
        Alert *alert;

        TAILQ_FOREACH(alert, &engine->active, entries)
                if (!alert->by_hand && !alert->group && alert->metric == metric && streq(alert->service, service))
                        return alert;
        return NULL;
}

/* The rules on the metric that fire for the service: their ids, and what they come to. */
static int gather_firing(const AlertEngine *engine, AlertMetric metric, const char *service, AlertTime now,
                         char ***ret_ids, Verdict *verdict) {
        _cleanup_(strv_freep) char **ids = NULL;

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                const AlertRule *rule = engine->book->rules[i];
                const AlertWatch *watch = rule->metric == metric ? watch_find(rule, service) : NULL;

                if (!watch || !watch->firing)
                        continue;
                if (strv_extend(&ids, rule->id) < 0)
                        return -ENOMEM;
                verdict_add(verdict, engine, rule, service, now);
        }
        *ret_ids = TAKE_PTR(ids);
        return 0;
}

int engine_follow(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now) {
        Alert *alert = find_observed(engine, metric, service);
        _cleanup_(strv_freep) char **ids = NULL;
        Verdict verdict = {};
        int r;

        r = gather_firing(engine, metric, service, now, &ids, &verdict);
        if (r < 0)
                return r;
        if (!ids) {
                if (alert)
                        engine_resolve(engine, alert, now);
                return 0;
        }
        if (group_is_about(metric)) {
                bool distrust = group_distrust(engine, now);

                /* One that begins, has single ones to take in, or ends by this. */
                if (distrust ? alert || !engine->group : engine->group != NULL)
                        return group_follow(engine, now);
                if (distrust)
                        return 0;
        }
        if (!alert)
                alert = engine_new_alert(engine, metric, service, false, false, now);
        if (!alert)
                return -ENOMEM;
        if (!isnan(value))
                alert->value = value;
        alert->restored = false;
        strv_free(alert->rules);
        alert->rules = TAKE_PTR(ids);
        r = remedy_decide(engine, alert, &verdict, now);
        return MIN(r, 0);
}

/* 1 when something may follow from the value, 0 when it says nothing. */
static int observe_all(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now) {
        int says = 0;

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                AlertRule *rule = engine->book->rules[i];
                int r;

                if (rule->metric != metric || !alert_rule_watches(rule, service))
                        continue;
                r = watch_observe(engine, rule, service, value, now);
                if (r < 0)
                        return r;
                says |= r;
        }
        return says;
}

void alert_engine_observe(AlertEngine *engine, AlertMetric metric, const char *service, double value, AlertTime now) {
        int r;

        if (isnan(value) && flight_is_settling(engine, service, now))
                return;
        if (metric == METRIC_HEALTH && value >= 1)
                flight_verified(engine, service, now);
        r = observe_all(engine, metric, service, value, now);
        if (r > 0)
                r = engine_follow(engine, metric, service, value, now);
        if (r < 0)
                log_errno(r, "The %s of %s was not compared with all rules", alert_metric_to_string(metric), service);
        engine_flush(engine);
}

/* --- Time --- */

static void end_triggered(AlertEngine *engine, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (alert->by_hand && alert->flights == 0 && now.monotonic >= alert->ends)
                        engine_resolve(engine, alert, now);
                alert = next;
        }
}

void alert_engine_tick(AlertEngine *engine, AlertTime now) {
        int r = 0;

        engine->store_failed = false;
        (void) alert_book_sync(engine->book, now); /* the history says what is wrong with it */
        flight_check_deadlines(engine, now);
        end_triggered(engine, now);
        engine_drop_orphans(engine, now);
        (void) group_distrust(engine, now);
        if (engine->group)
                r = group_follow(engine, now);
        if (r < 0)
                log_errno(r, "The alert on the whole fleet was not followed");
        engine_flush(engine);
}

/* --- What changes the rules --- */

/* All observed alerts, or those of one service. */
static void follow_active(AlertEngine *engine, const char *service, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (!alert->by_hand && !alert->group && (!service || streq(alert->service, service)) &&
                    engine_follow(engine, alert->metric, alert->service, NAN, now) < 0)
                        log_error("Alert %s could not follow the change: %s", alert->id, strerror(ENOMEM));
                alert = next;
        }
        if (engine->group && group_follow(engine, now) < 0)
                log_error("The alert on the whole fleet could not follow the change: %s", strerror(ENOMEM));
        engine_flush(engine);
}

void alert_engine_forget(AlertEngine *engine, const char *service, AlertTime now) {
        for (size_t i = 0; i < engine->book->n_rules; i++)
                watch_drop(engine->book->rules[i], service);
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
