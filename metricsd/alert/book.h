/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "rule.h"
#include "silence.h"
#include "store.h"

/* The rules, the silences and the log of actions, in memory and in the store. A change is in the store before it is in
 * force: one that cannot be stored changes nothing, neither here nor there. */

#define BOOK_RULES_MAX 200
#define BOOK_SILENCES_MAX 200
#define BOOK_LOG_MAX 500

/* An action that was begun, whatever came of it: a new metricsd must not begin to count anew. */
typedef struct AlertLogEntry {
        char *service;
        char *rule;
        uint64_t at; /* monotonic usec */
} AlertLogEntry;

typedef struct AlertBook {
        AlertStore *store; /* owned */
        AlertRule **rules; /* in the order in which they came */
        size_t n_rules;
        AlertSilence **silences;
        size_t n_silences;
        AlertLogEntry *log; /* oldest first */
        size_t n_log;
        uint64_t last_silence; /* the number in the id of the newest silence, that none is used twice */
} AlertBook;

/* Takes over store, also on failure. Loads what it holds. Where there is nothing yet the default rules are put there;
 * what cannot be used is set aside and the default rules take over: one line in the journal says so. -ENOMEM else. */
int alert_book_open(AlertStore *store, AlertTime now, AlertBook **ret);
AlertBook *alert_book_free(AlertBook *book);
TL_DEFINE_CLEANUP(AlertBook *, alert_book_free)

AlertRule *alert_book_find_rule(const AlertBook *book, const char *id);

/* Adds the rule, or puts it in the place of the one with its id; *rule is taken over and emptied on success. One
 * without an id gets one, and one that is there already but for id and description stays as it is, alone. *ret_rule is
 * the one that is in force then. -E2BIG beyond BOOK_RULES_MAX; other errors are of the store. */
int alert_book_put_rule(AlertBook *book, AlertRule **rule, AlertTime now, const AlertRule **ret_rule);
/* -ENOENT when there is none. */
int alert_book_delete_rule(AlertBook *book, const char *id, AlertTime now);

/* As with rules. The silence gets its id. Those that have ended are dropped on this occasion. */
int alert_book_add_silence(AlertBook *book, AlertSilence **silence, AlertTime now, const AlertSilence **ret_silence);
int alert_book_delete_silence(AlertBook *book, const char *id, AlertTime now);
/* The one that ends last of those that cover the rule's alert on that service; NULL for none. */
const AlertSilence *alert_book_find_silence(const AlertBook *book, const char *rule, const char *service,
                                            uint64_t realtime);

/* Notes that an action begins. It counts also when it cannot be stored, which is one line in the journal. */
void alert_book_log(AlertBook *book, const char *rule, const char *service, AlertTime now);
/* How many actions a service has had within the last `window`; *ret_oldest (may be NULL) is when the first of them
 * was. */
unsigned alert_book_count(const AlertBook *book, const char *service, uint64_t window, AlertTime now,
                          uint64_t *ret_oldest);
/* When the rule has last acted on the service. False for never. */
bool alert_book_last(const AlertBook *book, const char *rule, const char *service, uint64_t *ret_at);
