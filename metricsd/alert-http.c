/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "alert-http-internal.h"
#include "alert/field.h"
#include "alert/repeated.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"

#define STATUS_LIMIT 50
#define STATUS_LIMIT_MAX 200

AlertEngine *alert_http_engine(void *state) {
        const Manager *m = state;

        return alerts_engine(m->alerts);
}

/* --- Answers --- */

json_object *alert_http_new_answer(void) {
        _cleanup_(json_object_putp) json_object *body = json_object_new_object();

        return body && json_add(body, "ok", json_object_new_boolean(true)) ? TAKE_PTR(body) : NULL;
}

int alert_http_reply_with(HttpRequest *request, const char *name, json_object *value, bool dry_run) {
        _cleanup_(json_object_putp) json_object *body = alert_http_new_answer();

        if (!value || !body) {
                json_object_put(value);
                return http_reply_json(request, 200, NULL);
        }
        if (!json_add(body, name, value) || (dry_run && !json_add(body, "dryRun", json_object_new_boolean(true))))
                return http_reply_json(request, 200, NULL);
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int alert_http_reply_invalid(HttpRequest *request, int r, const char *problem) {
        return r == -EINVAL ? http_reply_error(request, 400, "INVALID_FIELD", "%s", problem) : r;
}

int alert_http_reply_not_stored(HttpRequest *request, int r, const char *what) {
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

/* --- Questions --- */

/* 1 when that was answered. */
static int refuse_repeated(HttpRequest *request) {
        _cleanup_(freep) char *name = NULL;
        const char *body;
        size_t size;
        int r;

        body = http_request_body(request, &size);
        r = json_find_repeated(body, size, &name);
        if (r <= 0)
                return r;
        r = http_reply_error(request, 400, "INVALID_FIELD", "%s: is there twice, and it is unclear which one is meant",
                             name);
        return r < 0 ? r : 1;
}

int alert_http_read_body(HttpRequest *request, void *state, json_object **ret) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        int r;

        r = manager_refuse_early(state, request);
        if (r != 0)
                return r;
        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 1 : r;
        r = refuse_repeated(request);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(body);
        return 0;
}

int alert_http_read_dry_run(HttpRequest *request, bool *ret) {
        const char *text = http_request_query(request, "dryRun");
        int r;

        if (!text || streq(text, "true") || streq(text, "false")) {
                *ret = text && streq(text, "true");
                return 0;
        }
        r = http_reply_error(request, 400, "INVALID_FIELD", "dryRun: true or false is expected");
        return r < 0 ? r : 1;
}

/* --- Alerts --- */

int alert_http_get_status(HttpRequest *request, void *state) {
        const char *text = http_request_query(request, "limit");
        unsigned long limit = STATUS_LIMIT;

        if (text && parse_uint(text, 1, STATUS_LIMIT_MAX, &limit) < 0)
                return http_reply_error(request, 400, "INVALID_FIELD", "limit: a number in 1..%d is expected",
                                        STATUS_LIMIT_MAX);
        return http_reply_json(request, 200, alert_engine_status_to_json(alert_http_engine(state), limit));
}

/* The client may be gone, which is nobody's concern then: the action was carried out. */
static void on_trigger_done(json_object *alert, void *userdata) {
        (void) alert_http_reply_with(userdata, "alert", alert, false);
}

int alert_http_post_trigger(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = alert_http_engine(state);
        AlertTrigger trigger = {};
        json_object *alert;
        int r;

        r = alert_http_read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = alert_trigger_from_json(body, alert_engine_knows_service, engine, &trigger, &problem);
        if (r < 0)
                return alert_http_reply_invalid(request, r, problem);
        r = alert_engine_trigger(engine, &trigger, alert_time_now(), on_trigger_done, request, &alert);
        if (r < 0)
                return r;
        if (r == 0)
                return alert_http_reply_with(request, "message", json_object_new_string("No rules triggered"), false);
        return r == 1 ? alert_http_reply_with(request, "alert", alert, false) : HTTP_LATER;
}
