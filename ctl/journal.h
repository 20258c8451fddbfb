/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

#include "ctl.h"
#include "log-pattern.h"

static inline void journal_close(sd_journal *j) {
        sd_journal_close(j);
}
TL_DEFINE_CLEANUP(sd_journal *, journal_close)

/* Whose entries are wanted; the strings are somebody else's. */
typedef struct LogSource {
        const char *id;
        const char *unit;
        const char *socket;   /* NULL for none */
        unsigned number;      /* the same in each call, for its colour */
        bool has_instances;   /* it may run as tooloo-ID@NAME.service, too: while it is swapped, or in replicas */
        uint64_t from, until; /* realtime usec of its entries, the latter included; 0 for no limit */
} LogSource;

/* Which of their entries. */
typedef struct LogQuery {
        const LogSource *sources;
        size_t n_sources;
        uint64_t since, until; /* as in LogSource, for all of them */
        unsigned priorities;   /* bit N for priority N; 0 for all, also those that have none */
        const LogPattern *pattern;
} LogQuery;

LogSource log_source_of(const Ctl *ctl, const Service *s);

/* Opens the journal for what the sources' processes logged and what systemd said about their units. -ENODATA when there
 * is no journal that this user may read. */
int journal_open(const LogSource *sources, size_t n, sd_journal **ret);
int journal_open_query(const LogQuery *q, sd_journal **ret);

/* What to do about -ENODATA, in one line. The caller frees; NULL without memory. */
char *journal_advice(void);

/* Goes to the first of the last lines entries (LINES_ALL for all) that are not older than since (realtime usec), or that the
 * query wants. 1 when there is one, 0 when there is none; what is logged later is then found by sd_journal_next(). */
int journal_seek(sd_journal *j, uint64_t lines, uint64_t since);
int journal_seek_query(sd_journal *j, const LogQuery *q, uint64_t lines);

/* --- What is logged later by units that do not exist yet: a service's instances (journal-wide.c) ------------------ */

typedef struct WideJournal {
        sd_journal *journal; /* all that this user's processes log */
        char *tail;          /* the cursor of what was logged last when it was opened; NULL for nothing */
        uint64_t tail_time;
} WideJournal;

void wide_journal_done(WideJournal *w);

/* Opens it, where a source has instances; else journal stays NULL. Before anything is read from the other one. */
int wide_journal_open(const LogQuery *q, WideJournal *ret);

/* Goes where j, in which all is read, has ended. 1 when it is at an entry that j has not had, 0 when the next one is to be
 * read. */
int wide_journal_follow(WideJournal *w, sd_journal *j);

/* The names of the sources' instances that j knows of. */
int journal_instances(sd_journal *j, const LogQuery *q, char ***ret);

/* Whether the unit is an instance of the source: tooloo-ID@NAME.service. */
bool log_source_has_instance(const LogSource *s, const char *unit);

/* --- Matches and fields ------------------------------------------------------------------------------------------ */

/* "_SYSTEMD_USER_UNIT=tooloo-ID.service" and so on, with this user's id. */
int journal_match(sd_journal *j, const char *field, const char *value);
int journal_match_user(sd_journal *j, const char *field);
int journal_match_priorities(sd_journal *j, unsigned priorities);

/* A copy of a field of the entry that the journal is at; -ENOENT when it has none. Up to a NUL: what is behind it is no
 * text. */
int journal_field(sd_journal *j, const char *field, char **ret, size_t *ret_size);

/* 1, or 0 when the entry has none; *ret stays as it is then. */
int journal_field_optional(sd_journal *j, const char *field, char **ret);

/* --- One entry ------------------------------------------------------------------------------------------------- */

typedef struct LogStyle {
        bool json;
        bool colors, colors_256;
        int id_width; /* 0: the id is not shown */
} LogStyle;

/* 1 when the entry that the journal is at is one of those wanted, 0 when not. */
int log_entry_wanted(sd_journal *j, const LogQuery *q);

/* Prints the entry that the journal is at: a line with time, id and message, further lines of the message below it; or one
 * JSON object. 0 when it was not wanted, or has no message: it is passed over then. Negative errno when the journal or
 * memory fails; a full or closed stdout is found by its flush. */
int log_entry_print(sd_journal *j, const LogSource *sources, size_t n, const LogStyle *style);
int log_entry_print_query(sd_journal *j, const LogQuery *q, const LogStyle *style);

/* --- What a unit has said last (journal-last.c) -------------------------------------------------------------------- */

/* Prints on stdout what the source logged and what systemd said about it since then (realtime usec), ten lines at most, and
 * waits a moment for the first. What goes wrong is said in a line. */
void journal_print_last(const LogSource *source, uint64_t since);
