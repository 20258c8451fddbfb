/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-login.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "pages.h"
#include "shared/log.h"
#include "vanish.h"

/* How long it reads before it lets others have a turn. */
#define SLICE_USEC (2 * USEC_PER_MSEC)
#define LINES_PER_LOOK 32 /* at the clock */
/* Some 700 bytes of files each; see pages.h. */
#define LINES_PER_RELEASE 4096

#define NOTICE "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e" /* SD_MESSAGE_JOURNAL_DROPPED */

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
        uint64_t begun;      /* realtime usec; without a cursor nothing older counts */
        uint64_t at;         /* of the line that was read last */
        bool stands;         /* sd-journal stands there */
        bool unread;         /* at the next one, which has not been read */
        size_t unreleased;   /* lines read since pages were released */
        JournalLineBuffer buffer;
};

/* --- Where it begins ------------------------------------------------------------------------------------------------ */

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

/* 1 when the line there is but a copy of the one before. */
static int take_place(JournalReader *reader) {
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
                return MIN(take_place(reader), 0);
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
                return MIN(take_place(reader), 0);
        reader->unread = r > 0;
        if (r > 0)
                return 1;
        reader->begun = now_realtime_usec();
        r = seek_begin(reader);
        return r < 0 ? r : 1;
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* Before anything is read, so that no line comes unheard in between. */
static int follow(JournalReader *reader) {
        int fd = sd_journal_get_fd(reader->journal), events, r;

        if (fd < 0)
                return fd;
        events = sd_journal_get_events(reader->journal);
        if (events < 0)
                return events;
        r = sd_event_add_io(reader->event, &reader->news, fd, (uint32_t) events, on_news, reader);
        return r < 0 ? r : sd_event_source_set_enabled(reader->news, SD_EVENT_OFF);
}

/* As seek_cursor(). Not by the flag for the current user: root's units log to the system's journal, and the notices stand
 * there, too. Without any file there is nothing to see, and yet no error: -ENOENT. */
static int open_journal(JournalReader *reader) {
        VANISH_GUARD();
        int r;

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

static void close_journal(JournalReader *reader) {
        reader->news = sd_event_source_disable_unref(reader->news);
        sd_journal_close(reader->journal);
        reader->journal = NULL;
        reader->stands = reader->unread = false;
}

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

        r = take_place(reader);
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

        return sd_journal_process(reader->journal);
}

/* All of the files that are open was read. That what has been read last is still there proves that nothing behind it was taken
 * away unread, for the oldest file goes first. Files are looked for only now: one that is renamed leaves sd-journal's sight for
 * a moment, so nothing of it may be left to read. 1 when there is more to do. */
static int look_for_files(JournalReader *reader) {
        int r;

        if (reader->stands && !is_there(reader))
                reader->events->lost("the journal was vacuumed while it was read: lines may be missing",
                                     now_realtime_usec(), reader->userdata);
        r = process(reader);
        reader->stands = is_there(reader);
        return r < 0 ? r : r != SD_JOURNAL_NOP;
}

static int work(JournalReader *reader) {
        int r;

        if (!reader->journal) {
                r = open_journal(reader);
                if (r > 0)
                        reader->events->lost("the journal no longer holds the line that was read last: what was logged "
                                             "since may be missing",
                                             now_realtime_usec(), reader->userdata);
                return r < 0 ? r : 1;
        }
        r = read_slice(reader);
        return r != 0 ? r : look_for_files(reader);
}

static const char *problem_of(int error) {
        switch (error) {
        case -ENOENT:
                return "no file of the journal can be read; see Storage= in journald.conf(5), and whether you may: journalctl";
        case -EBADMSG:
                return "the journal is damaged; see journalctl --verify";
        default:
                return strerror(-error);
        }
}

static int on_work(sd_event_source *source, void *userdata) {
        JournalReader *reader = userdata;
        int r;

        reader->events->turn(reader->userdata);
        r = work(reader);
        if (r > 0)
                return 0;
        if (r < 0)
                close_journal(reader);
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

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
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
        close_journal(reader);
        sd_event_source_disable_unref(reader->work);
        sd_event_unref(reader->event);
        free(reader->cursor);
        free(reader);
        return NULL;
}

/* A file system of another machine tells nobody what changes there. */
void journal_reader_tick(JournalReader *reader) {
        int r = 0;

        release(reader);
        if (!reader->journal || sd_journal_reliable_fd(reader->journal) == 0)
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

bool journal_reader_sees_notices(void) {
        static const char *const places[] = { "/var/log/journal", "/run/log/journal" };
        char machine[SD_ID128_STRING_MAX];
        sd_id128_t id;

        if (sd_id128_get_machine(&id) < 0)
                return false;
        (void) sd_id128_to_string(id, machine);
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_(freep) char *path = str_printf("%s/%s/system.journal", places[i], machine);

                if (path && access(path, R_OK) == 0)
                        return true;
        }
        return false;
}
