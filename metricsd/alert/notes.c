/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"
#include "shared/log.h"
#include "shared/strv.h"

/* "training service.health is 0.5 (rule R, critical)". NULL without memory. */
static char *describe(const Alert *alert, const char *rule) {
        if (alert->group)
                return str_printf("%zu services at once are not healthy (rule %s, %s)", strv_length(alert->group), rule,
                                  alert_severity_to_string(alert->severity));
        return str_printf("%s%s%s is %g (rule %s, %s)", alert->service ? alert->service : "", alert->service ? " " : "",
                          alert_metric_to_string(alert->metric), alert->value, rule,
                          alert_severity_to_string(alert->severity));
}

static void say(AlertEngine *engine, int priority, const char *event, const char *rule, const AlertNote *note) {
        _cleanup_(freep) char *event_field = str_printf("TOOLOO_EVENT=%s", event);
        _cleanup_(freep) char *id = str_printf("TOOLOO_ALERT=%s", note->alert->id);
        _cleanup_(freep) char *rule_field = str_printf("TOOLOO_RULE=%s", rule);
        const char *fields[] = { event_field, id, rule_field, NULL };

        /* Without memory the fields end early, and the line is still said. */
        log_fields(priority, fields, "%s", note->text);
        if (engine->hooks->noted)
                engine->hooks->noted(note, engine->userdata);
}

void note_alert(AlertEngine *engine, const Alert *alert, const char *cause, const char *what) {
        const char *rule = alert->rule ? alert->rule : "none";
        _cleanup_(freep) char *about = describe(alert, rule), *text = str_printf("%s: %s", strna(about), what);
        bool begun = streq(cause, "begun");

        say(engine, begun ? LOG_WARNING : LOG_INFO, begun ? "alert" : "alert-resolved", rule, &(AlertNote) {
                .kind = EVENT_ALERT, .cause = cause, .alert = alert, .text = text ? text : what });
}

void note_deed(AlertEngine *engine, const Alert *alert, const AlertDeed *deed, const char *cause, const char *reason,
               const char *what) {
        static const struct {
                const char *cause, *event;
                int priority;
        } causes[] = {
                { "begun", "remediation", LOG_NOTICE },
                { "done", "remediation-done", LOG_NOTICE },
                { "failed", "remediation-failed", LOG_ERR },
                { "refused", "remediation-refused", LOG_WARNING },
        };
        _cleanup_(freep) char *about = describe(alert, deed->rule), *text = str_printf("%s: %s", strna(about), what);
        size_t i = 0;

        while (i + 1 < ELEMENTSOF(causes) && !streq(causes[i].cause, cause))
                i++;
        say(engine, causes[i].priority, causes[i].event, deed->rule, &(AlertNote) {
                .kind = EVENT_REMEDIATION, .cause = cause, .alert = alert, .deed = deed, .reason = reason,
                .text = text ? text : what });
}
