/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

#include "ctl.h"

static inline void journal_close(sd_journal *j) {
        sd_journal_close(j);
}
TL_DEFINE_CLEANUP(sd_journal *, journal_close)

/* Whose entries are wanted; the strings are somebody else's. */
typedef struct LogSource {
        const char *id;
        const char *unit;
        const char *socket; /* NULL for none */
        unsigned number;    /* the same in each call, for its colour */
} LogSource;

LogSource log_source_of(const Ctl *ctl, const Service *s);

/* Opens the journal for what the sources' processes logged and what systemd said about their units. -ENODATA when there
 * is no journal that this user may read. */
int journal_open(const LogSource *sources, size_t n, sd_journal **ret);

/* What to do about -ENODATA, in one line. The caller frees; NULL without memory. */
char *journal_advice(void);

/* Goes to the first of the last lines entries (LINES_ALL for all) that are not older than since (realtime usec). 1 when
 * there is one, 0 when there is none; what is logged later is then found by sd_journal_next(). */
int journal_seek(sd_journal *j, uint64_t lines, uint64_t since);

/* --- One entry ------------------------------------------------------------------------------------------------- */

typedef struct LogStyle {
        bool json;
        bool colors;
        int id_width; /* 0: the id is not shown */
} LogStyle;

/* Prints the entry that the journal is at: a line with time, id and message, further lines of the message below it; or one
 * JSON object. An entry without a message, or of none of the sources, is passed over. Negative errno when the journal or
 * memory fails; a full or closed stdout is found by its flush. */
int log_entry_print(sd_journal *j, const LogSource *sources, size_t n, const LogStyle *style);
