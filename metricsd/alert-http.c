/* SPDX-License-Identifier: MIT */
#include "alert-http.h"

#include <string.h>

#include "alert-manager.h"
#include "alert/field.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"

#define STATUS_LIMIT 50
#define STATUS_LIMIT_MAX 200

static AlertEngine *engine_of(void *state) {
        const Manager *m = state;

        return alerts_engine(m->alerts);
}

/* --- Answers --- */

/* A body {ok:true}, to which more is added. NULL without memory. */
static json_object *new_answer(void) {
        _cleanup_(json_object_putp) json_object *body = json_object_new_object();

        return body && json_add(body, "ok", json_object_new_boolean(true)) ? TAKE_PTR(body) : NULL;
}

static int reply_ok(HttpRequest *request) {
        return http_reply_json(request, 200, new_answer());
}

/* Takes over value. */
static int reply_with(HttpRequest *request, const char *name, json_object *value) {
        _cleanup_(json_object_putp) json_object *body = new_answer();

        if (!value || !body) {
                json_object_put(value);
                return http_reply_json(request, 200, NULL);
        }
        if (!json_add(body, name, value))
                return http_reply_json(request, 200, NULL);
        return http_reply_json(request, 200, TAKE_PTR(body));
}

/* What a validator found; r is its result. */
static int reply_invalid(HttpRequest *request, int r, const char *problem) {
        return r == -EINVAL ? http_reply_error(request, 400, "INVALID_FIELD", "%s", problem) : r;
}

/* Nothing was changed: what could not be stored is not in force. */
static int reply_not_stored(HttpRequest *request, int r, const char *what) {
        if (r == -ENOMEM)
                return r;
        if (r == -ENOSPC || r == -EDQUOT)
                return http_reply_error(request, 507, "DISK_FULL",
                                        "%s cannot be stored, and nothing was changed: %s; make room where metricsd "
                                        "keeps its state",
                                        what, strerror(-r));
        return http_reply_error(request, 500, "NOT_STORED", "%s cannot be stored, and nothing was changed: %s", what,
                                strerror(-r));
}

/* Reads the body once the services are known. 1 when all has been answered. */
static int read_body(HttpRequest *request, void *state, json_object **ret) {
        int r;

        r = manager_refuse_early(state, request);
        if (r != 0)
                return r;
        r = http_request_json(request, ret);
        return r == -EBADMSG ? 1 : r;
}

/* --- Rules --- */

int alert_http_get_rules(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = new_answer(), *rules = NULL;
        size_t total;

        rules = alert_engine_rules_to_json(engine_of(state));
        if (!body || !rules)
                return -ENOMEM;
        total = json_object_array_length(rules);
        if (!json_add(body, "rules", TAKE_PTR(rules)) || !json_add(body, "total", json_object_new_uint64(total)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

static int reply_rule(HttpRequest *request, const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *body = new_answer();

        if (!body || !json_add(body, "id", json_object_new_string(rule->id)) ||
            !json_add(body, "rule", alert_rule_to_json(rule)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int alert_http_post_rule(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = engine_of(state);
        const AlertRule *kept;
        int r;

        r = read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = alert_rule_from_json(body, alert_engine_knows_service, engine, &rule, &problem);
        if (r < 0)
                return reply_invalid(request, r, problem);
        r = alert_engine_put_rule(engine, &rule, alert_time_now(), &kept);
        if (r == -E2BIG)
                return http_reply_error(request, 409, "TOO_MANY_RULES",
                                        "there are %d rules, which is the most; delete one first", BOOK_RULES_MAX);
        if (r < 0)
                return reply_not_stored(request, r, "the rule");
        return reply_rule(request, kept);
}

int alert_http_delete_rule(HttpRequest *request, void *state) {
        const char *id = http_request_param(request, "id");
        int r;

        r = alert_engine_delete_rule(engine_of(state), id, alert_time_now());
        if (r == -ENOENT)
                return http_reply_error(request, 404, "NOT_FOUND", "there is no rule '%s'", id);
        return r < 0 ? reply_not_stored(request, r, "the deletion") : reply_ok(request);
}

/* --- Alerts --- */

int alert_http_get_status(HttpRequest *request, void *state) {
        const char *text = http_request_query(request, "limit");
        unsigned long limit = STATUS_LIMIT;

        if (text && parse_uint(text, 1, STATUS_LIMIT_MAX, &limit) < 0)
                return http_reply_error(request, 400, "INVALID_FIELD", "limit: a number in 1..%d is expected",
                                        STATUS_LIMIT_MAX);
        return http_reply_json(request, 200, alert_engine_status_to_json(engine_of(state), limit));
}

static int read_trigger(json_object *json, AlertEngine *engine, AlertTrigger *ret, char **ret_problem) {
        static const char *const names[] = { "metric", "value", "service", "dryRun", NULL };
        int metric = -1, r;

        r = field_check_names(json, names, "a trigger", ret_problem);
        if (r >= 0)
                r = field_word(json, "metric", alert_metric_to_string, _METRIC_MAX, &metric, ret_problem);
        if (r >= 0 && metric < 0)
                r = field_missing("metric", "a metric as \"service.responseTime\" is expected", ret_problem);
        if (r >= 0 && !field_is_given(json, "value"))
                r = field_missing("value", "a number is expected", ret_problem);
        if (r >= 0)
                r = field_number(json, "value", &ret->value, ret_problem);
        if (r >= 0)
                r = field_text(json, "service", RULE_DESCRIPTION_MAX, &ret->service, ret_problem);
        if (r >= 0)
                r = field_bool(json, "dryRun", &ret->dry_run, ret_problem);
        if (r < 0)
                return r;
        ret->metric = (AlertMetric) metric;
        if (ret->service && !alert_engine_knows_service(ret->service, engine))
                return field_problem(ret_problem, "service: the id of a service is expected, such as \"training\", and "
                                                  "there is no \"%.64s\"", ret->service);
        return 0;
}

/* The client may be gone, which is nobody's concern then: the action was carried out. */
static void on_trigger_done(json_object *alert, void *userdata) {
        (void) reply_with(userdata, "alert", alert);
}

int alert_http_post_trigger(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = engine_of(state);
        AlertTrigger trigger = {};
        json_object *alert;
        int r;

        r = read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = read_trigger(body, engine, &trigger, &problem);
        if (r < 0)
                return reply_invalid(request, r, problem);
        r = alert_engine_trigger(engine, &trigger, alert_time_now(), on_trigger_done, request, &alert);
        if (r < 0)
                return r;
        if (r == 0)
                return reply_with(request, "message", json_object_new_string("No rules triggered"));
        return r == 1 ? reply_with(request, "alert", alert) : HTTP_LATER;
}

/* --- Silences --- */

int alert_http_get_silences(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = new_answer(), *array = json_object_new_array();
        const AlertBook *book = alert_engine_book(engine_of(state));
        uint64_t now = alert_time_now().realtime;
        size_t total;

        if (!body || !array)
                return -ENOMEM;
        for (size_t i = 0; i < book->n_silences; i++) {
                json_object *silence;

                if (book->silences[i]->until <= now)
                        continue;
                silence = alert_silence_to_json(book->silences[i]);
                if (!silence || json_object_array_add(array, silence) < 0) {
                        json_object_put(silence);
                        return -ENOMEM;
                }
        }
        total = json_object_array_length(array);
        if (!json_add(body, "silences", TAKE_PTR(array)) || !json_add(body, "total", json_object_new_uint64(total)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

static int reply_silence(HttpRequest *request, const AlertSilence *silence) {
        _cleanup_(json_object_putp) json_object *body = new_answer();

        if (!body || !json_add(body, "id", json_object_new_string(silence->id)) ||
            !json_add(body, "silence", alert_silence_to_json(silence)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int alert_http_post_silence(HttpRequest *request, void *state) {
        _cleanup_(alert_silence_freep) AlertSilence *silence = NULL;
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = engine_of(state);
        AlertTime now = alert_time_now();
        const AlertSilence *kept;
        int r;

        r = read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = alert_silence_from_request(body, now.realtime, alert_engine_knows_service, engine, alert_engine_knows_rule,
                                       engine, &silence, &problem);
        if (r < 0)
                return reply_invalid(request, r, problem);
        r = alert_book_add_silence(alert_engine_book(engine), &silence, now, &kept);
        if (r == -E2BIG)
                return http_reply_error(request, 409, "TOO_MANY_SILENCES",
                                        "there are %d silences, which is the most; delete one first",
                                        BOOK_SILENCES_MAX);
        if (r < 0)
                return reply_not_stored(request, r, "the silence");
        return reply_silence(request, kept);
}

int alert_http_delete_silence(HttpRequest *request, void *state) {
        const char *id = http_request_param(request, "id");
        int r;

        r = alert_book_delete_silence(alert_engine_book(engine_of(state)), id, alert_time_now());
        if (r == -ENOENT)
                return http_reply_error(request, 404, "NOT_FOUND", "there is no silence '%s'", id);
        return r < 0 ? reply_not_stored(request, r, "the deletion") : reply_ok(request);
}
