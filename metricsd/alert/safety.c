/* SPDX-License-Identifier: MIT */
#include "safety.h"

#include "basic/string-util.h"
#include "basic/time-util.h"

static const char *const verdicts[_SAFETY_MAX] = {
        [SAFETY_NO_SERVICE] = "no-service",
        [SAFETY_UNKNOWN_SERVICE] = "unknown-service",
        [SAFETY_SELF] = "self",
        [SAFETY_STOPPED] = "stopped",
        [SAFETY_ASLEEP] = "asleep",
        [SAFETY_CHANGING] = "changing",
        [SAFETY_CRASHED] = "crashed",
        [SAFETY_FAILED] = "failed",
        [SAFETY_NEEDS_A_PERSON] = "needs-a-person",
        [SAFETY_FLEET_UNHEALTHY] = "fleet-unhealthy",
        [SAFETY_BUSY] = "busy",
        [SAFETY_SILENCED] = "silenced",
        [SAFETY_SUPPRESSED] = "suppressed",
        [SAFETY_COOLDOWN] = "cooldown",
        [SAFETY_SWITCHED_OFF] = "switched-off",
        [SAFETY_DRY_RUN] = "dry-run",
};

const char *safety_verdict_to_string(int verdict) {
        return verdicts[verdict];
}

SafetyVerdict safety_verdict_from_string(const char *word) {
        int verdict = SAFETY_OK + 1;

        while (verdict < _SAFETY_MAX && !streq(verdicts[verdict], word))
                verdict++;
        return verdict < _SAFETY_MAX ? (SafetyVerdict) verdict : SAFETY_OK;
}

bool alert_safety_distrust(unsigned unhealthy, unsigned total, bool was) {
        unsigned percent = was ? SAFETY_WELL_PERCENT : SAFETY_UNHEALTHY_PERCENT;

        return unhealthy >= SAFETY_UNHEALTHY_MIN && unhealthy * 100 > total * percent;
}

static int refuse(SafetyVerdict verdict, SafetyVerdict *ret, char *reason, char **ret_reason) {
        if (!reason)
                return -ENOMEM;
        *ret = verdict;
        *ret_reason = reason;
        return 0;
}

static int judge_condition(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        switch (s->condition) {
        case FLEET_STOPPED:
                return refuse(SAFETY_STOPPED, ret,
                              str_printf("%s was stopped on purpose; 'toolooctl start %s' starts it", s->service,
                                         s->service), ret_reason);
        case FLEET_ASLEEP:
                return refuse(SAFETY_ASLEEP, ret,
                              str_printf("%s has not run yet; its first connection starts it", s->service), ret_reason);
        case FLEET_CHANGING:
                return refuse(SAFETY_CHANGING, ret,
                              str_printf("systemd is starting, stopping or restarting %s already", s->service),
                              ret_reason);
        case FLEET_FAILED:
                return refuse(SAFETY_FAILED, ret,
                              str_printf("systemd has given %s up%s%s: it needs a person, and 'toolooctl restart %s' "
                                         "after that",
                                         s->service, *s->failure ? ", for " : "", s->failure, s->service), ret_reason);
        case FLEET_RUNNING:
        default:
                *ret = SAFETY_OK;
                return 0;
        }
}

/* switch-provider is about no service. */
static bool is_on_a_service(AlertActionType action) {
        return action == ACTION_RESTART_SERVICE || action == ACTION_RELOAD_SERVICE || action == ACTION_SCALE_UP;
}

static int judge_crash(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        char ago[TIMESPAN_MAX];

        if (s->by_hand || s->restarted >= SAFETY_CRASH_WINDOW)
                return 0;
        return refuse(SAFETY_CRASHED, ret,
                      str_printf("systemd has restarted %s %s ago: what crashes is systemd's to see to", s->service,
                                 format_timespan(ago, s->restarted)), ret_reason);
}

static int judge_service(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        int r;

        if (!s->service)
                return refuse(SAFETY_NO_SERVICE, ret,
                              strdup("no service to act on: neither the rule nor the request names one"), ret_reason);
        if (!s->known)
                return refuse(SAFETY_UNKNOWN_SERVICE, ret, str_printf("there is no service %s", s->service),
                              ret_reason);
        if (s->is_self)
                return refuse(SAFETY_SELF, ret,
                              str_printf("%s cannot see to a restart of itself", s->service), ret_reason);
        r = judge_condition(s, ret, ret_reason);
        return r < 0 || *ret != SAFETY_OK ? r : judge_crash(s, ret, ret_reason);
}

static int judge_fleet(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        if (s->by_hand || !s->distrust)
                return 0;
        return refuse(SAFETY_FLEET_UNHEALTHY, ret,
                      str_printf("%u of %u services are not healthy: the cause is likely to be one for all, which no "
                                 "action on %s mends",
                                 s->unhealthy, s->total, s->service), ret_reason);
}

static int judge_recent(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        if (s->recent < SAFETY_ACTIONS_MAX)
                return 0;
        return refuse(SAFETY_NEEDS_A_PERSON, ret,
                      str_printf("%u actions on %s in 30 min did not settle it: it needs a person (no further action "
                                 "before %s)",
                                 s->recent, s->service ? s->service : "the providers", s->recent_ends), ret_reason);
}

static int judge_busy(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        if (!s->in_flight)
                return 0;
        return refuse(SAFETY_BUSY, ret,
                      str_printf("an action on %s is still under way, and there is only one at a time", s->in_flight),
                      ret_reason);
}

int alert_safety_judge(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        static const struct {
                int (*judge)(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason);
                bool on_a_service;
        } steps[] = { { judge_service, true }, { judge_recent, false }, { judge_fleet, true }, { judge_busy, false } };
        SafetyVerdict verdict = SAFETY_OK;
        char *reason = NULL;

        for (size_t i = 0; i < ELEMENTSOF(steps) && verdict == SAFETY_OK; i++) {
                int r = steps[i].on_a_service && !is_on_a_service(s->action) ? 0 : steps[i].judge(s, &verdict, &reason);

                if (r < 0)
                        return r;
        }
        *ret = verdict;
        *ret_reason = reason;
        return 0;
}
