/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "engine-internal.h"
#include "field.h"
#include "shared/strv.h"

int alert_trigger_from_json(json_object *json, alert_service_exists_t exists, void *userdata, AlertTrigger *ret,
                            char **ret_problem) {
        static const char *const names[] = { "metric", "value", "service", "dryRun", NULL };
        AlertTrigger t = {};
        int metric = -1, r;

        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "a trigger must be an object");
        r = field_check_names(json, names, "a trigger", ret_problem);
        if (r >= 0)
                r = field_word(json, "metric", alert_metric_to_string, _METRIC_MAX, &metric, ret_problem);
        if (r >= 0 && metric < 0)
                r = field_missing("metric", "a metric as \"service.responseTime\" is expected", ret_problem);
        if (r >= 0 && !field_is_given(json, "value"))
                r = field_missing("value", "a number is expected", ret_problem);
        if (r >= 0)
                r = field_number(json, "value", &t.value, ret_problem);
        if (r >= 0)
                r = field_text(json, "service", RULE_DESCRIPTION_MAX, &t.service, ret_problem);
        if (r >= 0)
                r = field_bool(json, "dryRun", &t.dry_run, ret_problem);
        if (r < 0)
                return r;
        if (t.service && (!service_id_valid(t.service) || (exists && !exists(t.service, userdata))))
                return field_problem(ret_problem, "service: the id of a service is expected, such as \"training\", and "
                                                  "there is no \"%.64s\"", t.service);
        t.metric = (AlertMetric) metric;
        *ret = t;
        return 0;
}

/* A request that names a service says nothing about rules that watch another one. */
static bool matches(const AlertRule *rule, const AlertTrigger *t) {
        return rule->enabled && rule->metric == t->metric && alert_rule_holds(rule, t->value, false) &&
               (!t->service || alert_rule_watches(rule, t->service));
}

static int gather(const AlertEngine *engine, const AlertTrigger *t, AlertTime now, char ***ret_ids, Verdict *verdict) {
        _cleanup_(strv_freep) char **ids = NULL;

        for (size_t i = 0; i < engine->book->n_rules; i++) {
                const AlertRule *rule = engine->book->rules[i];

                if (!matches(rule, t))
                        continue;
                if (strv_extend(&ids, rule->id) < 0)
                        return -ENOMEM;
                verdict_add(verdict, engine, rule, t->service, now);
        }
        *ret_ids = TAKE_PTR(ids);
        return 0;
}

static int answer(const Alert *alert, json_object **ret) {
        *ret = alert_to_json(alert);
        return *ret ? 1 : -ENOMEM;
}

static int try_it(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now, json_object **ret) {
        int r;

        r = remedy_decide(engine, alert, v, now);
        if (r >= 0)
                r = answer(alert, ret);
        alert_free(alert);
        return r;
}

int alert_engine_trigger(AlertEngine *engine, const AlertTrigger *t, AlertTime now, alert_done_t done, void *userdata,
                         json_object **ret_alert) {
        _cleanup_(strv_freep) char **ids = NULL;
        Verdict verdict = {};
        const char *service;
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
        if (t->dry_run)
                return try_it(engine, alert, &verdict, now, ret_alert);
        r = remedy_decide(engine, alert, &verdict, now);
        engine_changed(engine, alert);
        if (r > 0) {
                alert->done = done;
                alert->done_userdata = userdata;
                alert->done_until = now.monotonic + engine->action_limit;
                r = 2;
        } else if (r == 0)
                r = answer(alert, ret_alert);
        engine_flush(engine);
        return r;
}
