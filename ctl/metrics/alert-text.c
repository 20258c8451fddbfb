/* SPDX-License-Identifier: MIT */
#include "alert-text.h"

#include <stdio.h>

#include "answer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/terminal.h"
#include "figure.h"

/* "251.3M" of a field; "-" for none. */
static const char *figure_of(char buf[static FIGURE_TEXT_MAX], json_object *object, const char *name,
                             const char *metric) {
        double value;

        return answer_number(object, name, &value) ? figure_format(buf, value, figure_unit_of_metric(metric)) : "-";
}

static const char *or_dash(const char *s) {
        return s ? s : "-";
}

static json_object *find_rule(json_object *rules, const char *id) {
        for (size_t i = 0; id && i < answer_length(rules); i++) {
                json_object *rule = json_object_array_get_idx(rules, i);
                const char *other = answer_string(rule, "id");

                if (other && streq(other, id))
                        return rule;
        }
        return NULL;
}

char *alert_what(json_object *alert, json_object *rules) {
        json_object *rule = find_rule(rules, answer_string(alert, "decidedBy"));
        const char *metric = or_dash(answer_string(alert, "metric"));
        char value[FIGURE_TEXT_MAX], threshold[FIGURE_TEXT_MAX];

        if (!rule)
                return str_printf("%s %s", figure_short_name(metric), figure_of(value, alert, "value", metric));
        return str_printf("%s %s %s %s", figure_short_name(metric), figure_of(value, alert, "value", metric),
                          or_dash(answer_string(rule, "operator")), figure_of(threshold, rule, "threshold", metric));
}

/* Why nothing was tried. */
static char *undone(json_object *alert) {
        const char *would = answer_string(alert, "wouldDo"), *other = answer_string(alert, "suppressedBy");
        const char *refused = answer_string(alert, "remediationRefused"), *fleet = answer_string(alert, "foldedInto");

        if (would)
                return str_printf("nothing done: dry run of '%s'", would);
        if (refused)
                return str_printf("nothing done: %s", refused);
        if (other)
                return str_printf("nothing done: %s is down, which it needs", other);
        if (fleet)
                return str_printf("nothing done: part of alert %s", fleet);
        if (answer_flag(alert, "silenced"))
                return str_printf("nothing done: silenced by %s", or_dash(answer_string(alert, "silencedBy")));
        return strdup("nothing done");
}

static const char *helped(json_object *alert) {
        json_object *value;

        if (!json_object_object_get_ex(alert, "helped", &value) || !json_object_is_type(value, json_type_boolean))
                return "";
        return json_object_get_boolean(value) ? ", helped" : ", did not help";
}

/* What one deed has come to, the action on a service or a notice, which have the same words for it. */
static char *describe(const char *action, const char *word, double tries, const char *more, const char *problem) {
        char times[sizeof(", 4294967295 tries")] = "";

        if (tries > 1 && tries <= UINT32_MAX)
                (void) snprintf(times, sizeof(times), ", %.0f tries", tries);
        if (streq(word, "failed"))
                return str_printf("%s failed%s: %s", action, times, or_dash(problem));
        return str_printf("%s %s%s%s", action, streq(word, "under-way") ? "under way" : word, times, more);
}

static bool is_deed(const char *word) {
        return word && !streq(word, "none") && !streq(word, "refused");
}

static char *action_deed(json_object *alert, const char *action) {
        const char *word = answer_string(alert, "remediation");
        double tries = 0;

        if (!is_deed(word))
                return undone(alert);
        (void) answer_number(alert, "remediationAttempts", &tries);
        return describe(action, word, tries, helped(alert), answer_string(alert, "remediationError"));
}

/* Who was told, where that was not the action itself. */
static int append_notices(char **text, json_object *notices) {
        for (size_t i = 0; i < answer_length(notices); i++) {
                json_object *notice = json_object_array_get_idx(notices, i);
                _cleanup_(freep) char *deed = NULL;
                const char *word = answer_string(notice, "state");
                double tries = 0;

                if (!is_deed(word))
                        continue;
                (void) answer_number(notice, "attempts", &tries);
                deed = describe("notify", word, tries, "", answer_string(notice, "error"));
                if (!deed || str_replace_printf(text, "%s; %s", *text, deed) < 0)
                        return -ENOMEM;
        }
        return 0;
}

char *alert_deed(json_object *alert) {
        const char *action = answer_string(alert, "remediationAction");
        _cleanup_(freep) char *text = NULL;

        if (!action)
                action = or_dash(answer_string(alert, "action"));
        text = action_deed(alert, action);
        if (text && !streq(action, "notify") && append_notices(&text, answer_array(alert, "notices")) < 0)
                return NULL;
        return TAKE_PTR(text);
}

char *alert_before(json_object *alert) {
        json_object *before = answer_object(alert, "precededBy");
        const char *kind = answer_string(before, "kind"), *service = answer_string(before, "service");
        const char *own = answer_string(alert, "service");
        bool other = service && own && !streq(service, own);
        char span[TIMESPAN_MAX];
        double seconds;

        if (!kind || !answer_number(before, "secondsBefore", &seconds) || seconds < 0 || seconds > UINT32_MAX)
                return strdup("");
        return str_printf("%s%s%s %s before", kind, other ? " of " : "", other ? service : "",
                          format_timespan(span, (uint64_t) (seconds * (double) USEC_PER_SEC)));
}

char *alert_whom(json_object *alert) {
        const char *service = answer_string(alert, "service");
        size_t n = answer_length(answer_array(alert, "group"));

        return n > 1 ? str_printf("%zu services", n) : strdup(or_dash(service));
}

char *rule_condition(json_object *rule) {
        const char *metric = or_dash(answer_string(rule, "metric"));
        char threshold[FIGURE_TEXT_MAX];

        return str_printf("%s %s %s", figure_short_name(metric), or_dash(answer_string(rule, "operator")),
                          figure_of(threshold, rule, "threshold", metric));
}

char *rule_state(json_object *rule) {
        _cleanup_(freep) char *text = strdup(or_dash(answer_string(rule, "state")));
        json_object *efficacy = answer_array(rule, "efficacy");

        if (text && answer_flag(rule, "dryRun") && str_replace_printf(&text, "%s, dry run", text) < 0)
                return NULL;
        for (size_t i = 0; text && i < answer_length(efficacy); i++) {
                json_object *one = json_object_array_get_idx(efficacy, i);

                if (answer_flag(one, "off") &&
                    str_replace_printf(&text, "%s, off for %s", text, or_dash(answer_string(one, "service"))) < 0)
                        return NULL;
        }
        return TAKE_PTR(text);
}

const char *severity_color(const char *severity) {
        if (!severity)
                return NULL;
        return streq(severity, "critical") ? ANSI_RED : streq(severity, "warning") ? ANSI_YELLOW : NULL;
}
