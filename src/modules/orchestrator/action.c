/* SPDX-License-Identifier: MIT */
#include "action.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"

#define TIMEOUT_MAX_SECONDS 60
#define PROXY_ID "web"
#define STOP_JOBS 4 /* at most, of socket and service in turn */

const char *verb_to_string(Verb verb) {
        static const char *const names[] = {
                [VERB_START] = "start", [VERB_STOP] = "stop", [VERB_RESTART] = "restart", [VERB_RELOAD] = "reload",
        };

        return names[verb];
}

static void action_free(Task *task) {
        Action *action = (Action *) task;

        unit_failure_free(action->failure);
        bus_batch_done(&action->batch);
        unit_jobs_free(action->jobs);
        free(action->id);
        free(action->unit);
        free(action->socket);
        free(action->after.load_state);
        free(action->after.active_state);
        free(action->after.sub_state);
        free(action->after.socket_state);
        free(action->after.status_text);
        host_status_done(&action->after.host);
        free(action->reason);
        free(action->reason_result);
        free(action);
}

/* --- Asking systemd --- */

/* Without an answer: the bus keeps the order of what one connection sends, and if it failed, the start after it says
 * why. */
static int call_manager(const Action *action, const char *method, const char *unit, const char *mode) {
        sd_bus *bus = action->task.control->bus;

        if (mode)
                return sd_bus_call_method_async(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method, NULL,
                                                NULL, "ss", unit, mode);
        return sd_bus_call_method_async(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method, NULL, NULL,
                                        "s", unit);
}

/* As toolooctl does: what a person starts begins with a clean start limit, and a restart must not count as a crash. */
static int reset_failed(const Action *action, const FleetUnit *unit) {
        int r = 0;

        if (action->verb == VERB_RESTART || (action->verb == VERB_START && unit->condition != FLEET_RUNNING))
                r = call_manager(action, "ResetFailedUnit", action->unit, NULL);
        if (r >= 0 && action->verb != VERB_STOP && action->socket && streq(unit->socket_state, "failed"))
                r = call_manager(action, "ResetFailedUnit", action->socket, NULL);
        return r;
}

static void on_jobs_done(UnitJobs *jobs, int error, void *userdata);

static int add_jobs(Action *action) {
        static const UnitVerb unit_verbs[] = {
                [VERB_START] = UNIT_START, [VERB_STOP] = UNIT_STOP, [VERB_RESTART] = UNIT_RESTART,
                [VERB_RELOAD] = UNIT_RELOAD,
        };
        int r = 0;

        /* A socket that still listens would start its service again, so it goes first; and it is only started, never
         * restarted, for meanwhile connections wait in it. */
        if (action->verb == VERB_STOP && action->socket && action->n_over % 2 == 0)
                return unit_jobs_add(action->jobs, UNIT_STOP, action->socket);
        if (action->socket && (action->verb == VERB_START || action->verb == VERB_RESTART))
                r = unit_jobs_add(action->jobs, UNIT_START, action->socket);
        return r < 0 ? r : unit_jobs_add(action->jobs, unit_verbs[action->verb], action->unit);
}

static int ask_for_jobs(Action *action) {
        uint64_t over = now_usec() - action->begun;
        int r;

        action->jobs = unit_jobs_free(action->jobs);
        r = unit_jobs_new(action->task.control->bus, &action->jobs);
        if (r >= 0)
                r = add_jobs(action);
        if (r < 0)
                return r;
        return unit_jobs_watch(action->jobs, action->timeout > over ? action->timeout - over : 0, on_jobs_done, action);
}

/* The process that answers, or the one that carries the answer, lives on until this answer is out: it drains first. */
static void act_after_answer(Action *action) {
        int r = call_manager(action, action->verb == VERB_STOP ? "StopUnit" : "RestartUnit", action->unit, "replace");

        if (r < 0)
                task_fail(&action->task, r);
        else
                action_reply_queued(action);
}

/* What is not there need not be stopped. */
static bool went_well(const UnitJob *job) {
        return unit_job_done(job) || (job->verb == UNIT_STOP && job->error_name &&
                                      streq(job->error_name, SYSTEMD_ERROR_NO_SUCH_UNIT));
}

/* The socket goes first. A service that has crashed, and is started again by systemd before it is told to stop, opens it again
 * (Sockets=); then both go once more. */
static bool was_last_of_stop(Action *action) {
        const FleetUnit *unit = fleet_find(action->task.control->fleet, action->id);

        action->n_over++;
        return action->n_over == STOP_JOBS || (action->n_over % 2 == 0 && !(unit && streq(unit->socket_state, "active")));
}

/* By that start; was_last_of_stop() asks what came of it. */
static bool was_overtaken(const Action *action, const UnitJob *job) {
        return action->verb == VERB_STOP && action->socket && streq(job->unit, action->socket) && streq(job->result, "canceled");
}

static void on_jobs_done(UnitJobs *jobs, int error, void *userdata) {
        Action *action = userdata;
        int r = error;

        /* The socket's job is the first: when that failed, the service's failure says nothing more. */
        for (const UnitJob *job = jobs->first; job && !action->bad; job = job->next)
                if (error >= 0 && !went_well(job) && !was_overtaken(action, job))
                        action->bad = job;
        if (r < 0) {
                task_fail(&action->task, r);
                return;
        }
        if (action->bad || action->verb != VERB_STOP || !action->socket || was_last_of_stop(action)) {
                action_finish(action);
                return;
        }
        if (action->answer_first) {
                act_after_answer(action);
                return;
        }
        r = ask_for_jobs(action);
        if (r < 0)
                task_fail(&action->task, r);
}

/* --- From the request --- */

static bool came_through_proxy(const HttpRequest *request) {
        return http_request_header(request, "X-Forwarded-For") || http_request_header(request, "Forwarded") ||
                http_request_header(request, "Via");
}

static bool ends_its_carrier(const Action *action) {
        if (action->verb != VERB_STOP && action->verb != VERB_RESTART)
                return false;
        return streq(action->id, action->task.control->id) ||
                (streq(action->id, PROXY_ID) && came_through_proxy(action->task.request));
}

/* True after a reply: the unit's state does not allow it. */
static bool refuse(HttpRequest *request, const FleetUnit *unit, Verb verb) {
        const Service *s = unit->service;

        if (verb == VERB_STOP)
                return false;
        if (unit_is_masked(unit))
                (void) http_reply_error(request, 409, "MASKED",
                                        "%s is masked, so it cannot %s; take the mask off with 'systemctl --user unmask"
                                        " %s%s%s'", s->unit, verb_to_string(verb), s->unit, s->socket ? " " : "",
                                        s->socket ? s->socket : "");
        else if (verb == VERB_RELOAD && s->on_change != ON_CHANGE_RELOAD)
                (void) http_reply_error(request, 409, "CANNOT_RELOAD", "%s cannot reload (OnChange=%s): restart it",
                                        s->id, on_change_to_string(s->on_change));
        else if (verb == VERB_RELOAD && unit->condition != FLEET_RUNNING)
                (void) http_reply_error(request, 409, "NOT_ACTIVE", "%s is %s, so it cannot reload: start it", s->id,
                                        fleet_unit_word(unit));
        else
                return false;
        return true;
}

static int action_new(const FleetUnit *unit, Verb verb, unsigned long seconds, Action **ret) {
        Action *action = calloc(1, sizeof(Action));

        if (!action)
                return -ENOMEM;
        action->verb = verb;
        action->timeout = seconds * USEC_PER_SEC;
        action->begun = now_usec();
        action->port = unit->service->port;
        action->id = strdup(unit->service->id);
        action->unit = strdup(unit->service->unit);
        action->socket = unit->service->socket ? strdup(unit->service->socket) : NULL;
        if (!action->id || !action->unit || (unit->service->socket && !action->socket)) {
                action_free(&action->task);
                return -ENOMEM;
        }
        *ret = action;
        return 0;
}

static int begin(HttpRequest *request, Control *control, Verb verb) {
        const char *text = http_request_query(request, "timeout");
        unsigned long seconds = TIMEOUT_MAX_SECONDS;
        Action *action = NULL;
        FleetUnit *unit;
        int r;

        if (text && parse_uint(text, 1, TIMEOUT_MAX_SECONDS, &seconds) < 0)
                return http_reply_error(request, 400, "INVALID_QUERY",
                                        "timeout: a number of seconds in 1..%d is expected", TIMEOUT_MAX_SECONDS);
        unit = control_find_unit(request, control);
        if (!unit || refuse(request, unit, verb))
                return 0;
        r = action_new(unit, verb, seconds, &action);
        if (r < 0)
                return r;
        r = task_begin(&action->task, control, request, action_free, true);
        if (r < 0) {
                action_free(&action->task);
                return 0;
        }
        action->answer_first = ends_its_carrier(action);
        r = reset_failed(action, unit);
        if (r >= 0 && action->answer_first && (verb == VERB_RESTART || !action->socket)) {
                act_after_answer(action);
                return 0;
        }
        if (r >= 0)
                r = ask_for_jobs(action);
        if (r < 0) {
                task_fail(&action->task, r);
                return 0;
        }
        return HTTP_LATER;
}

static int begin_start(HttpRequest *request, Control *control) {
        return begin(request, control, VERB_START);
}

static int begin_stop(HttpRequest *request, Control *control) {
        return begin(request, control, VERB_STOP);
}

static int begin_restart(HttpRequest *request, Control *control) {
        return begin(request, control, VERB_RESTART);
}

static int begin_reload(HttpRequest *request, Control *control) {
        return begin(request, control, VERB_RELOAD);
}

int post_start(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, begin_start);
}

int post_stop(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, begin_stop);
}

int post_restart(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, begin_restart);
}

int post_reload(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, begin_reload);
}
