/* SPDX-License-Identifier: MIT */
#pragma once

#include "reader.h"

/* Shared by reader.c and reader-open.c alone. */

struct JournalReader {
        sd_journal *journal; /* NULL while it cannot be read */
        sd_event *event;
        sd_event_source *news; /* the journal has changed; off while `work` has something to do */
        sd_event_source *work;
        const JournalReaderEvents *events;
        void *userdata;
        char *cursor;
        const char *problem;
        bool failed;         /* the last turn */
        bool held;           /* by its owner */
        uint64_t begun;      /* realtime usec; without a cursor nothing older counts */
        uint64_t at;         /* of the line that was read last */
        bool stands;         /* sd-journal stands there */
        bool unread;         /* at the next one, which has not been read */
        size_t unreleased;   /* lines read since pages were released */
        JournalLineBuffer buffer;
};

/* Opens the journal where it is to be read on. 1 when the line of the cursor has gone: then at the next that is left. -ENOENT
 * when there is no file that can be read, -EACCES when there is another that cannot. */
int journal_reader_open(JournalReader *reader);
void journal_reader_close(JournalReader *reader);

/* The line where sd-journal stands becomes the one that was read last. 1 when it is but a copy of the one before. */
int journal_reader_take_place(JournalReader *reader);

int journal_reader_on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata);
