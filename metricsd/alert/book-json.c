/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "book-internal.h"
#include "foundation/json-util.h"

/* Raised when an older metricsd could no longer read the document. */
#define FORMAT_VERSION 1

/* Of a document that does not say, for it was written before there was a fourth. */
#define DEFAULTS_AT_FIRST 3

#define TEXT_MAX ((size_t) 8 * 1024 * 1024)
#define DEPTH_MAX 32

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

static json_object *log_to_json(const AlertLog *log, AlertTime now) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < log->n; i++)
                if (!add_to_array(array, entry_to_json(log->entries + i, now)))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *one_efficacy_to_json(const AlertEfficacy *e) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !json_add(json, "service", json_object_new_string(e->service)) ||
            !json_add(json, "rule", json_object_new_string(e->rule)) ||
            !json_add(json, "tries", json_object_new_int64(e->tries)) ||
            !json_add(json, "helped", json_object_new_int64(e->helped)))
                return NULL;
        return TAKE_PTR(json);
}

static json_object *efficacy_to_json(const AlertBook *book) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < book->n_efficacy; i++)
                if (!add_to_array(array, one_efficacy_to_json(book->efficacy + i)))
                        return NULL;
        return TAKE_PTR(array);
}

/* Takes over value; false also when there is none. */
static bool add_made(json_object *json, const char *name, json_object *value) {
        return value && json_add(json, name, value);
}

json_object *book_to_json(const AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (!json || !add_made(json, "version", json_object_new_int(FORMAT_VERSION)) ||
            !add_made(json, "defaults", json_object_new_uint64(book->known_defaults)) ||
            !add_made(json, "rules", rules_to_json(book)) || !add_made(json, "silences", silences_to_json(book, now)) ||
            !add_made(json, "lastSilence", json_object_new_uint64(book->last_silence)) ||
            !add_made(json, "actions", log_to_json(&book->actions, now)) ||
            !add_made(json, "notices", log_to_json(&book->notices, now)) ||
            !add_made(json, "efficacy", efficacy_to_json(book)))
                return NULL;
        return TAKE_PTR(json);
}

/* --- Reading --- */

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

/* NULL for what is not there. */
static int read_pair(json_object *json, const char **ret_service, const char **ret_rule, char **ret_problem) {
        int r;

        if (!json_object_is_type(json, json_type_object))
                return field_problem(ret_problem, "an object is expected");
        r = field_id(json, "service", ret_service, ret_problem);
        if (r >= 0)
                r = field_id(json, "rule", ret_rule, ret_problem);
        return r;
}

static int read_entry(AlertLog *log, json_object *json, AlertTime now, char **ret_problem) {
        const char *service = NULL, *rule = NULL, *text = NULL;
        AlertLogEntry entry;
        uint64_t at, age;
        int r;

        r = read_pair(json, &service, &rule, ret_problem);
        if (r >= 0)
                r = field_text(json, "at", ISO8601_MAX, &text, ret_problem);
        if (r < 0)
                return r;
        if (!service || !rule || !text || parse_iso8601(text, &at) < 0)
                return field_problem(ret_problem, "service, rule and at are expected");
        /* A clock that was set back makes it as young as can be, a machine that has just booted as old as itself. */
        age = now.realtime - MIN(at, now.realtime);
        entry = (AlertLogEntry) { .service = strdup(service), .rule = strdup(rule),
                                  .at = now.monotonic - MIN(age, now.monotonic) };
        r = entry.service && entry.rule ? book_append(&log->entries, &log->n, sizeof(entry), &entry) : -ENOMEM;
        if (r < 0) {
                free(entry.service);
                free(entry.rule);
        }
        return r;
}

static int read_action(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        return read_entry(&book->actions, json, now, ret_problem);
}

static int read_notice(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        return read_entry(&book->notices, json, now, ret_problem);
}

static int read_efficacy(AlertBook *book, json_object *json, AlertTime now, char **ret_problem) {
        const char *service = NULL, *rule = NULL;
        double tries = -1, helped = -1;
        AlertEfficacy e;
        int r;

        r = read_pair(json, &service, &rule, ret_problem);
        if (r >= 0)
                r = field_number(json, "tries", &tries, ret_problem);
        if (r >= 0)
                r = field_number(json, "helped", &helped, ret_problem);
        if (r < 0)
                return r;
        if (!service || !rule || !(helped >= 0 && helped <= tries && tries <= UINT32_MAX))
                return field_problem(ret_problem, "service, rule, tries and at most as many helped are expected");
        e = (AlertEfficacy) { .service = strdup(service), .rule = strdup(rule), .tries = (unsigned) tries,
                              .helped = (unsigned) helped };
        r = e.service && e.rule ? book_append(&book->efficacy, &book->n_efficacy, sizeof(e), &e) : -ENOMEM;
        if (r < 0)
                book_efficacy_done(&e);
        return r;
}

/* The whole of text must be one object. */
static int parse(const char *text, json_object **ret) {
        json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        size_t n = strlen(text);
        json_object *json;
        bool whole;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = n <= TEXT_MAX ? json_tokener_parse_ex(tokener, text, (int) n) : NULL;
        whole = json_object_is_type(json, json_type_object) && json_tokener_get_error(tokener) == json_tokener_success &&
                json_tokener_get_parse_end(tokener) == n;
        json_tokener_free(tokener);
        if (!whole) {
                json_object_put(json);
                return -EBADMSG;
        }
        *ret = json;
        return 0;
}

static int read_document(AlertBook *book, json_object *document, AlertTime now, char **ret_problem) {
        static const struct {
                const char *name;
                size_t max;
                read_one_t read_one;
        } arrays[] = {
                { "rules", BOOK_RULES_MAX, read_rule },
                { "silences", BOOK_SILENCES_MAX, read_silence },
                { "actions", BOOK_LOG_MAX, read_action },
                { "notices", BOOK_LOG_MAX, read_notice },
                { "efficacy", BOOK_EFFICACY_MAX, read_efficacy },
        };
        double version = 0, last = 0, defaults = DEFAULTS_AT_FIRST;
        int r;

        r = field_number(document, "version", &version, ret_problem);
        if (r >= 0 && version != FORMAT_VERSION)
                r = field_problem(ret_problem, "version: %d is expected", FORMAT_VERSION);
        if (r >= 0)
                r = field_number(document, "lastSilence", &last, ret_problem);
        if (r >= 0)
                r = field_number(document, "defaults", &defaults, ret_problem);
        for (size_t i = 0; i < ELEMENTSOF(arrays) && r >= 0; i++)
                r = read_array(book, document, arrays[i].name, arrays[i].max, arrays[i].read_one, now, ret_problem);
        if (r < 0)
                return r;
        book->last_silence = (uint64_t) MIN(MAX(last, 0), 1e15);
        book->known_defaults = (size_t) MIN(MAX(defaults, 0), BOOK_RULES_MAX);
        return 0;
}

int book_from_json(AlertBook *book, const char *text, AlertTime now, char **ret_problem) {
        _cleanup_(json_object_putp) json_object *document = NULL;
        int r;

        r = parse(text, &document);
        if (r >= 0)
                r = read_document(book, document, now, ret_problem);
        if (r < 0)
                return r;
        book_log_trim(&book->actions, now);
        book_log_trim(&book->notices, now);
        return 0;
}
