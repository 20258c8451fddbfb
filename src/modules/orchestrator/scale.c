/* SPDX-License-Identifier: MIT */
#include "control-internal.h"
#include "foundation/json-util.h"
#include "shared/instances.h"
#include "shared/unit-jobs.h"

/* Nearly the longest that web waits for an answer; the job itself has longer. */
#define TIMEOUT_USEC (60 * USEC_PER_SEC)

/* A request for so many instances, until tooloo-scale@ID:N.service has made them. */
typedef struct Scaling {
        Task task;
        UnitJobs *jobs;
        char *id;
        unsigned instances;
} Scaling;

static void scaling_free(Task *task) {
        Scaling *s = (Scaling *) task;

        unit_jobs_free(s->jobs);
        free(s->id);
        free(s);
}

static json_object *scaled_to_json(const Control *control, const char *id, unsigned instances) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *result = json_object_new_object();
        const FleetUnit *unit = fleet_find(control->fleet, id);

        if (!json || !result || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(result, "id", json_string(id)) ||
            !json_add(result, "action", json_string("scale")) ||
            !json_add(result, "instances", json_object_new_int((int) instances)) ||
            !json_add(result, "status", unit ? json_string(fleet_unit_word(unit)) : NULL) ||
            !json_add(json, "result", TAKE_PTR(result)))
                return NULL;
        return TAKE_PTR(json);
}

static void on_scaled(UnitJobs *jobs, int error, void *userdata) {
        const UnitJob *job = jobs->first;
        _cleanup_(freep) char *text = NULL, *message = NULL;
        Scaling *s = userdata;
        bool late;

        if (error < 0) {
                task_fail(&s->task, error);
                return;
        }
        if (unit_job_done(job)) {
                task_reply(&s->task, 200, scaled_to_json(s->task.control, s->id, s->instances));
                return;
        }
        late = streq(job->result, "waiting");
        text = job->reason ? str_printf("did not end well: %s", job->reason) : unit_job_describe(job);
        message = text ? str_printf("%s %s; 'journalctl --user-unit=%s -n 20' says more", job->unit, text, job->unit) : NULL;
        task_reply(&s->task, late ? 504 : 500,
                   message ? json_error(s->task.control, late ? "JOB_TIMEOUT" : "JOB_FAILED", message) : NULL);
}

static int start(Scaling *s) {
        _cleanup_(freep) char *unit = str_printf("tooloo-scale@%s:%u.service", s->id, s->instances);
        int r;

        if (!unit)
                return -ENOMEM;
        r = unit_jobs_new(s->task.control->bus, &s->jobs);
        if (r >= 0)
                r = unit_jobs_add(s->jobs, UNIT_START, unit);
        return r < 0 ? r : unit_jobs_watch(s->jobs, TIMEOUT_USEC, on_scaled, s);
}

static int begin(HttpRequest *request, Control *control, const FleetUnit *unit, unsigned instances) {
        Scaling *s = calloc(1, sizeof(Scaling));
        int r;

        if (!s)
                return -ENOMEM;
        s->instances = instances;
        s->id = strdup(unit->service->id);
        if (!s->id) {
                scaling_free(&s->task);
                return -ENOMEM;
        }
        r = task_begin(&s->task, control, request, scaling_free, true);
        if (r < 0) {
                scaling_free(&s->task);
                return 0;
        }
        r = start(s);
        if (r < 0) {
                task_fail(&s->task, r);
                return 0;
        }
        return HTTP_LATER;
}

/* {"instances": 1..INSTANCES_MAX}; *ret is 0 after a reply. */
static int read_instances(HttpRequest *request, unsigned *ret) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        json_object *field;
        int64_t instances;
        int r;

        *ret = 0;
        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (!json_object_object_get_ex(body, "instances", &field) || !json_object_is_type(field, json_type_int))
                return http_reply_error(request, 400, "INVALID_FIELD", "instances: a whole number is expected");
        instances = json_object_get_int64(field);
        if (instances < 1 || instances > INSTANCES_MAX)
                return http_reply_error(request, 400, "INVALID_FIELD", "instances: a number in 1..%d is expected",
                                        INSTANCES_MAX);
        *ret = (unsigned) instances;
        return 0;
}

static int scale(HttpRequest *request, Control *control) {
        FleetUnit *unit = control_find_unit(request, control);
        unsigned instances;
        int r;

        if (!unit)
                return 0;
        r = read_instances(request, &instances);
        if (r < 0 || instances == 0)
                return r;
        if (unit_is_masked(unit))
                return http_reply_error(request, 409, "MASKED", "%s is masked, so it cannot run", unit->service->unit);
        if (instances > 1 && !service_can_scale(unit->service))
                return http_reply_error(request, 409, "CANNOT_SCALE",
                                        "%s cannot scale: that takes a socket unit with a TCP port, and a program that does "
                                        "not keep its state in one process (OnChange=reload)", unit->service->id);
        if (unit->condition != FLEET_RUNNING)
                return http_reply_error(request, 409, "NOT_ACTIVE", "%s is %s, not a running instance: start it",
                                        unit->service->id, fleet_unit_word(unit));
        if (!service_can_scale(unit->service))
                return http_reply_json(request, 200, scaled_to_json(control, unit->service->id, 1));
        return begin(request, control, unit, instances);
}

int post_scale(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, scale);
}
