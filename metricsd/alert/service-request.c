/* SPDX-License-Identifier: MIT */
#include "service-request.h"

#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "config.h"
#include "field.h"

/* The list of 200 processes has 100 KiB. */
#define ANSWER_MAX ((size_t) 1024 * 1024)

int service_request_new(AlertAction *action, const AlertActionRequest *request, ServiceRequest **ret) {
        _cleanup_(service_request_freep) ServiceRequest *r = calloc(1, sizeof(ServiceRequest));

        if (!r)
                return -ENOMEM;
        r->action = action;
        r->timeout = request->timeout;
        r->service = request->service ? strdup(request->service) : NULL;
        if (request->service && !r->service)
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

ServiceRequest *service_request_free(ServiceRequest *r) {
        if (!r)
                return NULL;
        http_call_free(r->call); /* before the body that it sends */
        sd_event_source_disable_unref(r->later);
        free(r->service);
        free(r->asked);
        free(r->body);
        free(r->problem);
        free(r);
        return NULL;
}

static void stop(void *state) {
        service_request_free(state);
}

void service_request_install(ServiceRequest *r) {
        r->action->state = r;
        r->action->stop = stop;
}

/* --- What is wrong --- */

static int on_later(sd_event_source *source, void *userdata) {
        const ServiceRequest *r = userdata;

        alert_action_over(r->action, r->problem);
        return 0;
}

/* Takes over problem; NULL is out of memory. */
static int fail_later(ServiceRequest *r, char *problem) {
        free(r->problem);
        r->problem = problem;
        if (!problem)
                return -ENOMEM;
        r->later = sd_event_source_disable_unref(r->later);
        return sd_event_add_defer(sd_bus_get_event(r->action->shared->bus), &r->later, on_later, r);
}

static char *describe(const ServiceRequest *r, const HttpAnswer *answer) {
        _cleanup_(freep) char *excerpt = NULL;

        if (answer->status == 0)
                return str_printf("%s cannot be asked: %s", r->asked, answer->problem);
        excerpt = http_answer_excerpt(answer);
        if (!excerpt)
                return NULL;
        return str_printf("%s answered %u%s%s", r->asked, answer->status, *excerpt ? ": " : "", excerpt);
}

/* --- The answer --- */

static json_object *parse(const HttpAnswer *answer) {
        json_tokener *tokener = json_tokener_new();
        json_object *json;

        if (!tokener)
                return NULL;
        json = json_tokener_parse_ex(tokener, answer->body, (int) answer->size);
        json_tokener_free(tokener);
        return json;
}

static bool says_no(json_object *json) {
        json_object *ok;

        return json_object_object_get_ex(json, "ok", &ok) && json_object_is_type(ok, json_type_boolean) &&
               !json_object_get_boolean(ok);
}

static void on_answer(const HttpAnswer *answer, void *userdata) {
        ServiceRequest *r = userdata;
        _cleanup_(http_call_freep) _unused_ HttpCall *call = TAKE_PTR(r->call); /* the answer lies in it */
        _cleanup_(json_object_putp) json_object *json = NULL;
        _cleanup_(freep) char *problem = NULL;
        bool success = answer->status >= 200 && answer->status < 300;

        if (success)
                json = parse(answer);
        if (success && !says_no(json)) {
                r->answered(r, json);
                return;
        }
        problem = describe(r, answer);
        alert_action_over(r->action, problem ? problem : "the service has not done it");
}

/* --- The request --- */

static char *refusal(const FleetUnit *unit, const char *path) {
        if (!unit)
                return str_printf("no service of the fleet answers for %s", path);
        if (unit->condition != FLEET_RUNNING)
                return str_printf("%s is %s, and is not asked: a connection would start it", unit->service->id,
                                  fleet_unit_word(unit));
        return NULL;
}

int service_request_send(ServiceRequest *r, const char *path, char *body, service_answered_t answered) {
        const Fleet *fleet = r->action->shared->fleet;
        const FleetUnit *unit = fleet_route(fleet, path);
        _cleanup_(freep) char *url = NULL;

        free(r->body);
        r->body = body;
        r->answered = answered;
        if (!unit || unit->condition != FLEET_RUNNING)
                return fail_later(r, refusal(unit, path));
        url = str_printf("http://127.0.0.1:%u%s", unit->service->port, path);
        if (!url || str_replace_printf(&r->asked, "%s", unit->service->id) < 0)
                return -ENOMEM;
        return http_call_new(r->action->shared->curl, &(HttpCallRequest) {
                .url = url, .body = body, .agent = "tooloo-metricsd/" TL_VERSION, .timeout = r->timeout,
                .answer_max = ANSWER_MAX, .fleet = fleet, .straight = true }, on_answer, r, &r->call);
}
