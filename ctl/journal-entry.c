/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "basic/time-util.h"
#include "journal.h"
#include "table.h"
#include "terminal.h"
#include "text.h"

#define WHEN_MAX 32

typedef struct LogEntry {
        uint64_t time; /* realtime usec */
        const LogSource *source;
        const char *unit; /* the source's */
        unsigned long priority;
        unsigned long pid; /* 0 when it is not known */
        char *message;
        char *cursor;
} LogEntry;

static void log_entry_done(LogEntry *e) {
        free(e->message);
        free(e->cursor);
}

/* A copy of a field's value; -ENOENT when the entry has no such field. */
static int get_field(sd_journal *j, const char *field, char **ret, size_t *ret_size) {
        const void *data;
        size_t size, skip = strlen(field) + 1;
        char *copy;
        int r;

        r = sd_journal_get_data(j, field, &data, &size);
        if (r < 0)
                return r;
        if (size < skip)
                return -EBADMSG;
        copy = strndup((const char *) data + skip, size - skip); /* up to a NUL: what is behind it is no text */
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        if (ret_size)
                *ret_size = strlen(copy);
        return 0;
}

static int get_number(sd_journal *j, const char *field, unsigned long max, unsigned long *ret) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = get_field(j, field, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        (void) parse_uint(text, 0, max, ret); /* a service can send any nonsense as its priority */
        return 0;
}

/* The manager's own unit is init.scope, so the unit that an entry is about comes before the one that it is from. */
static int find_source(sd_journal *j, const LogSource *sources, size_t n, LogEntry *e) {
        static const char *const fields[] = { "USER_UNIT", "COREDUMP_USER_UNIT", "_SYSTEMD_USER_UNIT" };

        for (size_t f = 0; f < ELEMENTSOF(fields); f++) {
                _cleanup_(freep) char *unit = NULL;
                int r;

                r = get_field(j, fields[f], &unit, NULL);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                for (size_t i = 0; i < n; i++) {
                        const LogSource *s = sources + i;

                        if (!streq(unit, s->unit) && !(s->socket && streq(unit, s->socket)))
                                continue;
                        e->source = s;
                        e->unit = streq(unit, s->unit) ? s->unit : s->socket;
                        return 0;
                }
        }
        return -ENOENT;
}

static int read_message(sd_journal *j, LogEntry *e) {
        _cleanup_(freep) char *raw = NULL;
        size_t size;
        int r;

        r = get_field(j, "MESSAGE", &raw, &size);
        if (r < 0)
                return r;
        while (size > 0 && (raw[size - 1] == '\n' || raw[size - 1] == ' ' || raw[size - 1] == '\r'))
                size--;
        e->message = text_clean_lines(raw, size);
        return e->message ? 0 : -ENOMEM;
}

static int read_entry(sd_journal *j, const LogSource *sources, size_t n, bool whole, LogEntry *e) {
        int r;

        e->priority = LOG_INFO;
        r = find_source(j, sources, n, e);
        if (r >= 0)
                r = read_message(j, e);
        if (r >= 0)
                r = sd_journal_get_realtime_usec(j, &e->time);
        if (r >= 0)
                r = get_number(j, "PRIORITY", LOG_DEBUG, &e->priority);
        if (r >= 0 && whole)
                r = get_number(j, "_PID", INT32_MAX, &e->pid);
        return r < 0 || !whole ? r : sd_journal_get_cursor(j, &e->cursor);
}

static int print_json(const LogEntry *e) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        char time[ISO8601_MAX];
        int r;

        if (!o)
                return -ENOMEM;
        r = json_set(o, "time", json_object_new_string(format_iso8601(time, e->time)));
        if (r >= 0)
                r = json_set(o, "id", json_object_new_string(e->source->id));
        if (r >= 0)
                r = json_set(o, "unit", json_object_new_string(e->unit));
        if (r >= 0)
                r = json_set(o, "priority", json_object_new_int((int) e->priority));
        if (r >= 0 && e->pid > 0)
                r = json_set(o, "pid", json_object_new_int((int) e->pid));
        if (r >= 0)
                r = json_set(o, "message", json_object_new_string(e->message));
        if (r >= 0)
                r = json_set(o, "cursor", json_object_new_string(e->cursor));
        if (r >= 0)
                (void) json_print(o); /* the flush finds what is wrong with stdout */
        return r;
}

/* As journalctl has it. */
static const char *color_of_priority(unsigned long priority) {
        return priority <= LOG_ERR ? ANSI_BOLD_RED : priority == LOG_WARNING ? ANSI_BOLD_YELLOW :
               priority == LOG_NOTICE ? ANSI_BOLD : priority == LOG_DEBUG ? ANSI_GREY : "";
}

/* No red and no yellow: these are for errors and warnings. */
static const char *color_of_source(const LogSource *s) {
        static const char *const colors[] = {
                "\033[36m", "\033[32m", "\033[35m", "\033[34m", "\033[96m", "\033[92m", "\033[95m", "\033[94m",
        };

        return colors[s->number % ELEMENTSOF(colors)];
}

static int print_text(const LogEntry *e, const LogStyle *style) {
        const char *color = style->colors ? color_of_priority(e->priority) : "", *line = e->message;
        time_t t = (time_t) (e->time / USEC_PER_SEC);
        char when[WHEN_MAX];
        struct tm tm;
        int indent;

        if (!localtime_r(&t, &tm) || strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm) == 0)
                return -EINVAL;
        (void) printf("%s ", when);
        if (style->id_width > 0)
                (void) printf("%s%-*s%s ", style->colors ? color_of_source(e->source) : "", style->id_width,
                              e->source->id, style->colors ? ANSI_NORMAL : "");
        indent = (int) strlen(when) + 1 + style->id_width + (style->id_width > 0);
        for (;;) {
                int n = (int) strcspn(line, "\n");

                (void) printf("%s%.*s%s\n", color, n, line, *color ? ANSI_NORMAL : "");
                line += n;
                if (!*line++)
                        return 0;
                (void) printf("%*s", indent, "");
        }
}

int log_entry_print(sd_journal *j, const LogSource *sources, size_t n, const LogStyle *style) {
        _cleanup_(log_entry_done) LogEntry e = {};
        int r;

        r = read_entry(j, sources, n, style->json, &e);
        if (r == -ENOENT || r == -EBADMSG) /* one damaged entry is no reason to withhold those behind it */
                return 0;
        if (r < 0)
                return r;
        return style->json ? print_json(&e) : print_text(&e, style);
}
