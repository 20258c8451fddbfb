/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "control-internal.h"
#include "foundation/json-util.h"
#include "shared/log.h"

#define LINES_DEFAULT 100
#define LINES_MAX 1000
#define SINCE_SECONDS_MAX (10UL * 366 * 24 * 3600)
/* Longer messages are cut; systemd itself keeps a stack trace, say, whole. */
#define MESSAGE_MAX ((size_t) 16 * 1024)
/* Of all messages of one answer. */
#define BYTES_MAX ((size_t) 4 * 1024 * 1024)
/* How much is read before other events have their turn. */
#define ENTRIES_A_TURN 32
#define TURN_USEC (2 * USEC_PER_MSEC)
/* Requests that have the journal open: each maps its files. */
#define READERS_MAX 8

typedef struct LogReader {
        Task task;
        sd_journal *journal;
        sd_event_source *turn;
        json_object *lines; /* newest first, as they are read */
        size_t wanted;
        uint64_t since; /* realtime usec, 0 for the beginning */
        size_t bytes;
        bool cut; /* BYTES_MAX was reached */
} LogReader;

static void log_reader_free(Task *task) {
        LogReader *reader = (LogReader *) task;

        sd_event_source_disable_unref(reader->turn);
        sd_journal_close(reader->journal);
        json_object_put(reader->lines);
        free(reader);
}

/* --- The journal --- */

/* What the service writes, and what its manager says about it. By user, for the system's journal has all of them. */
static int add_matches(sd_journal *journal, const char *unit) {
        static const char *const fields[] = { "_SYSTEMD_USER_UNIT", "USER_UNIT" };
        char uid[32];
        int r = 0;

        (void) snprintf(uid, sizeof(uid), "_UID=%u", getuid());
        for (size_t i = 0; i < ELEMENTSOF(fields) && r >= 0; i++) {
                _cleanup_(freep) char *match = str_printf("%s=%s", fields[i], unit);

                if (!match)
                        return -ENOMEM;
                r = sd_journal_add_match(journal, match, 0);
                if (r >= 0)
                        r = sd_journal_add_match(journal, uid, 0);
                if (r >= 0)
                        r = sd_journal_add_disjunction(journal);
        }
        return r;
}

/* Without the current-user flag: root's user units log to the system's journal. */
static int open_journal(LogReader *reader, const char *unit) {
        int r;

        r = sd_journal_open(&reader->journal, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = sd_journal_set_data_threshold(reader->journal, MESSAGE_MAX);
        if (r >= 0)
                r = add_matches(reader->journal, unit);
        return r < 0 ? r : sd_journal_seek_tail(reader->journal);
}

/* The value of a field, a copy of at most MESSAGE_MAX bytes of it; 0 with NULL when the entry has none. */
static int get_field(sd_journal *journal, const char *name, char **ret, size_t *ret_size) {
        size_t size, prefix = strlen(name) + 1;
        const void *data;
        char *copy;
        int r;

        r = sd_journal_get_data(journal, name, &data, &size);
        if (r == -ENOENT || (r >= 0 && size < prefix)) {
                *ret = NULL;
                return 0;
        }
        if (r < 0)
                return r;
        size = MIN(size - prefix, MESSAGE_MAX); /* the threshold of the journal holds for compressed data alone */
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, (const char *) data + prefix, size);
        copy[size] = '\0';
        *ret = copy;
        *ret_size = size;
        return 0;
}

/* NULL when the field is missing or no number. */
static json_object *number_field(sd_journal *journal, const char *name) {
        _cleanup_(freep) char *text = NULL;
        unsigned long n;
        size_t size;

        if (get_field(journal, name, &text, &size) < 0 || !text || parse_uint(text, 0, INT32_MAX, &n) < 0)
                return NULL;
        return json_object_new_uint64(n);
}

static int add_line(LogReader *reader, uint64_t when) {
        _cleanup_(freep) char *message = NULL;
        json_object *line;
        size_t size = 0;
        int r;

        r = get_field(reader->journal, "MESSAGE", &message, &size);
        if (r < 0)
                return r;
        if (message)
                utf8_clean(message, size);
        reader->bytes += size;
        line = json_object_new_object();
        if (line && json_add(line, "timestamp", json_time(when)) &&
            json_add(line, "priority", number_field(reader->journal, "PRIORITY")) &&
            json_add(line, "message", message ? json_object_new_string_len(message, (int) size) : NULL) &&
            json_add(line, "pid", number_field(reader->journal, "_PID")) &&
            json_object_array_add(reader->lines, line) >= 0)
                return 0;
        json_object_put(line);
        return -ENOMEM;
}

/* --- Turn by turn --- */

static json_object *lines_to_json(const LogReader *reader) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *lines = json_object_new_array();

        if (!json || !lines)
                return NULL;
        for (size_t i = json_object_array_length(reader->lines); i > 0; i--) {
                json_object *line = json_object_get(json_object_array_get_idx(reader->lines, i - 1));

                if (json_object_array_add(lines, line) < 0) {
                        json_object_put(line);
                        return NULL;
                }
        }
        if (!json_add(json, "ok", json_object_new_boolean(true)) || !json_add(json, "lines", TAKE_PTR(lines)) ||
            !json_add(json, "truncated", json_object_new_boolean(reader->cut)))
                return NULL;
        return TAKE_PTR(json);
}

/* 1 for one more line, 0 when there is none. */
static int read_entry(LogReader *reader) {
        uint64_t when;
        int r;

        if (json_object_array_length(reader->lines) >= reader->wanted)
                return 0;
        reader->cut = reader->bytes >= BYTES_MAX;
        if (reader->cut)
                return 0;
        r = sd_journal_previous(reader->journal);
        if (r <= 0)
                return r;
        r = sd_journal_get_realtime_usec(reader->journal, &when);
        if (r < 0)
                return r;
        if (when < reader->since)
                return 0;
        r = add_line(reader, when);
        /* One damaged entry is not the end of the rest. */
        return r == -ENOMEM ? r : 1;
}

static void fail(LogReader *reader, int r) {
        log_errno(r, "Cannot read the journal");
        (void) http_reply_error(reader->task.request, 500, "JOURNAL_FAILED", "the journal cannot be read: %s",
                                strerror(-r));
        task_end(&reader->task);
}

static int on_turn(sd_event_source *source, void *userdata) {
        uint64_t end = now_usec() + TURN_USEC;
        LogReader *reader = userdata;
        int r = 1;

        for (int i = 0; i < ENTRIES_A_TURN && r > 0 && now_usec() < end; i++)
                r = read_entry(reader);
        if (r < 0)
                fail(reader, r);
        else if (r == 0)
                task_reply(&reader->task, 200, lines_to_json(reader));
        return 0;
}

static int start(LogReader *reader, const char *unit) {
        int r;

        reader->lines = json_object_new_array();
        if (!reader->lines)
                return -ENOMEM;
        r = open_journal(reader, unit);
        if (r >= 0)
                r = sd_event_add_defer(reader->task.control->event, &reader->turn, on_turn, reader);
        if (r >= 0) /* after all else that is due in a turn of the loop */
                r = sd_event_source_set_priority(reader->turn, SD_EVENT_PRIORITY_NORMAL + 10);
        return r < 0 ? r : sd_event_source_set_enabled(reader->turn, SD_EVENT_ON);
}

/* --- From the request --- */

/* ISO 8601, or a number of seconds before now. */
static int parse_since(const char *s, uint64_t *ret) {
        unsigned long seconds;

        if (parse_uint(s, 0, SINCE_SECONDS_MAX, &seconds) < 0)
                return parse_iso8601(s, ret);
        *ret = now_realtime_usec() - seconds * USEC_PER_SEC;
        return 0;
}

static unsigned count_readers(const Control *control) {
        const Task *task;
        unsigned n = 0;

        LIST_FOREACH(task, &control->tasks, entries)
                n += task->free == log_reader_free;
        return n;
}

static int read_logs(HttpRequest *request, Control *control) {
        const char *lines = http_request_query(request, "lines"), *since = http_request_query(request, "since");
        const FleetUnit *unit = control_find_unit(request, control);
        unsigned long wanted = LINES_DEFAULT;
        uint64_t from = 0;
        LogReader *reader;
        int r;

        if (!unit)
                return 0;
        if (lines && parse_uint(lines, 1, LINES_MAX, &wanted) < 0)
                return http_reply_error(request, 400, "INVALID_QUERY", "lines: a number in 1..%d is expected", LINES_MAX);
        if (since && parse_since(since, &from) < 0)
                return http_reply_error(request, 400, "INVALID_QUERY",
                                        "since: a time such as 2026-01-31T08:15:30Z is expected, or a number of seconds");
        if (count_readers(control) >= READERS_MAX)
                return http_reply_error(request, 429, "TOO_MANY_REQUESTS",
                                        "%d requests read the journal already: try again when one has its answer",
                                        READERS_MAX);
        reader = calloc(1, sizeof(LogReader));
        if (!reader)
                return -ENOMEM;
        reader->wanted = wanted;
        reader->since = from;
        r = task_begin(&reader->task, control, request, log_reader_free, false);
        if (r < 0) {
                free(reader);
                return 0;
        }
        r = start(reader, unit->service->unit);
        if (r >= 0)
                return HTTP_LATER;
        fail(reader, r);
        return 0;
}

int get_logs(HttpRequest *request, void *state) {
        return control_with_fleet(request, state, read_logs);
}
