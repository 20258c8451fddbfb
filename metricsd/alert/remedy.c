/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "engine-internal.h"
#include "shared/log.h"

/* --- Which rule decides --- */

/* Its service is the rule's own, else the one at fault. */
static const char *target(const AlertRule *rule, const char *service) {
        return rule->service ? rule->service : service;
}

/* True when b beats a. */
static bool decides_before(const AlertRule *a, const AlertRule *b, const char *service) {
        bool has_a = target(a, service) != NULL, has_b = target(b, service) != NULL;

        if (has_a != has_b)
                return has_b;
        if (a->severity != b->severity)
                return b->severity > a->severity;
        return !a->service && b->service;
}

void verdict_add(Verdict *v, const AlertEngine *engine, const AlertRule *rule, const char *service, AlertTime now) {
        const AlertSilence *silence =
                alert_book_find_silence(engine->book, rule->id, target(rule, service), now.realtime);

        v->severity = MAX(v->severity, rule->severity);
        /* One that is not silenced beats all that are. */
        if (v->rule && !v->silence && silence)
                return;
        if (!v->rule || (v->silence && !silence) || decides_before(v->rule, rule, service)) {
                v->rule = rule;
                v->silence = silence;
        }
}

/* --- The decision --- */

static int judge_silence(const AlertSilence *silence, SafetyVerdict *ret, char **ret_reason) {
        char until[ISO8601_MAX];

        *ret_reason = str_printf("silenced until %s by %s: %s", format_iso8601(until, silence->until), silence->id,
                                 silence->reason);
        if (!*ret_reason)
                return -ENOMEM;
        *ret = SAFETY_SILENCED;
        return 0;
}

/* 1 when the rule has acted on the service within its cooldown. */
static int judge_cooldown(const AlertEngine *engine, const Alert *alert, const AlertRule *rule, AlertTime now,
                          SafetyVerdict *ret, char **ret_reason) {
        char end[ISO8601_MAX];
        uint64_t last, age;

        if (alert->by_hand || !alert_book_last(engine->book, rule->id, alert->service, &last))
                return 0;
        age = now.monotonic - last;
        if (age >= rule->cooldown)
                return 0;
        *ret_reason = str_printf("%s has acted on %s already, and does so again after %s at the earliest (cooldown)",
                                 rule->id, alert->service,
                                 format_iso8601(end, now.realtime + rule->cooldown - age));
        if (!*ret_reason)
                return -ENOMEM;
        *ret = SAFETY_COOLDOWN;
        return 1;
}

static int judge_safety(const AlertEngine *engine, const Alert *alert, AlertTime now, SafetyVerdict *ret,
                        char **ret_reason) {
        AlertSafety s = { .action = alert->action, .service = alert->service, .by_hand = alert->by_hand,
                          .in_flight = engine->flight.service };
        char ends[ISO8601_MAX];
        AlertFacts facts = {};
        uint64_t oldest;

        if (alert->service && engine->hooks->facts(alert->service, &facts, engine->userdata)) {
                s.known = true;
                s.is_self = facts.is_self;
                s.condition = facts.condition;
                s.failure = facts.failure ? facts.failure : "";
                s.recent = alert_book_count(engine->book, alert->service, SAFETY_WINDOW, now, &oldest);
                if (s.recent > 0)
                        s.recent_ends = format_iso8601(ends, now.realtime + SAFETY_WINDOW - (now.monotonic - oldest));
        }
        engine->hooks->fleet(&s.unhealthy, &s.total, engine->userdata);
        return alert_safety_judge(&s, ret, ret_reason);
}

static int judge(const AlertEngine *engine, const Alert *alert, const Verdict *v, AlertTime now, SafetyVerdict *ret,
                 char **ret_reason) {
        int r;

        if (v->silence)
                return judge_silence(v->silence, ret, ret_reason);
        r = judge_safety(engine, alert, now, ret, ret_reason);
        if (r < 0 || *ret != SAFETY_OK)
                return r;
        r = judge_cooldown(engine, alert, v->rule, now, ret, ret_reason);
        return r < 0 ? r : 0;
}

/* --- What is said of it --- */

/* One line for each decision. what is a whole sentence about the service. */
static void report(int priority, const char *event, const Alert *alert, const char *what) {
        _cleanup_(freep) char *event_field = str_printf("TOOLOO_EVENT=%s", event);
        _cleanup_(freep) char *id = str_printf("TOOLOO_ALERT=%s", alert->id);
        _cleanup_(freep) char *rule = str_printf("TOOLOO_RULE=%s", alert->rule);
        const char *fields[] = { event_field, id, rule, NULL };

        /* Without memory the fields end early, and the line is still said. */
        log_fields(priority, fields, "%s%s%s is %g (rule %s, %s): %s", alert->service ? alert->service : "",
                   alert->service ? " " : "", alert_metric_to_string(alert->metric), alert->value, alert->rule,
                   alert_severity_to_string(alert->severity), what);
}

static void report_refusal(AlertEngine *engine, const Alert *alert) {
        _cleanup_(freep) char *what = str_printf("%s is refused: %s", alert_action_verb(alert->action), alert->refused);

        engine->counts[alert->action][OUTCOME_REFUSED]++;
        report(LOG_WARNING, "remediation-refused", alert, what ? what : alert->refused);
}

/* --- The flight --- */

/* Takes over service. */
static void take_off(AlertEngine *engine, Alert *alert, char *service, AlertTime now) {
        engine->flight = (Flight) { .alert = alert, .service = service, .begun = now.monotonic };
        alert->attempted = alert->under_way = true;
        alert->succeeded = false;
        alert->attempts++;
        free(alert->refused);
        alert->refused = NULL;
        free(alert->problem);
        alert->problem = NULL;
}

static void land(AlertEngine *engine, const char *problem, AlertTime now) {
        Flight flight = engine->flight;
        Alert *alert = flight.alert;
        _cleanup_(freep) char *service = flight.service, *what = NULL;
        char took[TIMESPAN_MAX];

        engine->flight = (Flight) {};
        alert->under_way = false;
        alert->succeeded = !problem;
        alert->ends = now.monotonic + ALERT_TRIGGERED_USEC;
        if (problem)
                (void) str_replace_printf(&alert->problem, "%s", problem); /* the line below says it too */
        engine->counts[alert->action][problem ? OUTCOME_FAILED : OUTCOME_DONE]++;
        (void) format_timespan(took, now.monotonic - flight.begun);
        what = problem ? str_printf("the %s failed after %s: %s", alert_action_verb(alert->action), took, problem)
                       : str_printf("the %s is done, and %s is healthy after %s", alert_action_verb(alert->action),
                                    service, took);
        report(problem ? LOG_ERR : LOG_NOTICE, problem ? "remediation-failed" : "remediation-done", alert,
               what ? what : "the action is over");
        if (alert->by_hand && !problem && alert->resolved_at == 0)
                engine_resolve(engine, alert, now);
        if (flight.done)
                flight.done(alert_to_json(alert), flight.done_userdata);
        engine_changed(engine);
}

static int begin(AlertEngine *engine, Alert *alert, AlertTime now) {
        _cleanup_(freep) char *service = strdup(alert->service), *what = NULL;
        int r;

        what = str_printf("%s of %s begins", alert_action_verb(alert->action), alert->service);
        if (!service || !what)
                return -ENOMEM;
        report(LOG_NOTICE, "remediation", alert, what);
        alert_book_log(engine->book, alert->rule, service, now);
        take_off(engine, alert, TAKE_PTR(service), now);
        r = engine->hooks->act(alert->action, alert->service, engine->userdata);
        if (r < 0) {
                _cleanup_(freep) char *problem = str_printf("systemd could not be asked: %s", strerror(-r));

                land(engine, problem ? problem : "systemd could not be asked", now);
                return 0;
        }
        engine_changed(engine);
        return 1;
}

/* Copies what the verdict says into the alert. */
static int note_verdict(Alert *alert, const Verdict *v) {
        const char *service = target(v->rule, alert->service);

        alert->severity = v->severity;
        alert->action = v->rule->action;
        if (str_replace_printf(&alert->rule, "%s", v->rule->id) < 0)
                return -ENOMEM;
        if (!alert->service && service && str_replace_printf(&alert->service, "%s", service) < 0)
                return -ENOMEM;
        if (v->silence)
                return str_replace_printf(&alert->silence, "%s", v->silence->id);
        free(alert->silence);
        alert->silence = NULL;
        return 0;
}

int remedy_decide(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now) {
        _cleanup_(freep) char *reason = NULL;
        SafetyVerdict verdict = SAFETY_OK, before = alert->verdict;
        int r;

        if (alert->under_way)
                return 0;
        r = note_verdict(alert, v);
        if (r >= 0)
                r = judge(engine, alert, v, now, &verdict, &reason);
        if (r < 0)
                return r;
        /* That it rests after what it has done is no decision against it. */
        if (verdict == SAFETY_COOLDOWN && alert->attempted)
                return 0;
        alert->verdict = verdict;
        if (verdict == SAFETY_OK)
                return alert->dry_run ? 0 : begin(engine, alert, now);
        free(alert->refused);
        alert->refused = TAKE_PTR(reason);
        if (verdict != before && !alert->dry_run) {
                report_refusal(engine, alert);
                engine_changed(engine);
        }
        return 0;
}

void alert_engine_job_over(AlertEngine *engine, const char *problem, AlertTime now) {
        Flight *flight = &engine->flight;

        if (!flight->alert || flight->job_over)
                return;
        if (problem) {
                land(engine, problem, now);
                return;
        }
        flight->job_over = true;
        engine->hooks->check(flight->service, engine->userdata);
}

void remedy_verified(AlertEngine *engine, const char *service, AlertTime now) {
        /* Before the job is over it is the old process that is well. */
        if (engine->flight.job_over && streq(engine->flight.service, service))
                land(engine, NULL, now);
}

void remedy_check_deadline(AlertEngine *engine, AlertTime now) {
        Flight *flight = &engine->flight;
        char limit[TIMESPAN_MAX];
        _cleanup_(freep) char *problem = NULL;

        if (!flight->alert || now.monotonic - flight->begun < ALERT_ACTION_USEC)
                return;
        (void) format_timespan(limit, ALERT_ACTION_USEC);
        problem = flight->job_over ? str_printf("%s is not healthy within %s", flight->service, limit)
                                   : str_printf("systemd is not done with it within %s", limit);
        if (!flight->job_over)
                engine->hooks->give_up(engine->userdata);
        land(engine, problem ? problem : "not within its time", now);
}
