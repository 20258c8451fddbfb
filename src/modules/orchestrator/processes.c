/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "question.h"
#include "shared/instances.h"
#include "shared/metrics-bus.h"

/* Well under what a client takes for "it hangs"; metricsd answers from memory. */
#define HEALTH_TIMEOUT_USEC USEC_PER_SEC

typedef struct Processes {
        Task task;
        BusBatch batch;
        HostQuestion hosts;
        InstanceStates instances;
        json_object *health; /* by id: metricsd's word; NULL when it is not there */
} Processes;

static void processes_free(Task *task) {
        Processes *p = (Processes *) task;

        bus_batch_done(&p->batch);
        host_question_done(&p->hosts);
        instance_states_done(&p->instances);
        json_object_put(p->health);
        free(p);
}

/* Known for sure: what is down is not well, and of what runs metricsd has asked. Anything else is null. */
static json_object *health_to_json(const Processes *p, const FleetUnit *unit) {
        const char *s, *word = fleet_unit_word(unit);
        json_object *health;

        if (streq(word, "stopped") || streq(word, "failed") || streq(word, "masked"))
                return json_object_new_boolean(false);
        if (unit->condition != FLEET_RUNNING ||
            !json_object_object_get_ex(p->health, unit->service->id, &health))
                return NULL;
        s = json_object_get_string(health);
        if (streq(s, "healthy"))
                return json_object_new_boolean(true);
        return streq(s, "degraded") || streq(s, "offline") ? json_object_new_boolean(false) : NULL;
}

static json_object *process_to_json(const Processes *p, const FleetUnit *unit) {
        const HostStatus *host = host_question_find(&p->hosts, unit->service->id);
        const char *problem = *unit->failure ? unit->failure : host ? host->last_problem : NULL;
        json_object *json = json_object_new_object();
        unsigned instances = (unit->pid > 0) + instance_count(&p->instances, unit->service->id);
        uint64_t now = now_usec(), uptime = 0;

        if (unit->active_since > 0 && unit->active_since < now)
                uptime = (now - unit->active_since) / USEC_PER_MSEC;
        if (json && json_add(json, "id", json_string(unit->service->id)) &&
            json_add(json, "name", json_string(unit->service->name)) &&
            json_add(json, "port", json_number(unit->service->port)) &&
            json_add(json, "pid", json_number(unit->pid)) &&
            json_add(json, "status", json_string(fleet_unit_word(unit))) &&
            json_add(json, "uptime", unit->active_since > 0 ? json_object_new_uint64(uptime) : NULL) &&
            json_add(json, "restartCount", json_object_new_uint64(control_restarts(p->task.control, unit))) &&
            json_add(json, "instances", json_object_new_int((int) instances)) &&
            json_add(json, "generation", json_number(host ? host->generation : 0)) &&
            json_add(json, "healthy", health_to_json(p, unit)) &&
            json_add(json, "category", json_string(unit->service->category)) &&
            json_add(json, "unit", json_string(unit->service->unit)) &&
            json_add(json, "unitState", json_string(unit->active_state)) &&
            json_add(json, "invocationId", json_string(unit->invocation_id)) &&
            json_add(json, "problem", json_string(problem)))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *processes_to_json(const Processes *p) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *list = json_object_new_array();
        const Fleet *fleet = p->task.control->fleet;

        for (size_t i = 0; json && list && i < fleet_count(fleet); i++) {
                json_object *one = process_to_json(p, fleet_at(fleet, i));

                if (!one || json_object_array_add(list, one) < 0) {
                        json_object_put(one);
                        return NULL;
                }
        }
        if (!json || !list || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(json, "processes", TAKE_PTR(list)))
                return NULL;
        return TAKE_PTR(json);
}

static void on_answers(BusBatch *batch, int error, void *userdata) {
        Processes *p = userdata;

        if (error < 0)
                task_fail(&p->task, error);
        else
                task_reply(&p->task, 200, processes_to_json(p));
}

static int on_health(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Processes *p = userdata;
        const char *id, *status;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0; /* it does not run, or not yet */
        p->health = json_object_new_object();
        if (!p->health)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, 'a', "(ssds)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssds)", &id, &status, NULL, NULL)) > 0)
                if (!json_add(p->health, id, json_object_new_string(status)))
                        return -ENOMEM;
        return r;
}

static int ask_health(Processes *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(p->batch.bus, &m, METRICS_BUS_NAME, METRICS_BUS_PATH, METRICS_BUS_INTERFACE,
                                           "GetHealth");
        return r < 0 ? r : bus_batch_call(&p->batch, m, HEALTH_TIMEOUT_USEC, on_health, p);
}

static int ask(HttpRequest *request, Control *control) {
        Processes *p = calloc(1, sizeof(Processes));
        int r;

        if (!p)
                return -ENOMEM;
        p->batch = (BusBatch) { .bus = control->bus, .finished = on_answers, .userdata = p };
        r = task_begin(&p->task, control, request, processes_free, true);
        if (r < 0) {
                free(p);
                return 0;
        }
        r = host_question_ask(control, &p->batch, &p->hosts);
        if (r >= 0)
                r = instance_states_ask(&p->batch, &p->instances);
        if (r >= 0)
                r = ask_health(p);
        if (r < 0) {
                task_fail(&p->task, r);
                return 0;
        }
        return HTTP_LATER;
}

int get_processes(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, ask);
}
