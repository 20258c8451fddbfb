/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "question.h"
#include "shared/service-bus.h"

/* A host checks the new module in a child process with a time limit of its own, well under this. */
#define RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* --- POST /api/v1/admin/reload --- */

struct ReloadAll;

/* One service that is asked to reload. */
typedef struct Reloaded {
        struct ReloadAll *all;
        char *id;
        const char *outcome; /* reloaded, unchanged, stopped, rejected, missing or failed */
        uint64_t generation;
        uint64_t pause_usec;
        char *problem; /* NULL for none */
} Reloaded;

typedef struct ReloadAll {
        Task task;
        BusBatch batch;
        Reloaded *services;
        size_t n;
        unsigned n_reloaded, n_failed;
} ReloadAll;

static void reload_all_free(Task *task) {
        ReloadAll *all = (ReloadAll *) task;

        bus_batch_done(&all->batch);
        for (size_t i = 0; i < all->n; i++) {
                free(all->services[i].id);
                free(all->services[i].problem);
        }
        free(all->services);
        free(all);
}

static int take_error(Reloaded *service, const sd_bus_error *error) {
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                service->outcome = "stopped"; /* its next start loads the new file anyway */
                return 0;
        }
        if (sd_bus_error_has_name(error, SERVICE_BUS_ERROR_REJECTED))
                service->outcome = "rejected";
        else
                service->outcome = sd_bus_error_has_name(error, SERVICE_BUS_ERROR_MISSING) ? "missing" : "failed";
        service->all->n_failed++;
        service->problem = strdup(bus_error_text(error, -EIO));
        return service->problem ? 0 : -ENOMEM;
}

static int on_reloaded(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Reloaded *service = userdata;
        const char *outcome;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return take_error(service, sd_bus_message_get_error(m));
        r = sd_bus_message_read(m, "stt", &outcome, &service->generation, &service->pause_usec);
        if (r < 0)
                return r;
        service->outcome = streq(outcome, "reloaded") ? "reloaded" : "unchanged";
        service->all->n_reloaded += streq(outcome, "reloaded");
        return 0;
}

static int ask_reload(ReloadAll *all, const FleetUnit *unit) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Reloaded *service = all->services + all->n;
        _cleanup_(freep) char *name = NULL;
        int r;

        *service = (Reloaded) { .all = all, .id = strdup(unit->service->id), .outcome = "failed" };
        name = str_printf(SERVICE_BUS_NAME_PREFIX "%s", unit->service->id);
        if (!service->id || !name) {
                free(service->id);
                return -ENOMEM;
        }
        all->n++;
        r = sd_bus_message_new_method_call(all->batch.bus, &m, name, SERVICE_BUS_PATH, SERVICE_BUS_INTERFACE, "Reload");
        if (r >= 0)
                r = sd_bus_message_append(m, "b", true);
        return r < 0 ? r : bus_batch_call(&all->batch, m, RELOAD_TIMEOUT_USEC, on_reloaded, service);
}

static json_object *reloaded_to_json(const Reloaded *service) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "id", json_string(service->id)) &&
            json_add(json, "outcome", json_string(service->outcome)) &&
            json_add(json, "generation", json_number(service->generation)) &&
            json_add(json, "pause", service->generation > 0
                     ? json_rounded((double) service->pause_usec / (double) USEC_PER_MSEC) : NULL) &&
            json_add(json, "problem", json_string(service->problem)))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *new_answer(const ReloadAll *all) {
        _cleanup_(freep) char *error = NULL;

        if (all->n_failed == 0) {
                json_object *json = json_object_new_object();

                if (json && json_add(json, "ok", json_object_new_boolean(true)))
                        return json;
                json_object_put(json);
                return NULL;
        }
        error = str_printf("%u of %zu services did not reload and keep their old code; services[].problem says why",
                           all->n_failed, all->n);
        return error ? json_error(all->task.control, "RELOAD_FAILED", error) : NULL;
}

static json_object *reload_all_to_json(const ReloadAll *all) {
        _cleanup_(json_object_putp) json_object *json = new_answer(all), *list = json_object_new_array();

        for (size_t i = 0; json && list && i < all->n; i++) {
                json_object *one = reloaded_to_json(all->services + i);

                if (!one || json_object_array_add(list, one) < 0) {
                        json_object_put(one);
                        return NULL;
                }
        }
        if (!json || !list || !json_add(json, "reloaded", json_object_new_uint64(all->n_reloaded)) ||
            !json_add(json, "services", TAKE_PTR(list)))
                return NULL;
        return TAKE_PTR(json);
}

static void on_all_reloaded(BusBatch *batch, int error, void *userdata) {
        ReloadAll *all = userdata;

        if (error < 0)
                task_fail(&all->task, error);
        else
                task_reply(&all->task, all->n_failed > 0 ? 500 : 200, reload_all_to_json(all));
}

static int ask_all(ReloadAll *all) {
        const Fleet *fleet = all->task.control->fleet;
        int r = 0;

        all->services = calloc(fleet_count(fleet) + 1, sizeof(Reloaded));
        if (!all->services)
                return -ENOMEM;
        for (size_t i = 0; i < fleet_count(fleet) && r >= 0; i++) {
                const FleetUnit *unit = fleet_at(fleet, i);

                if (unit->service->on_change == ON_CHANGE_RELOAD && unit->condition == FLEET_RUNNING)
                        r = ask_reload(all, unit);
        }
        return r;
}

static int reload_all(HttpRequest *request, Control *control) {
        ReloadAll *all = calloc(1, sizeof(ReloadAll));
        int r;

        if (!all)
                return -ENOMEM;
        all->batch = (BusBatch) { .bus = control->bus, .finished = on_all_reloaded, .userdata = all };
        r = task_begin(&all->task, control, request, reload_all_free, true);
        if (r < 0) {
                free(all);
                return 0;
        }
        r = ask_all(all);
        if (r < 0)
                task_fail(&all->task, r);
        else if (all->batch.pending == 0) /* nobody to ask: nobody will answer */
                on_all_reloaded(&all->batch, 0, all);
        else
                return HTTP_LATER;
        return 0;
}

int post_reload_all(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, reload_all);
}

/* --- GET /api/v1/admin/reload-status --- */

typedef struct ReloadStatus {
        Task task;
        BusBatch batch;
        HostQuestion hosts;
} ReloadStatus;

static void reload_status_free(Task *task) {
        ReloadStatus *status = (ReloadStatus *) task;

        bus_batch_done(&status->batch);
        host_question_done(&status->hosts);
        free(status);
}

static json_object *last_reload_to_json(const FleetUnit *unit, const HostStatus *host) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "id", json_string(unit->service->id)) &&
            json_add(json, "status", json_string(fleet_unit_word(unit))) &&
            json_add(json, "onChange", json_string(on_change_to_string(unit->service->on_change))) &&
            json_add(json, "version", json_string(host ? host->version : NULL)) &&
            json_add(json, "generation", json_number(host ? host->generation : 0)) &&
            json_add(json, "retiring", host ? json_object_new_uint64(host->retiring) : NULL) &&
            json_add(json, "result", json_string(host ? host->last_result : NULL)) &&
            json_add(json, "problem", json_string(host ? host->last_problem : NULL)) &&
            json_add(json, "when", json_time(host ? host->last_reload : 0)) &&
            json_add(json, "pause", host && host->last_reload > 0
                     ? json_rounded((double) host->last_pause / (double) USEC_PER_MSEC) : NULL))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *reload_status_to_json(const ReloadStatus *status) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *list = json_object_new_array();
        const Fleet *fleet = status->task.control->fleet;

        for (size_t i = 0; json && list && i < fleet_count(fleet); i++) {
                const FleetUnit *unit = fleet_at(fleet, i);
                json_object *one = last_reload_to_json(unit, host_question_find(&status->hosts, unit->service->id));

                if (!one || json_object_array_add(list, one) < 0) {
                        json_object_put(one);
                        return NULL;
                }
        }
        if (!json || !list || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(json, "services", TAKE_PTR(list)))
                return NULL;
        return TAKE_PTR(json);
}

static void on_status(BusBatch *batch, int error, void *userdata) {
        ReloadStatus *status = userdata;

        if (error < 0)
                task_fail(&status->task, error);
        else
                task_reply(&status->task, 200, reload_status_to_json(status));
}

static int ask_status(HttpRequest *request, Control *control) {
        ReloadStatus *status = calloc(1, sizeof(ReloadStatus));
        int r;

        if (!status)
                return -ENOMEM;
        status->batch = (BusBatch) { .bus = control->bus, .finished = on_status, .userdata = status };
        r = task_begin(&status->task, control, request, reload_status_free, true);
        if (r < 0) {
                free(status);
                return 0;
        }
        r = host_question_ask(control, &status->batch, &status->hosts);
        if (r < 0)
                task_fail(&status->task, r);
        else if (status->batch.pending == 0)
                on_status(&status->batch, 0, status);
        else
                return HTTP_LATER;
        return 0;
}

int get_reload_status(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, ask_status);
}
