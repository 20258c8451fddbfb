/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>
#include <string.h>

#include "basic/string-util.h"
#include "book-internal.h"
#include "shared/log.h"

void book_drop_contents(AlertBook *book) {
        for (size_t i = 0; i < book->n_rules; i++)
                alert_rule_free(book->rules[i]);
        for (size_t i = 0; i < book->n_silences; i++)
                alert_silence_free(book->silences[i]);
        for (size_t i = 0; i < book->n_efficacy; i++)
                book_efficacy_done(book->efficacy + i);
        book_log_done(&book->actions);
        book_log_done(&book->notices);
        book->n_rules = book->n_silences = book->n_efficacy = 0;
}

AlertBook *alert_book_free(AlertBook *book) {
        if (!book)
                return NULL;
        book_drop_contents(book);
        free(book->rules);
        free(book->silences);
        free(book->efficacy);
        free(book);
        return NULL;
}

int book_append(void *array, size_t *n, size_t size, const void *element) {
        char **p = array, *grown = reallocarray(*p, *n + 1, size);

        if (!grown)
                return -ENOMEM;
        *p = grown;
        memcpy(grown + *n * size, element, size);
        (*n)++;
        return 0;
}

void book_remove_at(void *array, size_t *n, size_t size, size_t i) {
        char *p = array;

        memmove(p + i * size, p + (i + 1) * size, (*n - i - 1) * size);
        (*n)--;
}

void book_put_back(void *array, size_t *n, size_t size, size_t i, const void *element) {
        char *p = array;

        memmove(p + (i + 1) * size, p + i * size, (*n - i) * size);
        memcpy(p + i * size, element, size);
        (*n)++;
}

int book_save(AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *document = book_to_json(book, now);
        const char *text;
        int r;

        if (!document)
                return -ENOMEM;
        text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        r = history_put_text(book->history, BOOK_NAME, text, true);
        if (r >= 0)
                book->unsaved = false;
        return r;
}

int alert_book_sync(AlertBook *book, AlertTime now) {
        return book->unsaved ? book_save(book, now) : 0;
}

/* --- Opening --- */

static int add_default(AlertBook *book, const char *text) {
        _cleanup_(json_object_putp) json_object *json = json_tokener_parse(text);
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        _cleanup_(freep) char *problem = NULL;
        int r;

        if (!json)
                return -ENOMEM;
        r = alert_rule_from_json(json, NULL, NULL, &rule, &problem);
        if (r < 0)
                return r;
        if (alert_book_find_rule(book, rule->id) || book->n_rules >= BOOK_RULES_MAX)
                return 0;
        r = book_append(&book->rules, &book->n_rules, sizeof(AlertRule *), &rule);
        if (r >= 0)
                rule = NULL;
        return r;
}

/* Those that the book does not know yet: all at a first start, after an upgrade what is new. 1 when there were any. */
static int add_defaults(AlertBook *book) {
        size_t before = book->known_defaults, n = 0;

        for (const char *const *text = alert_default_rules; *text; text++) {
                int r = n++ < before ? 0 : add_default(book, *text);

                if (r < 0)
                        return r;
        }
        book->known_defaults = n;
        return n > before;
}

/* Nobody's rules are lost: what cannot be used stays to be looked at, and put right by hand. True when the place of the
 * document is free now. */
static bool set_aside(AlertBook *book, const char *text, const char *why, AlertTime now) {
        char date[ISO8601_MAX];
        _cleanup_(freep) char *name = str_printf(BOOK_NAME ".unusable-%s", format_iso8601(date, now.realtime));
        int r = name ? history_put_text(book->history, name, text, true) : -ENOMEM;

        if (r < 0)
                log_error("The alert rules cannot be used (%s), nor be kept under another name: %s. The default rules hold "
                          "until a rule is changed", why, strerror(-r));
        else
                log_error("The alert rules cannot be used (%s); they are kept as the document %s, and the default rules "
                          "take over", why, name);
        return r >= 0;
}

/* True when the default rules may be stored in their place. */
static bool explain(AlertBook *book, const char *text, int error, const char *problem, AlertTime now) {
        if (error == -ENODATA)
                return true;
        if (text)
                return set_aside(book, text, problem ? problem : "it is not one whole JSON object", now);
        log_errno(error, "The alert rules cannot be read, and the default rules hold until a rule is changed");
        return false;
}

static int load(AlertBook *book, AlertTime now) {
        _cleanup_(freep) char *text = NULL, *problem = NULL;
        int r, k;

        r = history_get_text(book->history, BOOK_NAME, &text);
        if (r >= 0)
                r = book_from_json(book, text, now, &problem);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                book_drop_contents(book);
                book->known_defaults = 0;
        }
        k = add_defaults(book);
        if (k < 0 || (r >= 0 && k == 0) || (r < 0 && !explain(book, text, r, problem, now)))
                return MIN(k, 0);
        book->unsaved = true;
        r = book_save(book, now);
        if (r < 0)
                log_warning("The default alert rules cannot be stored yet: %s", strerror(-r));
        return 0;
}

int alert_book_open(History *history, AlertTime now, AlertBook **ret) {
        _cleanup_(alert_book_freep) AlertBook *book = calloc(1, sizeof(AlertBook));
        int r;

        if (!book)
                return -ENOMEM;
        book->history = history;
        r = load(book, now);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(book);
        return 0;
}
