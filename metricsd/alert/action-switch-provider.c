/* SPDX-License-Identifier: MIT */
#include "action-kinds.h"
#include "basic/string-util.h"
#include "field.h"
#include "foundation/json-util.h"
#include "service-request.h"

/* switch-provider: POST {provider} to whoever owns the providers. A rule that names none leaves the choice to that. */

#define PATH "/api/v1/providers/switch"

static char *make_body(json_object *params) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *provider;
        const char *text;

        if (!json || (json_object_object_get_ex(params, "provider", &provider) &&
                      !json_add(json, "provider", json_object_get(provider))))
                return NULL;
        text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
        return text ? strdup(text) : NULL;
}

static void on_switched(ServiceRequest *r, json_object *json) {
        alert_action_over(r->action, NULL);
}

int action_switch_provider_begin(AlertAction *a, const AlertActionRequest *request) {
        _cleanup_(service_request_freep) ServiceRequest *sr = NULL;
        char *body;
        int r;

        r = service_request_new(a, request, &sr);
        if (r < 0)
                return r;
        body = make_body(request->params);
        if (!body)
                return -ENOMEM;
        r = service_request_send(sr, PATH, body, on_switched);
        if (r < 0)
                return r;
        service_request_install(TAKE_PTR(sr));
        return 0;
}
