/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>

#include "alert-world.h"

/* Every operator on every metric: below the threshold, at it, above it, without a value, and on the way back. */

TestSuite(alert_metrics, .init = set_up, .fini = tear_down);

/* Within what each metric can be, and powers of two, so that no sum of them is rounded. */
#define THRESHOLD 0.5
#define MARGIN 0.125
#define STEP 0.0625 /* less than the margin */

static const struct Operator {
        const char *name;
        bool below, at, above;
        int side;          /* where it fires: -1 below, 1 above, 0 for both or none */
        bool fires_behind; /* also just the margin behind the threshold, once it fires */
} operators[] = {
        { ">", false, false, true, 1, false }, { "<", true, false, false, -1, false }, { ">=", false, true, true, 1, true },
        { "<=", true, true, false, -1, true }, { "==", false, true, false, 0, false }, { "!=", true, false, true, 0, false },
};

static AlertMetric metric;

static bool fires(double value) {
        alert_engine_observe(engine, metric, "training", value, now);
        pass(SECOND);
        return n_active() == 1;
}

/* Each from a state in which it does not fire. */
static void check_begin(const struct Operator *op) {
        const struct { double value; bool expected; } cases[] = {
                { THRESHOLD - STEP, op->below }, { THRESHOLD, op->at }, { THRESHOLD + STEP, op->above }, { NAN, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cr_expect_eq(fires(cases[i].value), cases[i].expected, "%s %s %g", alert_metric_to_string(metric), op->name,
                             cases[i].value);
                cr_expect(!fires(NAN), "%s %s", alert_metric_to_string(metric), op->name);
        }
}

/* It goes on until the value is the margin away, however long that takes; then it begins at the threshold again. */
static void check_margin(const struct Operator *op) {
        double fired = THRESHOLD + op->side * STEP, within = THRESHOLD - op->side * STEP;
        double behind = THRESHOLD - op->side * MARGIN, far = THRESHOLD - op->side * (MARGIN + STEP);

        if (op->side == 0)
                return;
        cr_expect(fires(fired), "%s", op->name);
        cr_expect(fires(within), "%s %s", alert_metric_to_string(metric), op->name);
        pass(MINUTE);
        cr_expect(fires(within), "%s %s", alert_metric_to_string(metric), op->name);
        cr_expect_eq(fires(behind), op->fires_behind, "%s %s", alert_metric_to_string(metric), op->name);
        cr_expect(!fires(far), "%s %s", alert_metric_to_string(metric), op->name);
        cr_expect(!fires(within), "%s %s", alert_metric_to_string(metric), op->name);
        cr_expect(fires(fired), "%s %s", alert_metric_to_string(metric), op->name);
        cr_expect(!fires(NAN), "%s %s", alert_metric_to_string(metric), op->name);
}

Test(alert_metrics, each_operator_on_each_metric) {
        unsigned n = 0;

        for (metric = 0; metric < _METRIC_MAX; metric++)
                for (size_t i = 0; i < ELEMENTSOF(operators); i++, n++) {
                        _cleanup_(freep) char *rule = str_printf(
                                "{\"metric\":\"%s\",\"operator\":\"%s\",\"threshold\":%g,\"margin\":%g,\"dryRun\":true}",
                                alert_metric_to_string(metric), operators[i].name, THRESHOLD,
                                operators[i].side == 0 ? 0 : MARGIN);

                        add_rule("r", rule);
                        check_begin(operators + i);
                        check_margin(operators + i);
                }
        cr_expect_eq(n, 66);
}

/* --- What a rule's margin is when it does not say --- */

static const AlertRule *put(const char *words) {
        _cleanup_(freep) char *text = NULL, *problem = NULL;
        _cleanup_(json_object_putp) json_object *json = NULL;
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        const AlertRule *kept;

        text = str_printf("{%s,\"severity\":\"info\",\"action\":\"notify\",\"id\":\"r\"}", words);
        json = json_tokener_parse(text);
        cr_assert(json, "%s", text);
        cr_assert_eq(alert_rule_from_json(json, NULL, NULL, &rule, &problem), 0, "%s: %s", text, strna(problem));
        cr_assert_eq(alert_engine_put_rule(engine, &rule, now, &kept), 0);
        return kept;
}

Test(alert_metrics, margins_of_rules_that_name_none) {
        static const struct {
                const char *words;
                double margin;
        } cases[] = {
                { "\"metric\":\"service.responseTime\",\"operator\":\">\",\"threshold\":5000", 500 },
                { "\"metric\":\"service.memory\",\"operator\":\">=\",\"threshold\":1000", 100 },
                { "\"metric\":\"service.cpu\",\"operator\":\"<\",\"threshold\":80", 8 },
                { "\"metric\":\"service.errorRate\",\"operator\":\">\",\"threshold\":0.5", 0.05 },
                { "\"metric\":\"provider.latency\",\"operator\":\"<=\",\"threshold\":200", 20 },
                { "\"metric\":\"budget.percent\",\"operator\":\">\",\"threshold\":90", 9 },
                { "\"metric\":\"service.health\",\"operator\":\"<\",\"threshold\":1", 0 },
                { "\"metric\":\"service.restarts\",\"operator\":\">\",\"threshold\":10", 0 },
                { "\"metric\":\"reload.failed\",\"operator\":\"==\",\"threshold\":1", 0 },
                { "\"metric\":\"journal.errors\",\"operator\":\">\",\"threshold\":10", 0 },
                { "\"metric\":\"provider.successRate\",\"operator\":\"<\",\"threshold\":0.7", 0 },
                { "\"metric\":\"service.cpu\",\"operator\":\"==\",\"threshold\":80", 0 },
                { "\"metric\":\"service.cpu\",\"operator\":\"!=\",\"threshold\":80", 0 },
                /* Where a tenth is more than is left. */
                { "\"metric\":\"service.errorRate\",\"operator\":\"<\",\"threshold\":0.95", 0 },
                { "\"metric\":\"service.cpu\",\"operator\":\">\",\"threshold\":0", 0 },
                { "\"metric\":\"service.cpu\",\"operator\":\">\",\"threshold\":-5", 0 },
                { "\"metric\":\"service.memory\",\"operator\":\"<\",\"threshold\":1.7e308", 0 },
                { "\"metric\":\"service.memory\",\"operator\":\">\",\"threshold\":1e308", 1e307 },
                { "\"metric\":\"service.responseTime\",\"operator\":\">\",\"threshold\":5000,\"margin\":5000", 5000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(put(cases[i].words)->margin, cases[i].margin, "%s", cases[i].words);
}
