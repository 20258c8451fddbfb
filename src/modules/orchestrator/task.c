/* SPDX-License-Identifier: MIT */
#include "control-internal.h"

#include "basic/time-util.h"

/* After the start, after a reload and without a bus. The first two take milliseconds. */
#define EARLY_USEC (10 * USEC_PER_SEC)

/* A request that came before the list of services was known. */
typedef struct Early {
        Task task;
        WithFleet run;
        STAILQ_ENTRY(Early) entries;
} Early;

/* --- Requests that wait --- */

int task_begin(Task *task, Control *control, HttpRequest *request, void (*free_task)(Task *task), bool on_bus) {
        if (control->n_tasks >= TASKS_MAX) {
                (void) http_reply_error(request, 429, "TOO_MANY_REQUESTS",
                                        "%d requests wait for systemd already: try again when one of them has its answer",
                                        TASKS_MAX);
                return -EAGAIN;
        }
        task->control = control;
        task->request = request;
        task->free = free_task;
        task->on_bus = on_bus;
        LIST_INSERT_HEAD(&control->tasks, task, entries);
        control->n_tasks++;
        return 0;
}

void task_end(Task *task) {
        LIST_REMOVE(task, entries);
        task->control->n_tasks--;
        task->free(task);
}

void task_fail(Task *task, int r) {
        if (r == -ENOMEM)
                (void) http_reply_error(task->request, 500, "INTERNAL", "%s", strerror(ENOMEM));
        else
                (void) http_reply_error(task->request, 503, "SYSTEMD_UNREACHABLE",
                                        "systemd's user manager does not answer: %s", strerror(-r));
        task_end(task);
}

void task_reply(Task *task, unsigned status, json_object *json) {
        if (json)
                (void) http_reply_json(task->request, status, json); /* a client that is gone needs none */
        else
                (void) http_reply_error(task->request, 500, "INTERNAL", "%s", strerror(ENOMEM));
        task_end(task);
}

/* --- Those that came early --- */

static void early_free(Task *task) {
        Early *early = (Early *) task;

        STAILQ_REMOVE(&task->control->early, early, Early, entries);
        free(early);
}

int control_on_early_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        Control *control = userdata;
        Early *early;

        while ((early = STAILQ_FIRST(&control->early)))
                task_fail(&early->task, -ETIMEDOUT);
        return 0;
}

/* One timer for all: the first one's time is over first, and the others wait for the same thing. */
static int start_early_timer(Control *control) {
        int r;

        if (!STAILQ_EMPTY(&control->early))
                return 0;
        r = sd_event_source_set_time_relative(control->early_timer, EARLY_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(control->early_timer, SD_EVENT_ONESHOT);
}

int control_with_fleet(HttpRequest *request, Control *control, WithFleet run) {
        Early *early;
        int r;

        if (control_is_ready(control))
                return run(request, control);
        r = start_early_timer(control);
        if (r < 0)
                return r;
        early = calloc(1, sizeof(Early));
        if (!early)
                return -ENOMEM;
        early->run = run;
        r = task_begin(&early->task, control, request, early_free, false);
        if (r < 0) {
                free(early);
                return 0;
        }
        STAILQ_INSERT_TAIL(&control->early, early, entries);
        return HTTP_LATER;
}

/* What the server does with a handler's result. */
static void run_early(Control *control, Early *early) {
        HttpRequest *request = early->task.request;
        WithFleet run = early->run;
        int r;

        task_end(&early->task); /* first, for its place among the tasks is the next one's */
        r = run(request, control);
        if (r < 0)
                (void) http_reply_error(request, 500, "INTERNAL", "%s", strerror(-r));
}

FleetUnit *control_find_unit(HttpRequest *request, Control *control) {
        const char *id = http_request_param(request, "id");
        FleetUnit *unit = service_id_valid(id) ? fleet_find(control->fleet, id) : NULL;
        const char *nearest;

        if (unit)
                return unit;
        nearest = registry_nearest(fleet_registry(control->fleet), id);
        if (nearest)
                (void) http_reply_error(request, 404, "UNKNOWN_SERVICE", "unknown service '%.64s'. Did you mean '%s'?",
                                        id, nearest);
        else
                (void) http_reply_error(request, 404, "UNKNOWN_SERVICE",
                                        "unknown service '%.64s'; GET /api/v1/system/processes lists them", id);
        return NULL;
}

void control_run_early(Control *control) {
        Early *early;

        while (control_is_ready(control) && (early = STAILQ_FIRST(&control->early)))
                run_early(control, early);
}
