/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "line.h"

/* Follows what this user's services log, from the event loop: all lines of this user, and journald's notices of messages that
 * it has dropped. It is told of new lines and never asks. However much there is to read, others come first: it reads for
 * some milliseconds at a time, when nothing else waits. */
typedef struct JournalReader JournalReader;

/* None of these may free the reader. */
typedef struct JournalReaderEvents {
        /* A line with a unit or with TOOLOO_EVENT=, in the order of the journal. */
        void (*line)(const JournalLine *line, void *userdata);
        /* Lines are missing, of all services: why is a sentence. at is realtime usec. */
        void (*lost)(const char *why, uint64_t at, void *userdata);
        /* It begins to work, up to the end of this turn of the event loop. In the one in which it opens the journal it
         * reads no line yet. False holds it, until journal_reader_go_on() or the next journal_reader_tick(). */
        bool (*turn)(void *userdata);
        /* All lines that there are have been read; or, with a problem, nothing can be read: it is tried again with
         * journal_reader_tick(). */
        void (*settled)(const char *problem, void *userdata);
} JournalReaderEvents;

/* Goes on behind cursor; NULL: with what is logged from now on. cursor is copied, events must outlive the reader. */
int journal_reader_new(sd_event *event, const char *cursor, const JournalReaderEvents *events, void *userdata,
                       JournalReader **ret);
JournalReader *journal_reader_free(JournalReader *reader);
TL_DEFINE_CLEANUP(JournalReader *, journal_reader_free)

/* What it was held for is over; asks `turn` again. */
void journal_reader_go_on(JournalReader *reader);

/* To be called every few seconds: tries again where the journal could not be read, and gives memory back. */
void journal_reader_tick(JournalReader *reader);

/* Of the newest line that was read; NULL for none yet. Until the next line is read. */
const char *journal_reader_cursor(const JournalReader *reader);

/* Why nothing can be read at present, or has been yet: one line that says what to do. NULL while all is well. */
const char *journal_reader_problem(const JournalReader *reader);
