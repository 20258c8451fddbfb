/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "field.h"
#include "shared/log.h"
#include "shared/strv.h"

typedef struct Restoring {
        AlertEngine *engine;
        AlertTime now;
} Restoring;

/* From here on the service's value is compared as if the rule had fired all the time. */
static int restore_watch(const AlertEngine *engine, const char *id, const char *service, double value, AlertTime now) {
        AlertRule *rule = alert_book_find_rule(engine->book, id);
        AlertWatch *watch;

        if (!rule || !rule->enabled || !alert_rule_watches(rule, service))
                return 0;
        watch = watch_get(rule, service);
        if (!watch)
                return -ENOMEM;
        watch->value = value;
        watch->holds = watch->firing = watch->restored = true;
        watch->since = now.monotonic - MIN(rule->hold, now.monotonic);
        return 0;
}

static int restore_watches(const AlertEngine *engine, const Alert *alert, AlertTime now) {
        int r = 0;

        STRV_FOREACH(id, alert->rules) {
                if (alert->service)
                        r = restore_watch(engine, *id, alert->service, alert->value, now);
                STRV_FOREACH(service, alert->group)
                        if (r >= 0)
                                r = restore_watch(engine, *id, *service, 0, now);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int restore_active(AlertEngine *engine, Alert *alert, AlertTime now) {
        alert->announced = true;
        alert->ends = now.monotonic + ALERT_TRIGGERED_USEC;
        if (alert->by_hand)
                return 0;
        alert->restored = true;
        if (alert->group) {
                engine->group = alert;
                engine->distrust = true;
        }
        return restore_watches(engine, alert, now);
}

/* One that is active and about nothing could never end. */
static bool is_whole(const Alert *alert) {
        return alert->resolved_at > 0 || alert->by_hand || alert->service || alert->group;
}

static int restore_one(const char *id, bool active, const char *text, void *userdata) {
        Restoring *restoring = userdata;
        AlertEngine *engine = restoring->engine;
        _cleanup_(json_object_putp) json_object *json = json_tokener_parse(text);
        _cleanup_(alert_freep) Alert *alert = NULL;
        int r;

        r = alert_from_json(json, restoring->now, &alert);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !is_whole(alert) || (alert->group && engine->group && alert->resolved_at == 0)) {
                log_warning("The alert %s cannot be read, and is passed over", id);
                return 0;
        }
        if (alert->resolved_at == 0)
                r = restore_active(engine, alert, restoring->now);
        if (r >= 0)
                engine_adopt(engine, TAKE_PTR(alert));
        return r;
}

int engine_restore(AlertEngine *engine, AlertTime now) {
        Restoring restoring = { .engine = engine, .now = now };
        int r;

        r = history_each_alert(engine->book->history, ALERT_HISTORY_MAX, restore_one, &restoring);
        if (r >= 0 || r == -ENOMEM)
                return MIN(r, 0);
        log_errno(r, "The alerts of before cannot be read, and begin anew");
        return 0;
}

static bool fires(const AlertEngine *engine, const Alert *alert) {
        STRV_FOREACH(id, alert->rules) {
                const AlertRule *rule = alert_book_find_rule(engine->book, *id);
                const AlertWatch *watch = rule ? watch_find(rule, alert->service) : NULL;

                if (watch && watch->firing)
                        return true;
        }
        return false;
}

/* What the fleet's alert has restored for a service that is gone. */
static void drop_orphaned_watches(AlertEngine *engine, AlertRule *rule) {
        AlertWatch *watch = rule->watches;

        while (watch) {
                AlertWatch *next = watch->next;

                if (watch->restored && !alert_engine_knows_service(watch->service, engine))
                        watch_drop(rule, watch->service);
                watch = next;
        }
}

void engine_drop_orphans(AlertEngine *engine, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (alert->restored && !alert->group &&
                    (!fires(engine, alert) || !alert_engine_knows_service(alert->service, engine)))
                        engine_resolve(engine, alert, now);
                alert = next;
        }
        for (size_t i = 0; i < engine->book->n_rules; i++)
                drop_orphaned_watches(engine, engine->book->rules[i]);
}
