/* SPDX-License-Identifier: MIT */
#include "alert-http-internal.h"
#include "alert/field.h"
#include "foundation/json-util.h"

int alert_http_get_rules(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = alert_http_new_answer(), *rules = NULL;
        size_t total;

        rules = alert_engine_rules_to_json(alert_http_engine(state));
        if (!body || !rules)
                return -ENOMEM;
        total = json_object_array_length(rules);
        if (!json_add(body, "rules", TAKE_PTR(rules)) || !json_add(body, "total", json_object_new_uint64(total)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

static json_object *rule_answer(const AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *body = alert_http_new_answer();

        if (!body || !json_add(body, "id", json_object_new_string(rule->id)) ||
            !json_add(body, "rule", alert_rule_to_json(rule)))
                return NULL;
        return TAKE_PTR(body);
}

static int reply_not_put(HttpRequest *request, int r) {
        if (r == -E2BIG)
                return http_reply_error(request, 409, "TOO_MANY_RULES",
                                        "there are %d rules, which is the most; delete one first", BOOK_RULES_MAX);
        return alert_http_reply_not_stored(request, r, "the rule");
}

/* {…, dryRun:true, replaces}: the id of the rule whose place it would take, or that is the same already; null for none. */
static int try_rule(HttpRequest *request, const AlertBook *book, AlertRule *rule) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        const AlertRule *there;
        int r;

        r = alert_book_try_rule(book, rule, &there);
        if (r < 0)
                return reply_not_put(request, r);
        body = rule_answer(rule);
        if (!body || !json_add(body, "dryRun", json_object_new_boolean(true)) ||
            !json_add(body, "replaces", there ? json_object_new_string(there->id) : NULL))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int alert_http_post_rule(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = alert_http_engine(state);
        const AlertRule *kept;
        bool dry_run;
        int r;

        r = alert_http_read_dry_run(request, &dry_run);
        if (r == 0)
                r = alert_http_read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = alert_rule_from_json(body, alert_engine_knows_service, engine, &rule, &problem);
        if (r < 0)
                return alert_http_reply_invalid(request, r, problem);
        if (dry_run)
                return try_rule(request, alert_engine_book(engine), rule);
        r = alert_engine_put_rule(engine, &rule, alert_time_now(), &kept);
        return r < 0 ? reply_not_put(request, r) : http_reply_json(request, 200, rule_answer(kept));
}

int alert_http_delete_rule(HttpRequest *request, void *state) {
        const char *id = http_request_param(request, "id");
        AlertEngine *engine = alert_http_engine(state);
        const AlertRule *rule = alert_book_find_rule(alert_engine_book(engine), id);
        bool dry_run;
        int r;

        r = alert_http_read_dry_run(request, &dry_run);
        if (r != 0)
                return MIN(r, 0);
        if (!rule)
                return http_reply_error(request, 404, "NOT_FOUND", "there is no rule '%s'", id);
        if (dry_run)
                return alert_http_reply_with(request, "rule", alert_rule_to_json(rule), true);
        r = alert_engine_delete_rule(engine, id, alert_time_now());
        return r < 0 ? alert_http_reply_not_stored(request, r, "the deletion")
                     : http_reply_json(request, 200, alert_http_new_answer());
}
