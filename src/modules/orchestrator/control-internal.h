/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the files of the orchestrator that see the bus. Not beside host/module-abi.h, which has a Service of its
 * own. */

#include <sys/queue.h>

#include "basic/string-util.h"
#include "control.h"
#include "shared/bus-util.h"
#include "shared/fleet.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* Requests that may wait at once, whatever for; one more is refused with 429. */
#define TASKS_MAX 64

/* A request that is answered later. Embedded in what the answer needs, which free() frees, the task apart. */
typedef struct Task {
        Control *control;
        HttpRequest *request;
        void (*free)(struct Task *task);
        bool on_bus; /* is lost with the bus */
        LIST_ENTRY(Task) entries;
} Task;

/* What is done with a request once the list of services is there; returns as a handler does. */
typedef int (*WithFleet)(HttpRequest *request, Control *control);

struct Control {
        sd_event *event;
        char *id;
        sd_bus *bus; /* NULL while there is none */
        Fleet *fleet;
        sd_event_source *reconnect;
        uint64_t reconnect_after; /* usec */
        sd_event_source *drop;    /* lets go of a bus that is lost, from outside its own callbacks */

        LIST_HEAD(TaskList, Task) tasks;
        unsigned n_tasks;
        STAILQ_HEAD(EarlyList, Early) early; /* those that wait for the list of services */
        sd_event_source *early_timer;

        json_object *restarts; /* of earlier generations: an object of numbers by id */
};

/* --- control.c --- */

static inline bool control_is_ready(const Control *control) {
        return control->fleet && fleet_is_loaded(control->fleet);
}

uint64_t control_restarts(const Control *control, const FleetUnit *unit);

/* --- task.c --- */

/* Runs now, or when the list of services is known; 503 when that takes too long. */
int control_with_fleet(HttpRequest *request, Control *control, WithFleet run);

/* The list is there: runs what waits for it. And the timer's handler for what has waited too long. */
void control_run_early(Control *control);
int control_on_early_timeout(sd_event_source *source, uint64_t usec, void *userdata);

/* The unit that ":id" of the path names. NULL after a reply: 404 with the id that was probably meant. */
FleetUnit *control_find_unit(HttpRequest *request, Control *control);

/* Enters the task. -EAGAIN after a reply (429): then nothing was done, and the caller frees it. */
int task_begin(Task *task, Control *control, HttpRequest *request, void (*free)(Task *task), bool on_bus);
/* Takes it off the list and frees it, after its reply. */
void task_end(Task *task);
/* Replies 503 and ends it: r is what the bus said. */
void task_fail(Task *task, int r);

/* json is NULL without memory. */
void task_reply(Task *task, unsigned status, json_object *json);

/* From the live state: what the list was read with may be older. */
static inline bool unit_is_masked(const FleetUnit *unit) {
        return streq(unit->load_state, "masked");
}

/* --- json-build.c --- */

json_object *json_string(const char *s);          /* null for NULL and "" */
json_object *json_time(uint64_t realtime_usec);   /* null for 0 */
json_object *json_number(uint64_t n);             /* null for 0 */
/* {ok:false, error, code, service, timestamp}, as http_reply_error() has it, to add to. NULL without memory. */
json_object *json_error(const Control *control, const char *code, const char *message);
