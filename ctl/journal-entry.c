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
        char *unit; /* the source's, or an instance of it */
        unsigned long priority;
        unsigned long pid; /* 0 when it is not known */
        char *message;
        char *cursor;
} LogEntry;

static void log_entry_done(LogEntry *e) {
        free(e->unit);
        free(e->message);
        free(e->cursor);
}

int journal_field(sd_journal *j, const char *field, char **ret, size_t *ret_size) {
        const void *data;
        size_t size, skip = strlen(field) + 1;
        char *copy;
        int r;

        r = sd_journal_get_data(j, field, &data, &size);
        if (r < 0)
                return r;
        if (size < skip)
                return -EBADMSG;
        copy = strndup((const char *) data + skip, size - skip);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        if (ret_size)
                *ret_size = strlen(copy);
        return 0;
}

int journal_field_optional(sd_journal *j, const char *field, char **ret) {
        int r = journal_field(j, field, ret, NULL);

        return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int get_number(sd_journal *j, const char *field, unsigned long max, unsigned long *ret) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = journal_field(j, field, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        (void) parse_uint(text, 0, max, ret); /* a service can send any nonsense as its priority */
        return 0;
}

static bool is_of(const LogSource *s, const char *unit) {
        return streq(unit, s->unit) || (s->socket && streq(unit, s->socket)) || log_source_has_instance(s, unit);
}

/* The manager's own unit is init.scope, so the unit that an entry is about comes before the one that it is from. */
static int find_source(sd_journal *j, const LogQuery *q, LogEntry *e) {
        static const char *const fields[] = { "USER_UNIT", "COREDUMP_USER_UNIT", "_SYSTEMD_USER_UNIT" };

        for (size_t f = 0; f < ELEMENTSOF(fields); f++) {
                _cleanup_(freep) char *unit = NULL;
                int r;

                r = journal_field(j, fields[f], &unit, NULL);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                for (size_t i = 0; i < q->n_sources; i++) {
                        if (!is_of(q->sources + i, unit))
                                continue;
                        e->source = q->sources + i;
                        e->unit = TAKE_PTR(unit);
                        return 0;
                }
        }
        return -ENOENT;
}

static bool is_within(uint64_t time, uint64_t from, uint64_t until) {
        return time >= from && (until == 0 || time <= until);
}

/* 1 when it is wanted; *ret_message is as it was logged. */
static int judge(sd_journal *j, const LogQuery *q, LogEntry *e, char **ret_message, size_t *ret_size) {
        int r;

        r = find_source(j, q, e);
        if (r >= 0)
                r = sd_journal_get_realtime_usec(j, &e->time);
        if (r < 0)
                return r;
        if (!is_within(e->time, q->since, q->until) || !is_within(e->time, e->source->from, e->source->until))
                return 0;
        r = journal_field(j, "MESSAGE", ret_message, ret_size);
        if (r < 0)
                return r;
        return !q->pattern || log_pattern_matches(q->pattern, *ret_message, *ret_size);
}

static int take_message(LogEntry *e, const char *raw, size_t size) {
        while (size > 0 && (raw[size - 1] == '\n' || raw[size - 1] == ' ' || raw[size - 1] == '\r'))
                size--;
        e->message = text_clean_lines(raw, size);
        return e->message ? 0 : -ENOMEM;
}

/* 1 when it is wanted. */
static int read_entry(sd_journal *j, const LogQuery *q, bool whole, LogEntry *e) {
        _cleanup_(freep) char *raw = NULL;
        size_t size;
        int r;

        e->priority = LOG_INFO;
        r = judge(j, q, e, &raw, &size);
        if (r <= 0)
                return r;
        r = take_message(e, raw, size);
        if (r >= 0)
                r = get_number(j, "PRIORITY", LOG_DEBUG, &e->priority);
        if (r >= 0 && whole)
                r = get_number(j, "_PID", INT32_MAX, &e->pid);
        if (r >= 0 && whole)
                r = sd_journal_get_cursor(j, &e->cursor);
        return r < 0 ? r : 1;
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
static const char *color_of_source(const LogSource *s, const LogStyle *style) {
        static const char *const colors[] = {
                "\033[36m", "\033[32m", "\033[35m", "\033[34m", "\033[96m", "\033[92m", "\033[95m", "\033[94m",
        };
        /* Bright enough on black, dark enough on white; neighbours far apart. */
        static const char *const more[] = {
                "\033[38;5;37m",  "\033[38;5;71m",  "\033[38;5;133m", "\033[38;5;69m",  "\033[38;5;72m",  "\033[38;5;99m",
                "\033[38;5;107m", "\033[38;5;168m", "\033[38;5;31m",  "\033[38;5;65m",  "\033[38;5;140m", "\033[38;5;36m",
                "\033[38;5;63m",  "\033[38;5;175m", "\033[38;5;67m",  "\033[38;5;35m",  "\033[38;5;97m",  "\033[38;5;73m",
                "\033[38;5;132m", "\033[38;5;32m",
        };

        return style->colors_256 ? more[s->number % ELEMENTSOF(more)] : colors[s->number % ELEMENTSOF(colors)];
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
                (void) printf("%s%-*s%s ", style->colors ? color_of_source(e->source, style) : "", style->id_width,
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

/* One damaged entry is no reason to withhold those behind it. */
static int or_unwanted(int r) {
        return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

int log_entry_wanted(sd_journal *j, const LogQuery *q) {
        _cleanup_(log_entry_done) LogEntry e = {};
        _cleanup_(freep) char *message = NULL;
        size_t size;

        return or_unwanted(judge(j, q, &e, &message, &size));
}

int log_entry_print_query(sd_journal *j, const LogQuery *q, const LogStyle *style) {
        _cleanup_(log_entry_done) LogEntry e = {};
        int r;

        r = or_unwanted(read_entry(j, q, style->json, &e));
        if (r <= 0)
                return r;
        r = style->json ? print_json(&e) : print_text(&e, style);
        return r < 0 ? r : 1;
}

int log_entry_print(sd_journal *j, const LogSource *sources, size_t n, const LogStyle *style) {
        return log_entry_print_query(j, &(LogQuery) { .sources = sources, .n_sources = n }, style);
}
