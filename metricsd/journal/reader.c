/* SPDX-License-Identifier: MIT */
#include "reader-internal.h"

#include <inttypes.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "pages.h"
#include "shared/journal-access.h"
#include "shared/journal-follow.h"
#include "shared/log.h"
#include "vanish.h"

/* How long it reads before it lets others have a turn. */
#define SLICE_USEC (2 * USEC_PER_MSEC)
#define LINES_PER_LOOK 32 /* at the clock */
/* Some 700 bytes of files each; see pages.h. */
#define LINES_PER_RELEASE 4096

/* --- Reading -------------------------------------------------------------------------------------------------------- */

static void tell_dropped(JournalReader *reader, const JournalLine *line) {
        _cleanup_(freep) char *why = str_printf("journald has dropped %" PRIu64 " messages of this user's services (see "
                                                "RateLimitBurst= in journald.conf(5))",
                                                line->dropped);

        reader->events->lost(why ? why : "journald has dropped messages of this user's services", line->at,
                             reader->userdata);
}

/* 1 when there is nothing to be told of it. */
static int read_line(JournalReader *reader, JournalLine *ret) {
        VANISH_GUARD();
        int r;

        r = journal_reader_take_place(reader);
        return r != 0 ? r : journal_line_read(reader->journal, &reader->buffer, ret);
}

static int read_entry(JournalReader *reader) {
        JournalLine line;
        int r = read_line(reader, &line);

        reader->unreleased++;
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                reader->events->lost("a line of the journal is damaged and cannot be read", now_realtime_usec(),
                                     reader->userdata);
                return 0;
        }
        if (r > 0)
                return 0;
        line.cursor = reader->cursor;
        if (line.dropped > 0)
                tell_dropped(reader, &line);
        else if (line.unit || line.event)
                reader->events->line(&line, reader->userdata);
        return 0;
}

static void release(JournalReader *reader) {
        int r;

        if (reader->unreleased == 0)
                return;
        reader->unreleased = 0;
        r = journal_release_pages();
        if (r < 0)
                log_debug("Cannot give the journal's memory back: %s", strerror(-r));
}

static int next(JournalReader *reader) {
        VANISH_GUARD();

        return sd_journal_next(reader->journal);
}

/* 1 when there is more to read, 0 when not. */
static int read_slice(JournalReader *reader) {
        uint64_t end = now_usec() + SLICE_USEC;

        for (unsigned n = 1;; n++) {
                int r = reader->unread ? 1 : next(reader);

                reader->unread = false;
                if (r <= 0)
                        return r;
                r = read_entry(reader);
                if (r < 0)
                        return r;
                if (reader->unreleased >= LINES_PER_RELEASE)
                        release(reader);
                if (n % LINES_PER_LOOK == 0 && now_usec() >= end)
                        return 1;
        }
}

/* Can the line that was read last still be read? */
static bool is_there(JournalReader *reader) {
        VANISH_GUARD();
        uint64_t at;

        return sd_journal_get_realtime_usec(reader->journal, &at) >= 0 && at == reader->at;
}

static int process(JournalReader *reader) {
        VANISH_GUARD();

        return journal_process(reader->journal);
}

/* The files that are open have been read to their ends. That what has been read last is still there proves that nothing behind
 * it was taken away unread, for the oldest file goes first. Files are looked for only now: one that is renamed leaves
 * sd-journal's sight for a moment, so nothing of it may be left to read. 1 when there is more to do. */
static int look_for_files(JournalReader *reader) {
        int r;

        if (reader->stands && !is_there(reader))
                reader->events->lost("the journal was vacuumed while it was read: lines may be missing",
                                     now_realtime_usec(), reader->userdata);
        r = process(reader);
        reader->stands = is_there(reader);
        return r < 0 ? r : r != SD_JOURNAL_NOP;
}

/* The next line that is left is read with it: were the loss told, and kept, while the place is still the one that has gone, the
 * next start would find and tell it again. */
static int open_and_tell(JournalReader *reader) {
        int r = journal_reader_open(reader);
        bool lost = r > 0;

        if (lost && reader->unread) {
                reader->unread = false;
                r = read_entry(reader);
        }
        if (lost)
                reader->events->lost("the journal no longer holds the line that was read last: what was logged since may be "
                                     "missing", now_realtime_usec(), reader->userdata);
        return r < 0 ? r : 1;
}

static int work(JournalReader *reader) {
        int r;

        if (!reader->journal)
                return open_and_tell(reader);
        r = read_slice(reader);
        return r != 0 ? r : look_for_files(reader);
}

static const char *problem_of(int error) {
        switch (error) {
        case -ENOENT:
                return "no file of the journal can be read; see Storage= in journald.conf(5), and whether you may: journalctl";
        case -EACCES:
                return "journald keeps the journal in memory alone (Storage= in journald.conf(5)), where this user may not read "
                       "it; to allow that: sudo usermod -aG systemd-journal USER, then log in again";
        case -EBADMSG:
                return "the journal is damaged; see journalctl --verify";
        default:
                return strerror(-error);
        }
}

static int on_work(sd_event_source *source, void *userdata) {
        JournalReader *reader = userdata;
        int r;

        reader->held = !reader->events->turn(reader->userdata);
        if (reader->held)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        r = work(reader);
        if (r > 0)
                return 0;
        if (r < 0)
                journal_reader_close(reader);
        if (r < 0 && !reader->failed) { /* what was wrong may have gone with the files that were open */
                reader->failed = true;
                return 0;
        }
        reader->failed = r < 0;
        reader->problem = r < 0 ? problem_of(r) : NULL;
        reader->events->settled(reader->problem, reader->userdata);
        r = sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return r < 0 || !reader->news ? r : sd_event_source_set_enabled(reader->news, SD_EVENT_ON);
}

static int start_work(JournalReader *reader) {
        int r = reader->news ? sd_event_source_set_enabled(reader->news, SD_EVENT_OFF) : 0;

        return r < 0 ? r : sd_event_source_set_enabled(reader->work, SD_EVENT_ON);
}

int journal_reader_on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return start_work(userdata);
}

/* --- For its owner -------------------------------------------------------------------------------------------------- */

int journal_reader_new(sd_event *event, const char *cursor, const JournalReaderEvents *events, void *userdata,
                       JournalReader **ret) {
        _cleanup_(journal_reader_freep) JournalReader *reader = calloc(1, sizeof(JournalReader));
        int r;

        if (!reader)
                return -ENOMEM;
        reader->event = sd_event_ref(event);
        reader->events = events;
        reader->userdata = userdata;
        reader->begun = now_realtime_usec();
        reader->problem = "the journal has not been read yet";
        reader->cursor = cursor ? strdup(cursor) : NULL;
        if (cursor && !reader->cursor)
                return -ENOMEM;
        r = vanish_init();
        if (r >= 0)
                r = sd_event_add_defer(event, &reader->work, on_work, reader);
        if (r >= 0)
                r = sd_event_source_set_priority(reader->work, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(reader->work, SD_EVENT_ON);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reader);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *reader) {
        if (!reader)
                return NULL;
        journal_reader_close(reader);
        sd_event_source_disable_unref(reader->work);
        sd_event_unref(reader->event);
        free(reader->cursor);
        free(reader);
        return NULL;
}

void journal_reader_go_on(JournalReader *reader) {
        int r = reader->held ? start_work(reader) : 0;

        if (r < 0)
                log_errno(r, "Cannot read the journal on");
}

/* A file system of another machine tells nobody what changes there. */
void journal_reader_tick(JournalReader *reader) {
        int r = 0;

        release(reader);
        if (reader->journal && journal_is_hidden())
                journal_reader_close(reader);
        if (!reader->journal || reader->held || sd_journal_reliable_fd(reader->journal) == 0)
                r = start_work(reader);
        if (r < 0)
                log_errno(r, "Cannot try the journal again");
}

const char *journal_reader_cursor(const JournalReader *reader) {
        return reader->cursor;
}

const char *journal_reader_problem(const JournalReader *reader) {
        return reader->problem;
}
