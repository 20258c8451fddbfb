/* SPDX-License-Identifier: MIT */
#include "safety.h"

#include "basic/string-util.h"

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

static int judge_service(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        if (s->action != ACTION_RESTART_SERVICE && s->action != ACTION_RELOAD_SERVICE)
                return refuse(SAFETY_NOT_AVAILABLE, ret,
                              str_printf("%s is not available yet", alert_action_to_string(s->action)), ret_reason);
        if (!s->service)
                return refuse(SAFETY_NO_SERVICE, ret,
                              strdup("no service to act on: neither the rule nor the request names one"), ret_reason);
        if (!s->known)
                return refuse(SAFETY_UNKNOWN_SERVICE, ret, str_printf("there is no service %s", s->service),
                              ret_reason);
        if (s->is_self)
                return refuse(SAFETY_SELF, ret,
                              str_printf("%s cannot see to a restart of itself", s->service), ret_reason);
        return judge_condition(s, ret, ret_reason);
}

int alert_safety_judge(const AlertSafety *s, SafetyVerdict *ret, char **ret_reason) {
        SafetyVerdict verdict;
        int r;

        r = judge_service(s, &verdict, ret_reason);
        if (r < 0)
                return r;
        if (verdict != SAFETY_OK) {
                *ret = verdict;
                return 0;
        }
        if (s->recent >= SAFETY_ACTIONS_MAX)
                return refuse(SAFETY_NEEDS_A_PERSON, ret,
                              str_printf("%u actions on %s in 30 min did not settle it: it needs a person (no further "
                                         "action before %s)",
                                         s->recent, s->service, s->recent_ends), ret_reason);
        if (!s->by_hand && s->unhealthy * 100 > s->total * SAFETY_UNHEALTHY_PERCENT)
                return refuse(SAFETY_FLEET_UNHEALTHY, ret,
                              str_printf("%u of %u services are not healthy: the cause is likely to be one for all, "
                                         "which no restart of %s mends",
                                         s->unhealthy, s->total, s->service), ret_reason);
        if (s->in_flight)
                return refuse(SAFETY_BUSY, ret,
                              str_printf("an action on %s is still under way, and there is only one at a time",
                                         s->in_flight), ret_reason);
        *ret = SAFETY_OK;
        *ret_reason = NULL;
        return 0;
}
