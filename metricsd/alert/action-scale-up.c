/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "action-kinds.h"
#include "basic/string-util.h"
#include "field.h"
#include "service-request.h"

/* scale-up: the orchestrator is asked how many instances there are, then for one more. */

#define PROCESSES "/api/v1/system/processes"
#define SCALE "/api/v1/system/service/%s/scale"

/* As processes[] has it: one entry with its number of instances, or one entry each. 0 when it is not there. */
static unsigned count_instances(json_object *json, const char *id) {
        json_object *list, *field;
        unsigned n = 0;

        if (!json_object_object_get_ex(json, "processes", &list) || !json_object_is_type(list, json_type_array))
                return 0;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *one = json_object_array_get_idx(list, i);

                if (!json_object_object_get_ex(one, "id", &field) || !json_object_is_type(field, json_type_string) ||
                    !streq(json_object_get_string(field), id))
                        continue;
                if (json_object_object_get_ex(one, "instances", &field) && json_object_is_type(field, json_type_int))
                        return (unsigned) MIN(MAX(json_object_get_int(field), 0), SCALE_MAX);
                n++;
        }
        return n;
}

static void on_scaled(ServiceRequest *r, json_object *json) {
        alert_action_over(r->action, NULL);
}

static int ask_for_one_more(ServiceRequest *r, unsigned n) {
        _cleanup_(freep) char *path = str_printf(SCALE, r->service);
        char *body = str_printf("{\"instances\":%u}", n + 1);

        if (!path || !body) {
                free(body);
                return -ENOMEM;
        }
        return service_request_send(r, path, body, on_scaled);
}

static void on_processes(ServiceRequest *r, json_object *json) {
        unsigned n = count_instances(json, r->service);
        char problem[160];

        if (n == 0)
                (void) snprintf(problem, sizeof(problem), "%s does not say how many instances of %s there are",
                                r->asked, r->service);
        else if (n >= r->max)
                (void) snprintf(problem, sizeof(problem), "%s has %u instances, and the rule's actionParams.max is %u",
                                r->service, n, r->max);
        else if (ask_for_one_more(r, n) >= 0)
                return;
        else
                (void) snprintf(problem, sizeof(problem), "out of memory");
        alert_action_over(r->action, problem);
}

static unsigned read_max(json_object *params) {
        json_object *max;

        return json_object_object_get_ex(params, "max", &max) ? (unsigned) json_object_get_int(max) : SCALE_DEFAULT;
}

int action_scale_up_begin(AlertAction *a, const AlertActionRequest *request) {
        _cleanup_(service_request_freep) ServiceRequest *sr = NULL;
        int r;

        r = service_request_new(a, request, &sr);
        if (r < 0)
                return r;
        sr->max = read_max(request->params);
        r = service_request_send(sr, PROCESSES, NULL, on_processes);
        if (r < 0)
                return r;
        service_request_install(TAKE_PTR(sr));
        return 0;
}
