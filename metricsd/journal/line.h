/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

/* One line of the journal, as far as metricsd wants to know it. */

#define JOURNAL_MESSAGE_MAX ((size_t) 4096)
#define JOURNAL_FIELD_MAX ((size_t) 512) /* bytes of a value of TOOLOO_*= */
#define JOURNAL_FIELDS_MAX ((size_t) 16)
#define JOURNAL_LEVELS 8
#define JOURNAL_LEVEL_ERROR 3 /* err; what is less is worse */

typedef struct JournalField {
        const char *name, *value;
} JournalField;

/* Strings are valid UTF-8 without control characters, and NULL where the line has no such field. They are cut at their
 * limit, and last until the next line is read. */
typedef struct JournalLine {
        const char *unit;          /* that it is of, or about; of several the one that it is about */
        uint64_t at;               /* realtime usec, when journald received it */
        int priority;              /* 0 emerg to 7 debug; 6 where it says none */
        const char *message;       /* "" for none */
        const char *message_id;
        const char *code_func;
        const char *invocation_id; /* of that unit's run */
        const char *event;         /* TOOLOO_EVENT= */
        JournalField fields[JOURNAL_FIELDS_MAX]; /* the other TOOLOO_*=, in no order */
        size_t n_fields;
        uint64_t dropped;          /* > 0: this is journald's notice of so many messages that it did not keep */
        const char *cursor;        /* set by the reader */
} JournalLine;

/* Where the strings of a line lie. */
typedef struct JournalLineBuffer {
        char text[JOURNAL_MESSAGE_MAX + JOURNAL_FIELDS_MAX * (JOURNAL_FIELD_MAX + 64) + 2048];
        size_t used;
} JournalLineBuffer;

/* Reads the entry that journal stands at, all of its fields in one go. -EBADMSG and the like when the journal's file is
 * damaged there. */
int journal_line_read(sd_journal *journal, JournalLineBuffer *buffer, JournalLine *ret);

/* True when two lines, one behind the other, are one: journald writes a line a second time when it finds while writing that the
 * file is full. All but its number is the same then, down to the microsecond in which it came. */
bool journal_line_is_copy(const char *cursor, const char *cursor_before);

/* The value of one of line->fields, by the name behind "TOOLOO_"; NULL for none. */
const char *journal_line_field(const JournalLine *line, const char *name);
