/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "shared/log.h"
#include "shared/strv.h"

bool group_is_about(AlertMetric metric) {
        return metric == METRIC_HEALTH || metric == METRIC_RESPONSE_TIME || metric == METRIC_ERROR_RATE;
}

bool group_distrust(AlertEngine *engine, AlertTime now) {
        bool known = engine->hooks->fleet(&engine->unhealthy, &engine->total, engine->userdata), distrust;

        distrust = alert_safety_distrust(engine->unhealthy, engine->total, engine->distrust);
        /* That nothing bad has been heard yet does not end what the metricsd before has seen. */
        if (engine->group && engine->group->restored) {
                engine->group->restored = !distrust && !known && now.monotonic < engine->settled;
                distrust = distrust || engine->group->restored;
        }
        engine->distrust = distrust;
        return distrust;
}

/* The rules that fire for whichever service, in what the check says. */
static int gather(const AlertEngine *engine, AlertTime now, char ***ret_ids, Verdict *verdict) {
        _cleanup_(strv_freep) char **ids = NULL;

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                const AlertRule *rule = engine->book->rules[i];
                bool fires = false;

                for (const AlertWatch *watch = rule->watches; watch && group_is_about(rule->metric); watch = watch->next)
                        if (watch->firing) {
                                verdict_add(verdict, engine, rule, watch->service, now);
                                fires = true;
                        }
                if (fires && strv_extend(&ids, rule->id) < 0)
                        return -ENOMEM;
        }
        verdict->severity = SEVERITY_CRITICAL;
        *ret_ids = TAKE_PTR(ids);
        return 0;
}

static void fold_single_ones(AlertEngine *engine, AlertTime now) {
        Alert *alert = TAILQ_FIRST(&engine->active);

        while (alert) {
                Alert *next = TAILQ_NEXT(alert, entries);

                if (!alert->by_hand && !alert->group && group_is_about(alert->metric)) {
                        alert->folded_into = strdup(engine->group->id); /* without memory it just ends */
                        engine_resolve(engine, alert, now);
                }
                alert = next;
        }
}

static int begin(AlertEngine *engine, char **members, AlertTime now) {
        Alert *alert = engine_new_alert(engine, METRIC_HEALTH, NULL, false, false, now);

        if (!alert) {
                strv_free(members);
                return -ENOMEM;
        }
        alert->group = members;
        engine->group = alert;
        return 0;
}

/* Takes over members. */
static int set_members(AlertEngine *engine, char **members, AlertTime now) {
        Alert *alert = engine->group;
        bool same = alert && strv_length(alert->group) == strv_length(members);

        if (!alert)
                return begin(engine, members, now);
        for (size_t i = 0; same && members && members[i]; i++)
                same = streq(alert->group[i], members[i]);
        strv_free(alert->group);
        alert->group = members;
        if (!same)
                engine_changed(engine, alert);
        return 0;
}

/* What is still bad gets its own alert, after as long as the rule says: most of it is about to get well with the others. */
static int end(AlertEngine *engine, AlertTime now) {
        int r = 0;

        if (!engine->group)
                return 0;
        engine_resolve(engine, engine->group, now);
        for (size_t i = 0; i < engine->book->n_rules && r >= 0; i++) {
                const AlertRule *rule = engine->book->rules[i];

                if (!group_is_about(rule->metric))
                        continue;
                for (AlertWatch *watch = rule->watches; watch && r >= 0; watch = watch->next) {
                        if (!watch->firing || !alert_engine_knows_service(watch->service, engine))
                                continue;
                        watch->since = now.monotonic;
                        watch->firing = rule->hold == 0;
                        r = engine_follow(engine, rule->metric, watch->service, watch->value, now);
                }
        }
        return r;
}

int group_follow(AlertEngine *engine, AlertTime now) {
        _cleanup_(strv_freep) char **ids = NULL;
        char **members = NULL;
        Verdict verdict = {};
        int r;

        if (engine->group && engine->group->restored)
                return 0;
        r = gather(engine, now, &ids, &verdict);
        if (r < 0)
                return r;
        if (!engine->distrust || !ids)
                return end(engine, now);
        r = engine->hooks->unhealthy(&members, engine->userdata);
        if (r >= 0)
                r = set_members(engine, members, now);
        if (r < 0)
                return r;
        engine->group->value = 1 - (double) engine->unhealthy / (double) engine->total;
        strv_free(engine->group->rules);
        engine->group->rules = TAKE_PTR(ids);
        fold_single_ones(engine, now);
        r = remedy_decide(engine, engine->group, &verdict, now);
        return MIN(r, 0);
}
