/* SPDX-License-Identifier: MIT */
#include "action.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "shared/log.h"
#include "shared/port-owner.h"
#include "shared/unit-state.h"

#define FIELD(f) offsetof(Aftermath, f)

static const BusProperty unit_properties[] = {
        { SYSTEMD_UNIT, "LoadState", "s", FIELD(load_state) },
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(active_state) },
        { SYSTEMD_UNIT, "SubState", "s", FIELD(sub_state) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(pid) },
};

static const BusProperty socket_properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(socket_state) },
};

/* --- What went wrong --- */

typedef struct Kind {
        const char *word; /* the job's result, or the name of systemd's error */
        unsigned status;
        const char *code;
} Kind;

/* 409: the unit's state does not allow it, or somebody else wanted something else. 503: it lies with another unit or
 * with systemd. 500: it was tried and went wrong. */
static const Kind kinds[] = {
        { "waiting",    504, "JOB_TIMEOUT" },
        { "canceled",   409, "CANCELED" },
        { "skipped",    409, "NOT_APPLICABLE" },
        { "invalid",    409, "NOT_APPLICABLE" },
        { "collected",  409, "NOT_APPLICABLE" },
        { "once",       409, "NOT_APPLICABLE" },
        { "dependency", 503, "DEPENDENCY_FAILED" },
        { SYSTEMD_NAME ".UnitMasked",               409, "MASKED" },
        { SYSTEMD_NAME ".JobTypeNotApplicable",     409, "NOT_APPLICABLE" },
        { SYSTEMD_NAME ".TransactionIsDestructive", 409, "NOT_APPLICABLE" },
        { SYSTEMD_NAME ".OnlyByDependency",         409, "NOT_APPLICABLE" },
        { SYSTEMD_NAME ".ShuttingDown",             503, "SHUTTING_DOWN" },
        { SYSTEMD_ERROR_NO_SUCH_UNIT,               404, "UNKNOWN_SERVICE" },
        { SD_BUS_ERROR_NO_REPLY,                    503, "SYSTEMD_UNREACHABLE" },
        { SD_BUS_ERROR_TIMEOUT,                     503, "SYSTEMD_UNREACHABLE" },
        { SD_BUS_ERROR_SERVICE_UNKNOWN,             503, "SYSTEMD_UNREACHABLE" },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER,           503, "SYSTEMD_UNREACHABLE" },
};

static Kind kind_of(const UnitJob *job) {
        const char *word = job->error_name ? job->error_name : job->result;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].word, word))
                        return kinds[i];
        return (Kind) { word, 500, "JOB_FAILED" };
}

/* The unit itself knows the reason of these better than the job. */
static bool unit_says_why(const UnitJob *job) {
        return streq(job->result, "failed") || streq(job->result, "timeout");
}

/* "tooloo-ID.service did not start: its process exited with status 1". NULL without memory. */
static char *describe(const Action *action) {
        const HostStatus *host = &action->after.host;
        _cleanup_(freep) char *text = NULL;
        char *colon;

        if (action->verb == VERB_RELOAD && unit_says_why(action->bad) && host->known && host->last_problem &&
            *host->last_problem)
                return str_printf("%s keeps its old code: %s", action->id, host->last_problem);
        text = unit_job_describe(action->bad);
        if (!text)
                return NULL;
        if (streq(action->bad->result, "waiting"))
                return str_printf("%s: its job goes on, and the unit is %s (%s)%s%s", action->unit,
                                  strna(action->after.active_state), strna(action->after.sub_state),
                                  action->after.status_text && *action->after.status_text ? ": " : "",
                                  action->after.status_text ? action->after.status_text : "");
        colon = action->reason && unit_says_why(action->bad) ? strchr(text, ':') : NULL;
        if (colon)
                *colon = '\0';
        return str_printf("%s %s%s%s", action->bad->unit, text, colon ? ": " : "", colon ? action->reason : "");
}

/* --- The answer --- */

static json_object *result_to_json(const Action *action) {
        const Aftermath *after = &action->after;
        const char *word = unit_state_word(after->load_state, after->active_state, after->sub_state, after->socket_state);
        double took = (double) (now_usec() - action->begun) / (double) USEC_PER_MSEC;
        json_object *json = json_object_new_object();

        if (json && json_add(json, "id", json_string(action->id)) &&
            json_add(json, "unit", json_string(action->unit)) &&
            json_add(json, "action", json_string(verb_to_string(action->verb))) &&
            json_add(json, "job", json_string(action->bad ? action->bad->result : "done")) &&
            json_add(json, "status", json_string(word)) &&
            json_add(json, "unitState", json_string(after->active_state)) &&
            json_add(json, "unitResult", json_string(action->bad ? action->reason_result : NULL)) &&
            json_add(json, "pid", json_number(after->pid)) &&
            json_add(json, "generation", json_number(after->host.known ? after->host.generation : 0)) &&
            json_add(json, "took", json_rounded(took)))
                return json;
        json_object_put(json);
        return NULL;
}

static json_object *new_answer(const Action *action, const char *code) {
        _cleanup_(freep) char *why = NULL;
        json_object *json;

        if (action->bad) {
                why = describe(action);
                return why ? json_error(action->task.control, code, why) : NULL;
        }
        json = json_object_new_object();
        if (json && json_add(json, "ok", json_object_new_boolean(true)))
                return json;
        json_object_put(json);
        return NULL;
}

static void reply(Action *action) {
        Kind kind = action->bad ? kind_of(action->bad) : (Kind) { .status = 200 };
        json_object *json = new_answer(action, kind.code);

        if (json && !json_add(json, "result", result_to_json(action))) {
                json_object_put(json);
                json = NULL;
        }
        task_reply(&action->task, kind.status, json);
}

void action_reply_queued(Action *action) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *result = json_object_new_object();

        if (!json || !result || !json_add(json, "ok", json_object_new_boolean(true)) ||
            !json_add(json, "result", json_object_get(result)) || !json_add(result, "id", json_string(action->id)) ||
            !json_add(result, "unit", json_string(action->unit)) ||
            !json_add(result, "action", json_string(verb_to_string(action->verb))) ||
            !json_add(result, "job", json_string("queued")) ||
            !json_add(result, "hint", json_object_new_string("this answer came before the act, which ends"
                                                             " whoever carries it; GET /api/v1/system/processes shows"
                                                             " what became of it")))
                json_object_put(TAKE_PTR(json));
        json_object_put(result);
        task_reply(&action->task, 202, TAKE_PTR(json));
}

/* --- What the answer needs --- */

static void reply_when_known(Action *action) {
        if (action->after_known && !action->failure)
                reply(action);
}

static void on_aftermath(BusBatch *batch, int error, void *userdata) {
        Action *action = userdata;

        action->after_known = true; /* what could not be had is null in the answer */
        reply_when_known(action);
}

static void on_failure(int error, const char *reason, const char *result, void *userdata) {
        Action *action = userdata;

        if (error >= 0) {
                action->reason = strdup(reason);
                action->reason_result = strdup(result);
        }
        action->failure = unit_failure_free(action->failure); /* the sentence was its own */
        reply_when_known(action);
}

static int ask_why(Action *action, const char *unit) {
        return unit_failure_ask(action->task.control->bus, unit, on_failure, action, &action->failure);
}

/* A socket that a stranger's process keeps from listening has no better reason than that process. */
static int find_why(Action *action) {
        const char *unit = action->bad->unit;
        bool of_socket = action->socket && streq(unit, action->socket);

        if (!unit_says_why(action->bad) || action->verb == VERB_RELOAD)
                return 0;
        if (of_socket)
                action->reason = port_owner_describe(action->port);
        else if (action->bad->reason) {
                action->reason = strdup(action->bad->reason);
                action->reason_result = action->bad->reason_result ? strdup(action->bad->reason_result) : NULL;
        }
        return action->reason ? 0 : ask_why(action, unit);
}

static int ask_aftermath(Action *action) {
        _cleanup_(freep) char *path = bus_unit_path(action->unit), *socket_path = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&action->batch, path, unit_properties, ELEMENTSOF(unit_properties), &action->after);
        if (r >= 0 && action->socket) {
                socket_path = bus_unit_path(action->socket);
                if (!socket_path)
                        return -ENOMEM;
                r = bus_batch_unit_properties(&action->batch, socket_path, socket_properties,
                                              ELEMENTSOF(socket_properties), &action->after);
        }
        if (r >= 0 && action->verb != VERB_STOP)
                r = host_status_ask(&action->batch, action->id, &action->after.host);
        return r;
}

void action_finish(Action *action) {
        int r;

        action->batch = (BusBatch) { .bus = action->task.control->bus, .finished = on_aftermath, .userdata = action };
        r = ask_aftermath(action);
        if (r >= 0 && action->bad)
                r = find_why(action);
        if (r < 0)
                task_fail(&action->task, r);
}
