/* SPDX-License-Identifier: MIT */
#include "notice-message.h"

#include <inttypes.h>
#include <math.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"
#include "foundation/json-util.h"

/* "" for none. */
static const char *text_of(json_object *object, const char *name) {
        json_object *value;

        return json_object_object_get_ex(object, name, &value) && json_object_is_type(value, json_type_string)
                       ? json_object_get_string(value)
                       : "";
}

static json_object *list_of(json_object *object, const char *name) {
        json_object *value;

        return json_object_object_get_ex(object, name, &value) && json_object_is_type(value, json_type_array) ? value
                                                                                                             : NULL;
}

bool message_is_resolved(json_object *alert) {
        return streq(text_of(alert, "status"), "resolved");
}

/* --- In words --- */

static const char *unit_of(const char *metric) {
        static const struct {
                const char *metric, *unit;
        } units[] = {
                { "service.responseTime", " ms" }, { "service.memory", " bytes" }, { "service.cpu", " %" },
                { "provider.latency", " ms" },     { "budget.percent", " %" },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(units[i].metric, metric))
                        return units[i].unit;
        return "";
}

/* "training: ", "3 services: " or "". */
static char *about(json_object *alert) {
        json_object *group = list_of(alert, "group");
        const char *service = text_of(alert, "service");

        if (group && json_object_array_length(group) > 1)
                return str_printf("%zu services: ", json_object_array_length(group));
        return str_printf("%s%s", service, *service ? ": " : "");
}

char *message_summary(json_object *alert) {
        const char *metric = text_of(alert, "metric");
        _cleanup_(freep) char *whom = about(alert);
        json_object *value = NULL;

        if (!whom)
                return NULL;
        if (message_is_resolved(alert))
                return str_printf("%s%s is well again", whom, metric);
        if (!json_object_object_get_ex(alert, "value", &value))
                return str_printf("%s%s", whom, metric);
        return str_printf("%s%s is %.9g%s", whom, metric, json_object_get_double(value), unit_of(metric));
}

/* Appends one line to *text. Empty ones are left out. */
static int add_line(char **text, const char *before, const char *line, const char *after) {
        if (!*line)
                return 0;
        return str_replace_printf(text, "%s%s%s%s%s", *text ? *text : "", *text ? "\n" : "", before, line, after);
}

static int add_duration(char **text, json_object *alert) {
        char span[TIMESPAN_MAX];
        uint64_t begin, end;

        if (parse_iso8601(text_of(alert, "timestamp"), &begin) < 0 ||
            parse_iso8601(text_of(alert, "resolvedAt"), &end) < 0 || end < begin)
                return 0;
        return add_line(text, "It lasted ", format_timespan(span, end - begin), ".");
}

static int add_deed(char **text, json_object *alert) {
        const char *action = text_of(alert, "action"), *word = text_of(alert, "remediation");

        /* Of this message itself nothing can be said yet. */
        if (streq(action, "notify") || streq(word, "none"))
                return 0;
        if (*text_of(alert, "remediationRefused"))
                return add_line(text, "Nothing was done: ", text_of(alert, "remediationRefused"), "");
        if (add_line(text, action, *word ? ": " : "", word) < 0)
                return -ENOMEM;
        return add_line(text, "", text_of(alert, "remediationError"), "");
}

static int add_before(char **text, json_object *alert) {
        json_object *before;

        if (!json_object_object_get_ex(alert, "precededBy", &before) || !json_object_is_type(before, json_type_object))
                return 0;
        return add_line(text, "Shortly before: ", text_of(before, "text"), "");
}

static int add_journal(char **text, json_object *alert) {
        json_object *journal = list_of(alert, "journal");
        size_t n = journal ? json_object_array_length(journal) : 0;
        const char *line = n > 0 ? json_object_get_string(json_object_array_get_idx(journal, n - 1)) : NULL;

        return add_line(text, "", line ? line : "", "");
}

char *message_text(json_object *alert) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = add_line(&text, "", text_of(alert, "description"), "");
        if (r >= 0)
                r = add_line(&text, "Rule ", text_of(alert, "decidedBy"), "");
        if (r >= 0)
                r = add_duration(&text, alert);
        if (r >= 0)
                r = add_deed(&text, alert);
        if (r >= 0)
                r = add_before(&text, alert);
        if (r >= 0)
                r = add_journal(&text, alert);
        if (r < 0)
                return NULL;
        return text ? TAKE_PTR(text) : strdup("");
}

/* --- In JSON --- */

json_object *message_to_json(json_object *alert) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "type", json_object_new_string("alert")) ||
            !json_add(json, "status", json_object_new_string(text_of(alert, "status"))) ||
            !json_add(json, "alert", json_object_get(alert)))
                return NULL;
        return TAKE_PTR(json);
}

/* An empty label is none for Alertmanager. */
static bool add_label(json_object *labels, const char *name, const char *value) {
        return !*value || json_add(labels, name, json_object_new_string(value));
}

static json_object *labels_of(json_object *alert, const char *instance) {
        _cleanup_(json_object_putp) json_object *labels = json_object_new_object();

        if (!labels || !add_label(labels, "alertname", text_of(alert, "metric")) ||
            !add_label(labels, "instance", instance) || !add_label(labels, "severity", text_of(alert, "severity")) ||
            !add_label(labels, "service", text_of(alert, "service")))
                return NULL;
        return TAKE_PTR(labels);
}

static json_object *annotations_of(json_object *alert) {
        _cleanup_(json_object_putp) json_object *annotations = json_object_new_object();
        _cleanup_(freep) char *summary = message_summary(alert), *text = message_text(alert);

        if (!annotations || !summary || !text || !add_label(annotations, "summary", summary) ||
            !add_label(annotations, "description", text) ||
            !add_label(annotations, "rule", text_of(alert, "decidedBy")) ||
            !add_label(annotations, "alert_id", text_of(alert, "id")))
                return NULL;
        return TAKE_PTR(annotations);
}

json_object *message_to_alertmanager(json_object *alert, const char *instance, const char *generator_url) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *labels = labels_of(alert, instance), *annotations = annotations_of(alert);

        if (!json || !labels || !annotations) {
                json_object_put(labels);
                json_object_put(annotations);
                return NULL;
        }
        if (!json_add(json, "labels", labels)) {
                json_object_put(annotations);
                return NULL;
        }
        if (!json_add(json, "annotations", annotations) ||
            !json_add(json, "startsAt", json_object_new_string(text_of(alert, "timestamp"))) ||
            (message_is_resolved(alert) &&
             !json_add(json, "endsAt", json_object_new_string(text_of(alert, "resolvedAt")))) ||
            (generator_url && !json_add(json, "generatorURL", json_object_new_string(generator_url))))
                return NULL;
        return TAKE_PTR(json);
}
