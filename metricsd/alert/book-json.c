/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "book-internal.h"
#include "foundation/json-util.h"

/* Raised when an older metricsd could no longer read the document. */
#define FORMAT_VERSION 1

static bool add_to_array(json_object *array, json_object *value) {
        if (value && json_object_array_add(array, value) >= 0)
                return true;
        json_object_put(value);
        return false;
}

static json_object *rules_to_json(const AlertBook *book) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < book->n_rules; i++)
                if (!add_to_array(array, alert_rule_to_json(book->rules[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *silences_to_json(const AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < book->n_silences; i++)
                if (book->silences[i]->until > now.realtime &&
                    !add_to_array(array, alert_silence_to_json(book->silences[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *entry_to_json(const AlertLogEntry *entry, AlertTime now) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        char at[ISO8601_MAX];

        (void) format_iso8601(at, now.realtime - MIN(now.monotonic - entry->at, now.realtime));
        if (!json || !json_add(json, "service", json_object_new_string(entry->service)) ||
            !json_add(json, "rule", json_object_new_string(entry->rule)) ||
            !json_add(json, "at", json_object_new_string(at)))
                return NULL;
        return TAKE_PTR(json);
}

static json_object *log_to_json(const AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < book->n_log; i++)
                if (!add_to_array(array, entry_to_json(book->log + i, now)))
                        return NULL;
        return TAKE_PTR(array);
}

json_object *book_to_json(const AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        json_object *rules = rules_to_json(book), *silences = silences_to_json(book, now);
        json_object *log = log_to_json(book, now);
        bool ok = json && rules && silences && log;

        /* Each is taken over, whatever became of the one before. */
        ok = json && json_add(json, "version", json_object_new_int(FORMAT_VERSION)) && ok;
        ok = json && json_add(json, "rules", rules) && ok;
        ok = json && json_add(json, "silences", silences) && ok;
        ok = json && json_add(json, "lastSilence", json_object_new_uint64(book->last_silence)) && ok;
        ok = json && json_add(json, "actions", log) && ok;
        return ok ? TAKE_PTR(json) : NULL;
}

typedef int (*read_one_t)(AlertBook *book, json_object *json, AlertTime now, char **ret_problem);

static int read_array(AlertBook *book, json_object *document, const char *name, size_t max, read_one_t read_one,
                      AlertTime now, char **ret_problem) {
        json_object *array;

        if (!json_object_object_get_ex(document, name, &array) || !json_object_is_type(array, json_type_array))
                return field_problem(ret_problem, "%s: a list is expected", name);
        if (json_object_array_length(array) > max)
                return field_problem(ret_problem, "%s: holds more than %zu", name, max);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                int r = read_one(book, json_object_array_get_idx(array, i), now, ret_problem);

                if (r == -EINVAL && str_replace_printf(ret_problem, "%s[%zu]: %s", name, i, *ret_problem) < 0)
                        return -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_rule(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        int r;

        r = alert_rule_from_json(json, NULL, NULL, &rule, ret_problem);
        if (r < 0)
                return r;
        if (!rule->id)
                return field_missing("id", FIELD_ID_EXPECTED, ret_problem);
        if (alert_book_find_rule(book, rule->id))
                return field_problem(ret_problem, "id: a second \"%s\"", rule->id);
        r = book_append(&book->rules, &book->n_rules, sizeof(AlertRule *), &rule);
        if (r >= 0)
                rule = NULL;
        return r;
}

static int read_silence(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        _cleanup_(alert_silence_freep) AlertSilence *silence = NULL;
        int r;

        r = alert_silence_from_json(json, &silence, ret_problem);
        if (r < 0)
                return r;
        r = book_append(&book->silences, &book->n_silences, sizeof(AlertSilence *), &silence);
        if (r >= 0)
                silence = NULL;
        return r;
}

static int read_entry(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        const char *service = NULL, *rule = NULL, *text = NULL;
        _cleanup_(freep) char *s = NULL, *u = NULL;
        uint64_t at, age;
        int r;

        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "an object is expected");
        r = field_id(json, "service", &service, ret_problem);
        if (r >= 0)
                r = field_id(json, "rule", &rule, ret_problem);
        if (r >= 0)
                r = field_text(json, "at", ISO8601_MAX, &text, ret_problem);
        if (r < 0)
                return r;
        if (!service || !rule || !text || parse_iso8601(text, &at) < 0)
                return field_problem(ret_problem, "service, rule and at are expected");
        s = strdup(service);
        u = strdup(rule);
        if (!s || !u)
                return -ENOMEM;
        /* A clock that was set back makes it as young as can be, a machine that has just booted as old as itself. */
        age = now.realtime - MIN(at, now.realtime);
        r = book_append(&book->log, &book->n_log, sizeof(AlertLogEntry),
                        &(AlertLogEntry) { .service = s, .rule = u, .at = now.monotonic - MIN(age, now.monotonic) });
        if (r < 0)
                return r;
        s = u = NULL;
        return 0;
}

int book_from_json(AlertBook *book, json_object *document, AlertTime now, char **ret_problem) {
        json_object *version, *last;
        int r;

        if (!json_object_object_get_ex(document, "version", &version) ||
            !json_object_is_type(version, json_type_int) || json_object_get_int(version) != FORMAT_VERSION)
                return field_problem(ret_problem, "version: %d is expected", FORMAT_VERSION);
        r = read_array(book, document, "rules", BOOK_RULES_MAX, read_rule, now, ret_problem);
        if (r >= 0)
                r = read_array(book, document, "silences", BOOK_SILENCES_MAX, read_silence, now, ret_problem);
        if (r >= 0)
                r = read_array(book, document, "actions", BOOK_LOG_MAX, read_entry, now, ret_problem);
        if (r < 0)
                return r;
        if (json_object_object_get_ex(document, "lastSilence", &last))
                book->last_silence = json_object_get_uint64(last);
        book_log_trim(book, now);
        return 0;
}
