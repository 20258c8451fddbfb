/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "engine-internal.h"
#include "foundation/json-util.h"
#include "shared/log.h"

/* --- What there is --- */

static bool is_change(const Flight *f) {
        return f->deed->action != ACTION_NOTIFY;
}

const Flight *flight_change(const AlertEngine *engine) {
        const Flight *f = engine->flights;

        while (f && !is_change(f))
                f = f->next;
        return f;
}

unsigned flight_count_notices(const AlertEngine *engine) {
        unsigned n = 0;

        for (const Flight *f = engine->flights; f; f = f->next)
                n += !is_change(f);
        return n;
}

const char *alert_engine_in_flight(const AlertEngine *engine) {
        const Flight *f = flight_change(engine);

        return !f ? NULL : f->service ? f->service : ALERT_FLEET;
}

/* --- Whether it has helped --- */

void flight_helped(AlertEngine *engine, Alert *alert, bool helped) {
        _cleanup_(freep) char *what = NULL;

        alert->verify_until = 0;
        alert->helped = helped ? HELPED_YES : HELPED_NO;
        if (helped && !alert->by_hand && alert->tried)
                alert_book_note_helped(engine->book, alert->tried, alert_key(alert));
        engine_changed(engine, alert);
        if (helped || !alert->deed.succeeded)
                return;
        what = str_printf("the %s is done, and has not helped: the condition still holds",
                          alert_action_noun(alert->deed.action));
        note_deed(engine, alert, &alert->deed, "failed", "it has not helped", what ? what : "it has not helped");
}

bool flight_is_settling(const AlertEngine *engine, const char *service, AlertTime now) {
        const Flight *f = flight_change(engine);
        const Alert *alert;

        if (f && f->service && streq(f->service, service))
                return true;
        TAILQ_FOREACH(alert, &engine->active, entries)
                if (alert->verify_until > now.monotonic && alert->service && streq(alert->service, service))
                        return true;
        return false;
}

/* --- End --- */

static Flight *take(AlertEngine *engine, Flight *f) {
        Flight **p = &engine->flights;

        while (*p != f)
                p = &(*p)->next;
        *p = f->next;
        f->alert->flights--;
        return f;
}

static void land_change(AlertEngine *engine, const Flight *f, const char *problem, AlertTime now) {
        Alert *alert = f->alert;

        if (problem || (alert->resolved_at > 0 && !alert->folded_into) || alert->by_hand)
                flight_helped(engine, alert, !problem);
        else if (alert->resolved_at == 0)
                alert->verify_until = now.monotonic + ALERT_VERIFY_USEC;
}

static void note_landing(AlertEngine *engine, const Flight *f, const char *problem, AlertTime now) {
        const char *noun = alert_action_noun(f->deed->action), *of = f->tells_end ? " of the end" : "";
        _cleanup_(freep) char *what = NULL;
        char took[TIMESPAN_MAX];

        (void) format_timespan(took, now.monotonic - f->begun);
        if (problem)
                what = str_printf("the %s%s failed after %s: %s", noun, of, took, problem);
        else if (f->job_over)
                what = str_printf("the %s is done, and %s is healthy after %s", noun, f->service, took);
        else
                what = str_printf("the %s%s is done after %s", noun, of, took);
        note_deed(engine, f->alert, f->deed, problem ? "failed" : "done", problem, what ? what : "the action is over");
}

static void land_deed(AlertEngine *engine, const Flight *f, const char *problem, AlertTime now) {
        f->deed->under_way = false;
        f->deed->succeeded = !problem;
        if (problem)
                (void) str_replace(&f->deed->problem, problem); /* the line in the journal says it too */
        engine->counts[f->deed->action][problem ? OUTCOME_FAILED : OUTCOME_DONE]++;
}

static void land(AlertEngine *engine, Flight *f, const char *problem, AlertTime now) {
        Flight *flight = take(engine, f);
        Alert *alert = flight->alert;
        bool last = alert->flights == 0; /* what tells that it is over does not count */

        alert->ends = now.monotonic + ALERT_TRIGGERED_USEC;
        if (!flight->tells_end)
                land_deed(engine, flight, problem, now);
        note_landing(engine, flight, problem, now);
        if (is_change(flight))
                land_change(engine, flight, problem, now);
        if (last && alert->by_hand && alert->resolved_at == 0 && alert_deed(alert)->succeeded)
                engine_resolve(engine, alert, now);
        if (flight->deed->tell_end)
                flight_tell_end(engine, alert, flight->deed, now);
        if (last)
                engine_answer(alert);
        engine_changed(engine, alert);
        free(flight->service);
        free(flight);
}

/* --- Begin --- */

static Flight *take_off(AlertEngine *engine, Alert *alert, AlertDeed *deed, AlertTime now) {
        Flight *f = calloc(1, sizeof(Flight));
        uint64_t limit = deed->action == ACTION_NOTIFY ? ALERT_NOTICE_USEC : engine->action_limit;

        if (!f)
                return NULL;
        f->service = alert->service ? strdup(alert->service) : NULL;
        if (alert->service && !f->service) {
                free(f);
                return NULL;
        }
        f->ticket = ++engine->last_ticket;
        f->alert = alert;
        f->deed = deed;
        f->begun = now.monotonic;
        f->until = now.monotonic + limit;
        f->next = engine->flights;
        engine->flights = f;
        alert->flights++;
        return f;
}

/* What the alert says now, and in `description` what the rule says of itself, for people who are told. NULL without
 * memory. */
static json_object *describe_alert(const AlertEngine *engine, const Flight *f) {
        const AlertRule *rule = alert_book_find_rule(engine->book, f->deed->rule);
        json_object *json = alert_to_json(f->alert);

        if (json && rule && *rule->description)
                (void) json_add(json, "description", json_object_new_string(rule->description));
        return json;
}

/* 1 when it is under way, 0 when it could not be begun. */
static int act(AlertEngine *engine, Flight *f, AlertTime now) {
        json_object *json = describe_alert(engine, f);
        AlertActionRequest request = {
                .type = f->deed->action,
                .service = f->service,
                .params = f->deed->params,
                .alert = json,
                .resolved = f->tells_end,
                .timeout = f->until - f->begun,
        };
        _cleanup_(freep) char *problem = NULL;
        int r;

        r = engine->hooks->act(f->ticket, &request, engine->userdata);
        json_object_put(json);
        if (r >= 0)
                return 1;
        problem = str_printf("it could not be begun: %s", strerror(-r));
        land(engine, f, problem ? problem : "it could not be begun", now);
        return 0;
}

static void note_begin(AlertEngine *engine, const Alert *alert, const AlertDeed *deed) {
        _cleanup_(freep) char *what = NULL;

        what = str_printf("%s%s%s begins", alert_action_noun(deed->action), alert->service ? " of " : "",
                          alert->service ? alert->service : "");
        note_deed(engine, alert, deed, "begun", NULL, what ? what : "the action begins");
}

static void mark_begun(AlertDeed *deed, const AlertRule *rule) {
        json_object_put(deed->params);
        deed->params = json_object_get(rule->params);
        deed->attempted = deed->under_way = true;
        deed->succeeded = false;
        deed->attempts++;
        deed->verdict = SAFETY_OK;
        free(deed->refused);
        free(deed->problem);
        deed->refused = deed->problem = NULL;
}

/* What is begun is stored before, so that neither a crash nor a new metricsd makes it undone. */
int flight_begin(AlertEngine *engine, Alert *alert, AlertDeed *deed, const AlertRule *rule, AlertTime now) {
        bool change = rule->action != ACTION_NOTIFY;
        Flight *f;

        if (change && alert->verify_until > 0)
                flight_helped(engine, alert, false);
        if (change && str_replace(&alert->tried, rule->id) < 0)
                return -ENOMEM;
        f = take_off(engine, alert, deed, now);
        if (!f)
                return -ENOMEM;
        mark_begun(deed, rule);
        if (change)
                alert->helped = HELPED_UNKNOWN;
        note_begin(engine, alert, deed);
        alert_book_log(engine->book, rule, alert_key(alert), change && !alert->by_hand, now);
        engine_changed(engine, alert);
        if (change)
                engine_flush(engine);
        return act(engine, f, now);
}

void flight_tell_end(AlertEngine *engine, Alert *alert, AlertDeed *notice, AlertTime now) {
        Flight *f;

        notice->tell_end = notice->under_way;
        if (notice->under_way)
                return;
        f = take_off(engine, alert, notice, now);
        if (!f) {
                log_error("The end of alert %s cannot be told: %s", alert->id, strerror(ENOMEM));
                return;
        }
        f->tells_end = true;
        (void) act(engine, f, now); /* a failure was noted */
}

/* --- What is heard of it --- */

/* scale-up, too: the instances that are there must have stayed well. */
static bool ends_with_health(const Flight *f) {
        return f->service && (f->deed->action == ACTION_RESTART_SERVICE || f->deed->action == ACTION_RELOAD_SERVICE ||
                              f->deed->action == ACTION_SCALE_UP);
}

void alert_engine_job_over(AlertEngine *engine, unsigned ticket, const char *problem, AlertTime now) {
        Flight *f = engine->flights;

        while (f && f->ticket != ticket)
                f = f->next;
        if (!f || f->job_over)
                return;
        if (problem || !ends_with_health(f)) {
                land(engine, f, problem, now);
                engine_flush(engine);
                return;
        }
        f->job_over = true;
        engine->hooks->check(f->service, engine->userdata);
}

void flight_verified(AlertEngine *engine, const char *service, AlertTime now) {
        Flight *f = engine->flights;

        /* Before the job is over it is the old process that is well. */
        while (f && !(f->job_over && streq(f->service, service)))
                f = f->next;
        if (f)
                land(engine, f, NULL, now);
}

static void end_late(AlertEngine *engine, Flight *f, AlertTime now) {
        char limit[TIMESPAN_MAX];
        _cleanup_(freep) char *problem = NULL;

        (void) format_timespan(limit, f->until - f->begun);
        problem = f->job_over ? str_printf("%s is not healthy within %s", f->service, limit)
                              : str_printf("it is not done within %s", limit);
        if (!f->job_over)
                engine->hooks->give_up(f->ticket, engine->userdata);
        land(engine, f, problem ? problem : "not within its time", now);
}

void flight_check_deadlines(AlertEngine *engine, AlertTime now) {
        Flight *f = engine->flights;
        Alert *alert;

        while (f) {
                Flight *next = f->next;

                /* What a landing begins stands at the head, before this one. */
                if (now.monotonic >= f->until)
                        end_late(engine, f, now);
                f = next;
        }
        TAILQ_FOREACH(alert, &engine->active, entries) {
                if (alert->verify_until > 0 && now.monotonic >= alert->verify_until)
                        flight_helped(engine, alert, false);
                if (alert->done && now.monotonic >= alert->done_until)
                        engine_answer(alert);
        }
}
