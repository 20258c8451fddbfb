/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"

static AlertDeed *get_notice(Alert *alert, const AlertRule *rule) {
        AlertDeed **end;

        for (end = &alert->notices; *end; end = &(*end)->next)
                if (streq((*end)->rule, rule->id))
                        return *end;
        *end = calloc(1, sizeof(AlertDeed));
        if (!*end)
                return NULL;
        (*end)->action = ACTION_NOTIFY;
        (*end)->rule = strdup(rule->id);
        if (!(*end)->rule) {
                free(*end);
                *end = NULL;
        }
        return *end;
}

static int judge_room(const AlertEngine *engine, SafetyVerdict *ret, char **ret_reason) {
        if (flight_count_notices(engine) < ALERT_NOTICES_MAX)
                return 0;
        *ret_reason = str_printf("%d notices are under way, which is the most", ALERT_NOTICES_MAX);
        if (!*ret_reason)
                return -ENOMEM;
        *ret = SAFETY_BUSY;
        return 0;
}

/* What telling somebody is bound by: it changes nothing, so no limit on actions. */
static int judge(const AlertEngine *engine, const Alert *alert, const AlertRule *rule, AlertTime now,
                 SafetyVerdict *ret, char **ret_reason) {
        const AlertSilence *silence = alert_book_find_silence(
                engine->book, rule->id, alert->service ? alert->service : rule->service, now.realtime);
        int r = 0;

        if (silence)
                r = judge_silence(silence, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_suppression(alert, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_cooldown(engine, alert, rule, now, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_room(engine, ret, ret_reason);
        if (r >= 0 && *ret == SAFETY_OK)
                r = judge_dry_run(rule, ret, ret_reason);
        return r;
}

int notice_decide(AlertEngine *engine, Alert *alert, const AlertRule *rule, AlertTime now) {
        AlertDeed *notice = get_notice(alert, rule);
        SafetyVerdict verdict = SAFETY_OK;
        char *reason = NULL;
        int r;

        if (!notice)
                return -ENOMEM;
        if (notice->under_way)
                return 0;
        notice->dry_run = rule->dry_run;
        r = judge(engine, alert, rule, now, &verdict, &reason);
        if (r < 0)
                return r;
        if (verdict != SAFETY_OK) {
                remedy_refuse(engine, alert, notice, verdict, reason);
                return 0;
        }
        return alert->passing ? 0 : flight_begin(engine, alert, notice, rule, now);
}

void notice_resolved(AlertEngine *engine, Alert *alert, AlertTime now) {
        for (AlertDeed *notice = alert->notices; notice; notice = notice->next) {
                const AlertRule *rule = alert_book_find_rule(engine->book, notice->rule);

                if (!notice->attempted)
                        continue;
                if (alert_book_find_silence(engine->book, notice->rule, alert->service, now.realtime))
                        continue;
                /* Of an alert of the metricsd before only the rule knows to whom. */
                if (!notice->params && rule && rule->action == ACTION_NOTIFY)
                        notice->params = json_object_get(rule->params);
                else if (!notice->params && !rule)
                        continue;
                flight_tell_end(engine, alert, notice, now);
        }
}
