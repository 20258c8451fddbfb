/* SPDX-License-Identifier: MIT */
#include <systemd/sd-login.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/journal-access.h"
#include "reader-internal.h"
#include "vanish.h"

#define NOTICE "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e" /* SD_MESSAGE_JOURNAL_DROPPED */

/* What is dropped is dropped of all services of a user together, for journald's limit is on the unit of the user manager,
 * user@UID.service. Where that is not known, as in some containers, there is no limit either. */
static int match_notices(sd_journal *journal) {
        _cleanup_(freep) char *manager = NULL, *match = NULL;
        int r;

        if (sd_pid_get_unit(0, &manager) < 0)
                return 0;
        match = str_printf("OBJECT_SYSTEMD_UNIT=%s", manager);
        if (!match)
                return -ENOMEM;
        r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = sd_journal_add_match(journal, NOTICE, 0);
        return r < 0 ? r : sd_journal_add_match(journal, match, 0);
}

/* By user and not by unit: a match for each of 200 services would have the journal search 200 lists for each line. */
static int add_matches(sd_journal *journal) {
        _cleanup_(freep) char *user = str_printf("_UID=%u", (unsigned) getuid());
        int r;

        if (!user)
                return -ENOMEM;
        r = sd_journal_add_match(journal, user, 0);
        return r < 0 ? r : match_notices(journal);
}

int journal_reader_take_place(JournalReader *reader) {
        char *cursor;
        int r;

        r = sd_journal_get_realtime_usec(reader->journal, &reader->at);
        if (r >= 0)
                r = sd_journal_get_cursor(reader->journal, &cursor);
        if (r < 0)
                return r;
        r = reader->cursor && journal_line_is_copy(cursor, reader->cursor);
        free(reader->cursor);
        reader->cursor = cursor;
        reader->stands = true;
        return r;
}

/* Behind the last line of before. Where there is none, files of an older time may still come to light. */
static int seek_begin(JournalReader *reader) {
        int r = sd_journal_seek_realtime_usec(reader->journal, reader->begun);

        if (r >= 0)
                r = sd_journal_previous(reader->journal);
        if (r > 0)
                return MIN(journal_reader_take_place(reader), 0);
        return r < 0 ? r : sd_journal_seek_realtime_usec(reader->journal, reader->begun);
}

/* Behind the line of the cursor, 0; or, when that has gone, at the next that is left, 1. */
static int seek_cursor(JournalReader *reader) {
        int r = sd_journal_seek_cursor(reader->journal, reader->cursor);

        if (r >= 0)
                r = sd_journal_next(reader->journal);
        if (r < 0)
                return r;
        if (r > 0 && sd_journal_test_cursor(reader->journal, reader->cursor) > 0)
                return MIN(journal_reader_take_place(reader), 0);
        reader->unread = r > 0;
        if (r > 0)
                return 1;
        reader->begun = now_realtime_usec();
        r = seek_begin(reader);
        return r < 0 ? r : 1;
}

/* Before anything is read, so that no line comes unheard in between. */
static int follow(JournalReader *reader) {
        int fd = sd_journal_get_fd(reader->journal), events, r;

        if (fd < 0)
                return fd;
        events = sd_journal_get_events(reader->journal);
        if (events < 0)
                return events;
        r = sd_event_add_io(reader->event, &reader->news, fd, (uint32_t) events, journal_reader_on_news, reader);
        return r < 0 ? r : sd_event_source_set_enabled(reader->news, SD_EVENT_OFF);
}

/* Not by the flag for the current user: root's units log to the system's journal, and the notices stand
 * there, too. Without any file there is nothing to see, and yet no error: -ENOENT. */
int journal_reader_open(JournalReader *reader) {
        VANISH_GUARD();
        int r;

        if (journal_is_hidden())
                return -EACCES;
        r = sd_journal_open(&reader->journal, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        if (sd_journal_has_persistent_files(reader->journal) <= 0 && sd_journal_has_runtime_files(reader->journal) <= 0)
                return -ENOENT;
        r = sd_journal_set_data_threshold(reader->journal, JOURNAL_MESSAGE_MAX + 64);
        if (r >= 0)
                r = add_matches(reader->journal);
        if (r >= 0)
                r = follow(reader);
        if (r >= 0)
                r = reader->cursor ? seek_cursor(reader) : seek_begin(reader);
        return r;
}

void journal_reader_close(JournalReader *reader) {
        reader->news = sd_event_source_disable_unref(reader->news);
        sd_journal_close(reader->journal);
        reader->journal = NULL;
        reader->stands = reader->unread = false;
}
