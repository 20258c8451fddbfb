/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "engine-internal.h"
#include "field.h"
#include "shared/strv.h"

/* A request that names a service says nothing about rules that watch another one. */
static bool matches(const AlertRule *rule, const AlertTrigger *t) {
        return rule->enabled && rule->metric == t->metric && alert_rule_holds(rule, t->value) &&
               (!t->service || alert_rule_watches(rule, t->service));
}

static int gather(const AlertEngine *engine, const AlertTrigger *t, AlertTime now, char ***ret_ids, Verdict *ret) {
        _cleanup_(strv_freep) char **ids = NULL;
        Verdict verdict = {};

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                const AlertRule *rule = engine->book->rules[i];

                if (!matches(rule, t))
                        continue;
                if (strv_extend(&ids, rule->id) < 0)
                        return -ENOMEM;
                verdict_add(&verdict, engine, rule, t->service, now);
        }
        *ret_ids = TAKE_PTR(ids);
        *ret = verdict;
        return 0;
}

static int dry_run(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now, json_object **ret) {
        int r;

        r = remedy_decide(engine, alert, v, now);
        if (r < 0)
                return r;
        *ret = alert_to_json(alert);
        return *ret ? 1 : -ENOMEM;
}

int alert_engine_trigger(AlertEngine *engine, const AlertTrigger *t, AlertTime now, alert_done_t done, void *userdata,
                         json_object **ret_alert) {
        _cleanup_(strv_freep) char **ids = NULL;
        const char *service;
        Verdict verdict;
        Alert *alert;
        int r;

        r = gather(engine, t, now, &ids, &verdict);
        if (r < 0)
                return r;
        if (!ids)
                return 0;
        service = verdict.rule->service ? verdict.rule->service : t->service;
        alert = engine_new_alert(engine, t->metric, service, true, t->dry_run, now);
        if (!alert)
                return -ENOMEM;
        alert->value = t->value;
        alert->rules = TAKE_PTR(ids);
        if (t->dry_run) {
                _cleanup_(alert_freep) Alert *passing = alert;

                return dry_run(engine, passing, &verdict, now, ret_alert);
        }
        r = remedy_decide(engine, alert, &verdict, now);
        if (r > 0) {
                engine->flight.done = done;
                engine->flight.done_userdata = userdata;
                return 2;
        }
        engine_changed(engine);
        if (r < 0)
                return r;
        *ret_alert = alert_to_json(alert);
        return *ret_alert ? 1 : -ENOMEM;
}
