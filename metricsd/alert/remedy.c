/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "engine-internal.h"
#include "shared/strv.h"

/* --- Which rule decides --- */

/* Its service is the rule's own, else the one at fault. */
static const char *target(const AlertRule *rule, const char *service) {
        return rule->service ? rule->service : service;
}

/* True when b beats a. */
static bool decides_before(const AlertRule *a, const AlertRule *b, const char *service) {
        bool change_a = a->action != ACTION_NOTIFY, change_b = b->action != ACTION_NOTIFY;
        bool has_a = target(a, service) != NULL, has_b = target(b, service) != NULL;

        if (change_a != change_b)
                return change_b;
        if (a->dry_run != b->dry_run)
                return a->dry_run;
        if (has_a != has_b)
                return has_b;
        if (a->severity != b->severity)
                return b->severity > a->severity;
        return !a->service && b->service;
}

static void add_notice(Verdict *v, const AlertRule *rule) {
        for (size_t i = 0; i < v->n_notices; i++)
                if (v->notices[i] == rule)
                        return;
        v->notices[v->n_notices++] = rule;
}

void verdict_add(Verdict *v, const AlertEngine *engine, const AlertRule *rule, const char *service, AlertTime now) {
        const AlertSilence *silence =
                alert_book_find_silence(engine->book, rule->id, target(rule, service), now.realtime);

        if (rule->action == ACTION_NOTIFY)
                add_notice(v, rule);
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

const char *alert_key(const Alert *alert) {
        return alert->service ? alert->service : ALERT_FLEET;
}

static int refuse(SafetyVerdict verdict, SafetyVerdict *ret, char *reason, char **ret_reason) {
        if (!reason)
                return -ENOMEM;
        *ret = verdict;
        *ret_reason = reason;
        return 0;
}

int judge_silence(const AlertSilence *silence, SafetyVerdict *ret, char **ret_reason) {
        char until[ISO8601_MAX];

        return refuse(SAFETY_SILENCED, ret,
                      str_printf("silenced until %s by %s: %s", format_iso8601(until, silence->until), silence->id,
                                 silence->reason), ret_reason);
}

int judge_suppression(const Alert *alert, SafetyVerdict *ret, char **ret_reason) {
        if (!alert->suppressed_by)
                return 0;
        return refuse(SAFETY_SUPPRESSED, ret,
                      str_printf("%s needs %s, which %s", alert->service, alert->suppressed_by,
                                 alert->well_since > 0 ? "has just become well again" : "is not well itself"),
                      ret_reason);
}

/* Since the rule has last acted on the service. */
int judge_cooldown(const AlertEngine *engine, const Alert *alert, const AlertRule *rule, AlertTime now,
                   SafetyVerdict *ret, char **ret_reason) {
        char end[ISO8601_MAX];
        uint64_t last, age;

        if (alert->by_hand || !alert_book_last(engine->book, rule, alert_key(alert), &last))
                return 0;
        age = now.monotonic - last;
        if (age >= rule->cooldown)
                return 0;
        return refuse(SAFETY_COOLDOWN, ret,
                      str_printf("%s has acted on %s already, and does so again after %s at the earliest (cooldown)",
                                 rule->id, alert_key(alert),
                                 format_iso8601(end, now.realtime + rule->cooldown - age)), ret_reason);
}

int judge_dry_run(const AlertRule *rule, SafetyVerdict *ret, char **ret_reason) {
        if (!rule->dry_run)
                return 0;
        return refuse(SAFETY_DRY_RUN, ret,
                      str_printf("it would begin now, but %s is a dry run", rule->id), ret_reason);
}

static int judge_efficacy(const AlertEngine *engine, const Alert *alert, const AlertRule *rule, SafetyVerdict *ret,
                          char **ret_reason) {
        const AlertEfficacy *e = alert_book_efficacy(engine->book, rule->id, alert_key(alert));

        if (alert->by_hand || !e || !alert_efficacy_is_off(e))
                return 0;
        return refuse(SAFETY_SWITCHED_OFF, ret,
                      str_printf("switched itself off: helped %u of %u times; put the rule again to switch it on",
                                 e->helped, e->tries), ret_reason);
}

static int judge_safety(AlertEngine *engine, const Alert *alert, const AlertRule *rule, AlertTime now,
                        SafetyVerdict *ret, char **ret_reason) {
        AlertSafety s = { .action = rule->action, .service = alert->service, .by_hand = alert->by_hand,
                          .in_flight = alert_engine_in_flight(engine), .restarted = UINT64_MAX };
        char ends[ISO8601_MAX];
        AlertFacts facts = {};
        uint64_t oldest;

        if (alert->service && engine->hooks->facts(alert->service, &facts, engine->userdata)) {
                s.known = true;
                s.is_self = facts.is_self;
                s.condition = facts.condition;
                s.failure = facts.failure ? facts.failure : "";
                if (facts.restarted_at > 0)
                        s.restarted = now.monotonic - MIN(facts.restarted_at, now.monotonic);
        }
        s.recent = alert_book_count(engine->book, alert_key(alert), SAFETY_WINDOW, now, &oldest);
        if (s.recent > 0)
                s.recent_ends = format_iso8601(ends, now.realtime + SAFETY_WINDOW - (now.monotonic - oldest));
        s.distrust = group_distrust(engine, now);
        s.unhealthy = engine->unhealthy;
        s.total = engine->total;
        return alert_safety_judge(&s, ret, ret_reason);
}

static int judge(AlertEngine *engine, const Alert *alert, const Verdict *v, AlertTime now, SafetyVerdict *ret,
                 char **ret_reason) {
        int r = 0;

        if (v->silence)
                r = judge_silence(v->silence, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_suppression(alert, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_efficacy(engine, alert, v->rule, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_safety(engine, alert, v->rule, now, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_cooldown(engine, alert, v->rule, now, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_dry_run(v->rule, ret, ret_reason);
        return r;
}

static void report_refusal(AlertEngine *engine, const Alert *alert, const AlertDeed *deed) {
        _cleanup_(freep) char *what = str_printf("%s is refused: %s", alert_action_noun(deed->action), deed->refused);

        /* What a dry run does not do nobody was kept from doing. */
        if (deed->verdict != SAFETY_DRY_RUN)
                engine->counts[deed->action][OUTCOME_REFUSED]++;
        note_deed(engine, alert, deed, "refused", deed->refused, what ? what : deed->refused);
}

void remedy_refuse(AlertEngine *engine, Alert *alert, AlertDeed *deed, SafetyVerdict verdict, char *reason) {
        bool same = deed->verdict == verdict;

        /* That it rests after what it has done is no decision against it. */
        if (verdict == SAFETY_COOLDOWN && deed->attempted) {
                free(reason);
                return;
        }
        deed->verdict = verdict;
        free(deed->refused);
        deed->refused = reason;
        if (same || alert->passing)
                return;
        report_refusal(engine, alert, deed);
        engine_changed(engine, alert);
}

/* --- What is needed --- */

/* Can a service that is not there make it so with those that need it? */
static bool depends_on_others(AlertMetric metric) {
        return metric != METRIC_MEMORY && metric != METRIC_CPU && metric != METRIC_RELOAD_FAILED &&
               metric != METRIC_BUDGET_PERCENT;
}

static uint64_t longest_hold(const Verdict *v) {
        uint64_t hold = v->rule->hold;

        for (size_t i = 0; i < v->n_notices; i++)
                hold = MAX(hold, v->notices[i]->hold);
        return hold;
}

/* After a dependency has become well again those that need it get as long as the rule says to become so, too. */
static int follow_dependency(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now) {
        const char *id;

        if (alert->by_hand || !alert->service || !engine->hooks->dependency || !depends_on_others(alert->metric))
                return 0;
        if (engine->hooks->dependency(alert->service, &id, engine->userdata)) {
                alert->well_since = 0;
                if (alert->suppressed_by && streq(alert->suppressed_by, id))
                        return 0;
                engine_changed(engine, alert);
                return str_replace(&alert->suppressed_by, id);
        }
        if (!alert->suppressed_by)
                return 0;
        if (alert->well_since == 0)
                alert->well_since = now.monotonic;
        if (now.monotonic - alert->well_since < longest_hold(v))
                return 0;
        free(TAKE_PTR(alert->suppressed_by));
        alert->well_since = 0;
        engine_changed(engine, alert);
        return 0;
}

/* --- All of it --- */

/* Copies what the verdict says into the alert. */
static int note_verdict(AlertEngine *engine, Alert *alert, const Verdict *v) {
        const char *service = alert->group ? NULL : target(v->rule, alert->service);
        bool silenced = v->silence && !(alert->silence && streq(alert->silence, v->silence->id));

        if (alert->severity != v->severity || alert->action != v->rule->action || silenced ||
            !(alert->rule && streq(alert->rule, v->rule->id)) || (alert->silence && !v->silence))
                engine_changed(engine, alert);
        alert->severity = v->severity;
        alert->action = v->rule->action;
        if (str_replace(&alert->rule, v->rule->id) < 0 ||
            (!alert->service && service && str_replace(&alert->service, service) < 0) ||
            (silenced && str_replace(&alert->silence, v->silence->id) < 0))
                return -ENOMEM;
        if (!v->silence)
                free(TAKE_PTR(alert->silence));
        return 0;
}

static void announce(AlertEngine *engine, Alert *alert) {
        if (alert->announced || alert->passing)
                return;
        alert->announced = true;
        note_alert(engine, alert, "begun", alert->by_hand ? "triggered by a person" : "the alert begins");
        engine_changed(engine, alert);
}

static int decide_change(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now) {
        AlertDeed *deed = &alert->deed;
        SafetyVerdict verdict = SAFETY_OK;
        char *reason = NULL;
        int r;

        if (deed->under_way)
                return 0;
        if (str_replace(&deed->rule, v->rule->id) < 0)
                return -ENOMEM;
        deed->action = v->rule->action;
        deed->dry_run = v->rule->dry_run;
        if (alert->group) {
                reason = str_printf("%u of %u services are not healthy: one cause for all is likely, or the check itself "
                                    "is at fault; no service is acted on for it", engine->unhealthy, engine->total);
                verdict = SAFETY_FLEET_UNHEALTHY;
                r = reason ? 0 : -ENOMEM;
        } else
                r = judge(engine, alert, v, now, &verdict, &reason);
        if (r < 0)
                return r;
        if (verdict != SAFETY_OK) {
                remedy_refuse(engine, alert, deed, verdict, reason);
                return 0;
        }
        return alert->passing ? 0 : flight_begin(engine, alert, deed, v->rule, now);
}

int remedy_decide(AlertEngine *engine, Alert *alert, const Verdict *v, AlertTime now) {
        int begun = 0, r;

        r = note_verdict(engine, alert, v);
        if (r >= 0)
                r = follow_dependency(engine, alert, v, now);
        if (r < 0)
                return r;
        announce(engine, alert);
        if (v->rule->action != ACTION_NOTIFY)
                begun = decide_change(engine, alert, v, now);
        for (size_t i = 0; i < v->n_notices && begun >= 0; i++) {
                r = notice_decide(engine, alert, v->notices[i], now);
                begun = r < 0 ? r : begun + r;
        }
        return begun;
}
