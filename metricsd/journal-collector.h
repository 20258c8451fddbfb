/* SPDX-License-Identifier: MIT */
#pragma once

#include "history/history.h"
#include "journal/groups.h"
#include "watched.h"

/* What services log: counted by level, errors grouped. Kept as Manager.journal. */
typedef struct JournalCollector JournalCollector;

/* How long what was lost makes the list of errors incomplete. */
#define JOURNAL_LOSS_USEC (UINT64_C(3600) * USEC_PER_SEC)

/* Called for every line that carries TOOLOO_EVENT=, of whatever unit of this user; line lasts for the call. After a kill -9
 * lines that came since the last flush come again: their cursors tell. One listener; NULL for none. */
typedef void (*journal_event_t)(const JournalLine *line, void *userdata);
void journal_set_listener(JournalCollector *c, journal_event_t event, void *userdata);

/* Errors of a service within the last minute, and since the last tick that was kept. NAN when nobody knows; see
 * journal/tally.h. */
double journal_recent_errors(const JournalCollector *c, const Watched *w, uint64_t now);
double journal_tick_errors(const JournalCollector *c, const Watched *w);

/* Of the newest line of the service that was read; NULL for none since metricsd has started. Until the next is read. */
const char *journal_newest_cursor(const Watched *w);

/* When the present generation of the service began to run: its last start or reload, realtime usec; 0 for not known. */
uint64_t journal_generation_began(const Watched *w, uint64_t now);

/* Errors that have not been written down yet. */
const JournalGroups *journal_pending(const JournalCollector *c);

/* Writes what has come since the last time into a transaction that is open: groups of errors, what was lost, and up to where
 * the journal has been read, so that after a kill -9 it goes on where the database ends, with no line twice and none left out.
 * The tick with journal_tick_errors() belongs into the same one. */
int journal_flush(JournalCollector *c, History *h);
/* How that ended, before another line is read: true when the transaction has been committed. */
void journal_flushed(JournalCollector *c, bool ok);

/* Why not all errors of a service (NULL: of all services) may have been seen within JOURNAL_LOSS_USEC before now. NULL when
 * all were. Until the next line is read. */
const char *journal_incomplete(const JournalCollector *c, const char *service, uint64_t now);
