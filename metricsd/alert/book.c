/* SPDX-License-Identifier: MIT */
#include "book.h"

#include <inttypes.h>
#include <json-c/json_tokener.h>
#include <string.h>

#include "basic/string-util.h"
#include "book-internal.h"
#include "shared/log.h"

static void entry_done(AlertLogEntry *entry) {
        free(entry->service);
        free(entry->rule);
}

void book_drop_contents(AlertBook *book) {
        for (size_t i = 0; i < book->n_rules; i++)
                alert_rule_free(book->rules[i]);
        for (size_t i = 0; i < book->n_silences; i++)
                alert_silence_free(book->silences[i]);
        for (size_t i = 0; i < book->n_log; i++)
                entry_done(book->log + i);
        book->n_rules = book->n_silences = book->n_log = 0;
}

AlertBook *alert_book_free(AlertBook *book) {
        if (!book)
                return NULL;
        book_drop_contents(book);
        free(book->rules);
        free(book->silences);
        free(book->log);
        alert_store_free(book->store);
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

static void remove_at(void *array, size_t *n, size_t size, size_t i) {
        char *p = array;

        memmove(p + i * size, p + (i + 1) * size, (*n - i - 1) * size);
        (*n)--;
}

static int save(const AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *document = book_to_json(book, now);

        return document ? alert_store_save(book->store, document) : -ENOMEM;
}

/* --- Opening --- */

static int add_defaults(AlertBook *book) {
        for (const char *const *text = alert_default_rules; *text; text++) {
                _cleanup_(json_object_putp) json_object *json = json_tokener_parse(*text);
                _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
                _cleanup_(freep) char *problem = NULL;
                int r;

                if (!json)
                        return -ENOMEM;
                r = alert_rule_from_json(json, NULL, NULL, &rule, &problem);
                if (r >= 0)
                        r = book_append(&book->rules, &book->n_rules, sizeof(AlertRule *), &rule);
                if (r < 0)
                        return r;
                rule = NULL;
        }
        return 0;
}

/* Nobody's rules are lost: what cannot be used stays to be looked at, and put right by hand. */
static void set_aside(AlertBook *book, int error, const char *problem) {
        _cleanup_(freep) char *name = NULL;
        const char *why = problem;
        int r = alert_store_set_aside(book->store, &name);

        if (!why)
                why = error == -EBADMSG ? "it is not one whole JSON document" : strerror(-error);
        if (r < 0)
                log_error("The alert rules in %s cannot be used (%s), and that file cannot be moved out of the way: "
                          "%s. The default rules take over",
                          alert_store_name(book->store), why, strerror(-r));
        else
                log_error("The alert rules in %s cannot be used (%s); they now lie in %s, and the default rules take "
                          "over",
                          alert_store_name(book->store), why, name);
}

static int load(AlertBook *book, AlertTime now) {
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_(freep) char *problem = NULL;
        int r;

        r = alert_store_load(book->store, &document);
        if (r >= 0)
                r = book_from_json(book, document, now, &problem);
        if (r >= 0 || r == -ENOMEM)
                return r;
        book_drop_contents(book);
        if (r != -ENOENT)
                set_aside(book, r, problem);
        r = add_defaults(book);
        if (r < 0)
                return r;
        r = save(book, now);
        if (r < 0)
                log_warning("The default alert rules cannot be stored in %s: %s", alert_store_name(book->store),
                            strerror(-r));
        return 0;
}

int alert_book_open(AlertStore *store, AlertTime now, AlertBook **ret) {
        _cleanup_(alert_book_freep) AlertBook *book = calloc(1, sizeof(AlertBook));
        int r;

        if (!book) {
                alert_store_free(store);
                return -ENOMEM;
        }
        book->store = store;
        r = load(book, now);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(book);
        return 0;
}

/* --- Rules --- */

static size_t index_of_rule(const AlertBook *book, const char *id) {
        size_t i = 0;

        while (i < book->n_rules && !streq(book->rules[i]->id, id))
                i++;
        return i;
}

AlertRule *alert_book_find_rule(const AlertBook *book, const char *id) {
        size_t i = index_of_rule(book, id);

        return i < book->n_rules ? book->rules[i] : NULL;
}

/* Gives a rule without an id one that is free. The same command typed twice makes no second rule: *ret_same then. */
static int name_rule(const AlertBook *book, AlertRule *rule, const AlertRule **ret_same) {
        for (unsigned n = 1; n <= BOOK_RULES_MAX + 1; n++) {
                _cleanup_(freep) char *id = alert_rule_make_id(rule, n);
                const AlertRule *other;

                if (!id)
                        return -ENOMEM;
                other = alert_book_find_rule(book, id);
                if (!other) {
                        rule->id = TAKE_PTR(id);
                        return 0;
                }
                if (alert_rule_equal(other, rule)) {
                        *ret_same = other;
                        return 0;
                }
        }
        return -E2BIG;
}

int alert_book_put_rule(AlertBook *book, AlertRule **rule, AlertTime now, const AlertRule **ret_rule) {
        const AlertRule *same = NULL;
        AlertRule *old = NULL;
        size_t i;
        int r = 0;

        if (!(*rule)->id)
                r = name_rule(book, *rule, &same);
        if (r < 0)
                return r;
        if (same) {
                *rule = alert_rule_free(*rule);
                *ret_rule = same;
                return 0;
        }
        i = index_of_rule(book, (*rule)->id);
        if (i < book->n_rules) {
                old = book->rules[i];
                book->rules[i] = *rule;
        } else if (book->n_rules >= BOOK_RULES_MAX)
                return -E2BIG;
        else {
                r = book_append(&book->rules, &book->n_rules, sizeof(AlertRule *), rule);
                if (r < 0)
                        return r;
        }
        r = save(book, now);
        if (r < 0) {
                if (old)
                        book->rules[i] = old;
                else
                        book->n_rules--;
                return r;
        }
        alert_rule_free(old);
        *ret_rule = TAKE_PTR(*rule);
        return 0;
}

int alert_book_delete_rule(AlertBook *book, const char *id, AlertTime now) {
        size_t i = index_of_rule(book, id);
        AlertRule *old;
        int r;

        if (i >= book->n_rules)
                return -ENOENT;
        old = book->rules[i];
        remove_at(book->rules, &book->n_rules, sizeof(AlertRule *), i);
        r = save(book, now);
        if (r < 0) {
                /* There is room: it has just been taken out. */
                memmove(book->rules + i + 1, book->rules + i, (book->n_rules - i) * sizeof(AlertRule *));
                book->rules[i] = old;
                book->n_rules++;
                return r;
        }
        alert_rule_free(old);
        return 0;
}

/* --- Silences --- */

static void drop_ended(AlertBook *book, AlertTime now) {
        for (size_t i = book->n_silences; i-- > 0;)
                if (book->silences[i]->until <= now.realtime) {
                        alert_silence_free(book->silences[i]);
                        remove_at(book->silences, &book->n_silences, sizeof(AlertSilence *), i);
                }
}

int alert_book_add_silence(AlertBook *book, AlertSilence **silence, AlertTime now, const AlertSilence **ret_silence) {
        uint64_t number = book->last_silence + 1;
        int r;

        drop_ended(book, now);
        if (book->n_silences >= BOOK_SILENCES_MAX)
                return -E2BIG;
        r = str_replace_printf(&(*silence)->id, "silence-%" PRIu64, number);
        if (r >= 0)
                r = book_append(&book->silences, &book->n_silences, sizeof(AlertSilence *), silence);
        if (r < 0)
                return r;
        book->last_silence = number;
        r = save(book, now);
        if (r < 0) {
                book->n_silences--;
                book->last_silence--;
                return r;
        }
        *ret_silence = TAKE_PTR(*silence);
        return 0;
}

int alert_book_delete_silence(AlertBook *book, const char *id, AlertTime now) {
        AlertSilence *old;
        size_t i = 0;
        int r;

        drop_ended(book, now);
        while (i < book->n_silences && !streq(book->silences[i]->id, id))
                i++;
        if (i >= book->n_silences)
                return -ENOENT;
        old = book->silences[i];
        remove_at(book->silences, &book->n_silences, sizeof(AlertSilence *), i);
        r = save(book, now);
        if (r < 0) {
                memmove(book->silences + i + 1, book->silences + i, (book->n_silences - i) * sizeof(AlertSilence *));
                book->silences[i] = old;
                book->n_silences++;
                return r;
        }
        alert_silence_free(old);
        return 0;
}

const AlertSilence *alert_book_find_silence(const AlertBook *book, const char *rule, const char *service,
                                            uint64_t realtime) {
        const AlertSilence *found = NULL;

        for (size_t i = 0; i < book->n_silences; i++)
                if (alert_silence_covers(book->silences[i], rule, service, realtime) &&
                    (!found || book->silences[i]->until > found->until))
                        found = book->silences[i];
        return found;
}

/* --- The log of actions --- */

/* No cooldown and no limit looks further back. */
void book_log_trim(AlertBook *book, AlertTime now) {
        while (book->n_log > 0 &&
               (book->n_log > BOOK_LOG_MAX || now.monotonic - book->log[0].at > RULE_DURATION_MAX)) {
                entry_done(book->log);
                remove_at(book->log, &book->n_log, sizeof(AlertLogEntry), 0);
        }
}

void alert_book_log(AlertBook *book, const char *rule, const char *service, AlertTime now) {
        AlertLogEntry entry = { .service = strdup(service), .rule = strdup(rule), .at = now.monotonic };
        int r = entry.service && entry.rule ? 0 : -ENOMEM;

        if (r >= 0)
                r = book_append(&book->log, &book->n_log, sizeof(entry), &entry);
        if (r < 0) {
                entry_done(&entry);
                log_errno(r, "An action on %s cannot be noted, and will not count", service);
                return;
        }
        book_log_trim(book, now);
        r = save(book, now);
        if (r < 0)
                log_warning("An action on %s cannot be noted in %s, and will not count after a restart of metricsd: %s",
                            service, alert_store_name(book->store), strerror(-r));
}

unsigned alert_book_count(const AlertBook *book, const char *service, uint64_t window, AlertTime now,
                          uint64_t *ret_oldest) {
        unsigned n = 0;

        for (size_t i = 0; i < book->n_log; i++)
                if (streq(book->log[i].service, service) && now.monotonic - book->log[i].at < window) {
                        if (n == 0 && ret_oldest)
                                *ret_oldest = book->log[i].at;
                        n++;
                }
        return n;
}

bool alert_book_last(const AlertBook *book, const char *rule, const char *service, uint64_t *ret_at) {
        for (size_t i = book->n_log; i-- > 0;)
                if (streq(book->log[i].service, service) && streq(book->log[i].rule, rule)) {
                        *ret_at = book->log[i].at;
                        return true;
                }
        return false;
}
