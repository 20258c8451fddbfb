/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "book-internal.h"
#include "shared/log.h"

/* --- What was done --- */

static void entry_done(AlertLogEntry *entry) {
        free(entry->service);
        free(entry->rule);
}

void book_log_done(AlertLog *log) {
        for (size_t i = 0; i < log->n; i++)
                entry_done(log->entries + i);
        free(log->entries);
        *log = (AlertLog) {};
}

/* No cooldown and no limit looks further back. */
void book_log_trim(AlertLog *log, AlertTime now) {
        while (log->n > 0 && (log->n > BOOK_LOG_MAX || now.monotonic - log->entries[0].at > RULE_DURATION_MAX)) {
                entry_done(log->entries);
                book_remove_at(log->entries, &log->n, sizeof(AlertLogEntry), 0);
        }
}

static int log_entry(AlertLog *log, const char *rule, const char *service, AlertTime now) {
        AlertLogEntry entry = { .service = strdup(service), .rule = strdup(rule), .at = now.monotonic };
        int r = entry.service && entry.rule ? 0 : -ENOMEM;

        if (r >= 0)
                r = book_append(&log->entries, &log->n, sizeof(entry), &entry);
        if (r < 0) {
                entry_done(&entry);
                return r;
        }
        book_log_trim(log, now);
        return 0;
}

static const AlertLog *log_of(const AlertBook *book, AlertActionType action) {
        return action == ACTION_NOTIFY ? &book->notices : &book->actions;
}

unsigned alert_book_count(const AlertBook *book, const char *service, uint64_t window, AlertTime now,
                          uint64_t *ret_oldest) {
        const AlertLog *log = &book->actions;
        unsigned n = 0;

        for (size_t i = 0; i < log->n; i++)
                if (streq(log->entries[i].service, service) && now.monotonic - log->entries[i].at < window) {
                        if (n == 0 && ret_oldest)
                                *ret_oldest = log->entries[i].at;
                        n++;
                }
        return n;
}

bool alert_book_last(const AlertBook *book, const AlertRule *rule, const char *service, uint64_t *ret_at) {
        const AlertLog *log = log_of(book, rule->action);

        for (size_t i = log->n; i-- > 0;)
                if (streq(log->entries[i].service, service) && streq(log->entries[i].rule, rule->id)) {
                        *ret_at = log->entries[i].at;
                        return true;
                }
        return false;
}

/* --- What came of it --- */

void book_efficacy_done(AlertEfficacy *e) {
        free(e->service);
        free(e->rule);
}

static size_t index_of(const AlertBook *book, const char *rule, const char *service) {
        size_t i = 0;

        while (i < book->n_efficacy &&
               (!streq(book->efficacy[i].rule, rule) || !streq(book->efficacy[i].service, service)))
                i++;
        return i;
}

const AlertEfficacy *alert_book_efficacy(const AlertBook *book, const char *rule, const char *service) {
        size_t i = index_of(book, rule, service);

        return i < book->n_efficacy ? book->efficacy + i : NULL;
}

static int count_try(AlertBook *book, const char *rule, const char *service) {
        size_t i = index_of(book, rule, service);
        AlertEfficacy e = {};
        int r;

        if (i < book->n_efficacy) {
                /* The latest goes to the end, for room is made at the begin. */
                e = book->efficacy[i];
                book_remove_at(book->efficacy, &book->n_efficacy, sizeof(e), i);
                e.tries++;
                book_put_back(book->efficacy, &book->n_efficacy, sizeof(e), book->n_efficacy, &e);
                return 0;
        }
        if (book->n_efficacy >= BOOK_EFFICACY_MAX) {
                book_efficacy_done(book->efficacy);
                book_remove_at(book->efficacy, &book->n_efficacy, sizeof(e), 0);
        }
        e = (AlertEfficacy) { .service = strdup(service), .rule = strdup(rule), .tries = 1 };
        r = e.service && e.rule ? book_append(&book->efficacy, &book->n_efficacy, sizeof(e), &e) : -ENOMEM;
        if (r < 0)
                book_efficacy_done(&e);
        return r;
}

void alert_book_note_helped(AlertBook *book, const char *rule, const char *service) {
        size_t i = index_of(book, rule, service);

        /* The rule may have been put anew meanwhile. */
        if (i >= book->n_efficacy || book->efficacy[i].helped >= book->efficacy[i].tries)
                return;
        book->efficacy[i].helped++;
        book->unsaved = true;
}

void book_forget_efficacy(AlertBook *book, const char *rule) {
        for (size_t i = book->n_efficacy; i-- > 0;)
                if (streq(book->efficacy[i].rule, rule)) {
                        book_efficacy_done(book->efficacy + i);
                        book_remove_at(book->efficacy, &book->n_efficacy, sizeof(AlertEfficacy), i);
                }
}

void alert_book_log(AlertBook *book, const AlertRule *rule, const char *service, bool count, AlertTime now) {
        bool notice = rule->action == ACTION_NOTIFY;
        int r;

        r = log_entry(notice ? &book->notices : &book->actions, rule->id, service, now);
        if (r >= 0 && count)
                r = count_try(book, rule->id, service);
        if (r < 0) {
                log_errno(r, "The %s for %s cannot be noted, and will not count", alert_action_to_string(rule->action),
                          service);
                return;
        }
        book->unsaved = true;
        if (notice)
                return;
        r = book_save(book, now);
        if (r < 0)
                log_warning("The %s of %s cannot be stored, and will not count if metricsd ends before it can: %s",
                            alert_action_to_string(rule->action), service, strerror(-r));
}
