/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "metricsd/history/history.h"
#include "rule.h"
#include "silence.h"

/* The rules, the silences, the log of actions and what came of them, in memory and as one document of the history. A rule
 * or a silence is stored before it is in force: one that cannot be stored changes nothing, neither here nor there. What
 * was done is noted in memory in any case, and stored as soon as that is possible. */

#define BOOK_RULES_MAX 200
#define BOOK_SILENCES_MAX 200
#define BOOK_LOG_MAX 500
#define BOOK_EFFICACY_MAX 1000

/* The document's name in the history. */
#define BOOK_NAME "alert-book"

/* An action that was begun, whatever came of it: a new metricsd must not begin to count anew. */
typedef struct AlertLogEntry {
        char *service;
        char *rule;
        uint64_t at; /* monotonic usec */
} AlertLogEntry;

typedef struct AlertLog {
        AlertLogEntry *entries; /* oldest first */
        size_t n;
} AlertLog;

/* After so many tries of which not even half have helped, a rule acts on a service no more until it is put again. */
#define EFFICACY_TRIES 5

/* How often a rule's action on a service has helped. */
typedef struct AlertEfficacy {
        char *service;
        char *rule;
        unsigned tries;  /* that were begun */
        unsigned helped; /* of these: the service was healthy after it, and the rule's condition over */
} AlertEfficacy;

static inline bool alert_efficacy_is_off(const AlertEfficacy *e) {
        return e->tries >= EFFICACY_TRIES && e->helped * 2 < e->tries;
}

typedef struct AlertBook {
        History *history;  /* not owned */
        AlertRule **rules; /* in the order in which they came */
        size_t n_rules;
        AlertSilence **silences;
        size_t n_silences;
        AlertLog actions; /* that change a service: they count against its limit */
        AlertLog notices;
        AlertEfficacy *efficacy; /* the one that was tried longest ago first */
        size_t n_efficacy;
        uint64_t last_silence; /* the number in the id of the newest silence, that none is used twice */
        size_t known_defaults; /* so many of alert_default_rules it has been given, or somebody has thrown away since */
        bool unsaved; /* it holds what the history does not yet */
} AlertBook;

/* history must outlive the book. Loads what it holds. Where there is nothing yet the default rules are put there; what
 * cannot be used is kept there under another name and the default rules take over: one line in the journal says so.
 * -ENOMEM else. */
int alert_book_open(History *history, AlertTime now, AlertBook **ret);
AlertBook *alert_book_free(AlertBook *book);
TL_DEFINE_CLEANUP(AlertBook *, alert_book_free)

/* Stores what is not stored yet. 0 when nothing was left to do, too. */
int alert_book_sync(AlertBook *book, AlertTime now);

/* --- book-rules.c --- */

AlertRule *alert_book_find_rule(const AlertBook *book, const char *id);

/* What alert_book_put_rule() would do, and nothing more than that rule gets its id: *ret_there is the rule that would be
 * replaced, or that is the same and stays; NULL for a new one. Errors as there. */
int alert_book_try_rule(const AlertBook *book, AlertRule *rule, const AlertRule **ret_there);
/* Adds the rule, or puts it in the place of the one with its id; *rule is taken over and emptied on success. One
 * without an id gets one, and one that is there already but for id and description stays as it is, alone. *ret_rule is
 * the one that is in force then, and whether its actions have helped counts anew. -E2BIG beyond BOOK_RULES_MAX; other
 * errors are of the history. */
int alert_book_put_rule(AlertBook *book, AlertRule **rule, AlertTime now, const AlertRule **ret_rule);
/* -ENOENT when there is none. */
int alert_book_delete_rule(AlertBook *book, const char *id, AlertTime now);

/* --- book-silences.c --- */

const AlertSilence *alert_book_get_silence(const AlertBook *book, const char *id, AlertTime now);
/* -E2BIG when there is no room for one more. */
int alert_book_try_silence(AlertBook *book, AlertTime now);
/* As with rules. The silence gets its id. Those that have ended are dropped on this occasion. */
int alert_book_add_silence(AlertBook *book, AlertSilence **silence, AlertTime now, const AlertSilence **ret_silence);
int alert_book_delete_silence(AlertBook *book, const char *id, AlertTime now);
/* The one that ends last of those that cover the rule's alert on that service; NULL for none. */
const AlertSilence *alert_book_find_silence(const AlertBook *book, const char *rule, const char *service,
                                            uint64_t realtime);

/* --- book-log.c --- */

/* Notes that an action on a service begins, and stores that before it returns, if it can; a notice is stored later. With
 * `count` it is a try of that rule. */
void alert_book_log(AlertBook *book, const AlertRule *rule, const char *service, bool count, AlertTime now);
/* How many actions a service has had within the last `window`; *ret_oldest (may be NULL) is when the first of them
 * was. */
unsigned alert_book_count(const AlertBook *book, const char *service, uint64_t window, AlertTime now,
                          uint64_t *ret_oldest);
/* When the rule has last acted on the service. False for never. */
bool alert_book_last(const AlertBook *book, const AlertRule *rule, const char *service, uint64_t *ret_at);

/* NULL when nothing was tried yet. */
const AlertEfficacy *alert_book_efficacy(const AlertBook *book, const char *rule, const char *service);
/* The last try has helped. */
void alert_book_note_helped(AlertBook *book, const char *rule, const char *service);
