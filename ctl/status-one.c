/* SPDX-License-Identifier: MIT */
#include <langinfo.h>
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "status-output.h"

#define JOURNAL_LINES 5
#define MESSAGE_MAX 400

static void journal_close(sd_journal *j) {
        sd_journal_close(j);
}
TL_DEFINE_CLEANUP(sd_journal *, journal_close)

/* A service can log what it likes; a terminal must not be steered by it. */
static void print_clean(const char *s, size_t n) {
        for (size_t i = 0; i < n && i < MESSAGE_MAX; i++)
                (void) putchar((unsigned char) s[i] < ' ' || s[i] == 0x7f ? ' ' : s[i]);
        (void) putchar('\n');
}

static void print_field(const char *name, const char *value) {
        (void) printf("%10s: ", name);
        print_clean(value, strlen(value));
}

static int print_entry(sd_journal *j) {
        const char prefix[] = "MESSAGE=";
        const void *data;
        uint64_t usec;
        char when[32];
        struct tm tm;
        size_t size;
        time_t t;
        int r;

        r = sd_journal_get_realtime_usec(j, &usec);
        if (r < 0)
                return r;
        r = sd_journal_get_data(j, "MESSAGE", &data, &size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        t = (time_t) (usec / USEC_PER_SEC);
        if (!localtime_r(&t, &tm) || strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm) == 0)
                return -EINVAL;
        (void) printf("%s ", when);
        print_clean((const char *) data + strlen(prefix), size - strlen(prefix));
        return 0;
}

static int add_match(sd_journal *j, const char *format, ...) _printf_(2, 3);
static int add_match(sd_journal *j, const char *format, ...) {
        _cleanup_(freep) char *match = NULL;
        va_list ap;

        va_start(ap, format);
        match = str_vprintf(format, ap);
        va_end(ap);
        return match ? sd_journal_add_match(j, match, 0) : -ENOMEM;
}

/* No "current user" flag: root's user units log to the system's journal. */
static int print_journal(const Service *s) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r, n = 0;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = add_match(j, "_SYSTEMD_USER_UNIT=%s", s->unit);
        if (r >= 0)
                r = add_match(j, "_UID=%u", getuid());
        if (r >= 0)
                r = sd_journal_seek_tail(j);
        if (r >= 0)
                r = sd_journal_previous_skip(j, JOURNAL_LINES);
        while (r > 0 && n++ < JOURNAL_LINES) {
                if (n == 1)
                        (void) putchar('\n');
                r = print_entry(j);
                if (r >= 0)
                        r = sd_journal_next(j);
        }
        return r;
}

static void print_activity(const ServiceStatus *st) {
        const Service *s = st->service;
        char since[ISO8601_MAX], span[TIMESPAN_MAX];

        if (st->uptime > 0)
                (void) printf("%10s: %s (%s) since %s; %s ago\n", "Active", s->active_state, strna(s->sub_state),
                              format_iso8601(since, now_realtime_usec() - st->uptime),
                              format_timespan(span, st->uptime));
        else
                (void) printf("%10s: %s (%s)\n", "Active", strna(s->active_state), strna(s->sub_state));
        if (s->port > 0)
                (void) printf("%10s: %u (%s%s%s)\n", "Port", s->port, s->socket ? s->socket : "Port= of the unit",
                              s->socket_state ? " " : "", s->socket_state ? s->socket_state : "");
        if (st->pid > 0)
                (void) printf("%10s: %" PRIu32 "\n", "Main PID", st->pid);
        if (st->restarts > 0)
                (void) printf("%10s: %" PRIu32 "\n", "Restarts", st->restarts);
}

static void print_module(const HostStatus *h) {
        char when[ISO8601_MAX];

        if (!h->known)
                return;
        (void) printf("%10s: version %s, generation %" PRIu64, "Module", strna(h->version), h->generation);
        if (h->retiring > 0)
                (void) printf(" (%" PRIu32 " older still answering)", h->retiring);
        (void) printf("; %" PRIu32 " connections, %" PRIu64 " requests, %" PRIu64 " errors\n", h->connections,
                      h->requests, h->errors);
        if (h->last_reload > 0)
                (void) printf("%10s: %s, %s, paused for %.1f ms\n", "Reload", strna(h->last_result),
                              format_iso8601(when, h->last_reload), (double) h->last_pause / (double) USEC_PER_MSEC);
}

int status_print_one(const ServiceStatus *st, const BuildStatus *build) {
        const Service *s = st->service;
        const char *on = "", *off = "";
        char memory[BYTES_MAX];
        int r;

        if (status_colors()) {
                on = service_is_active(s) ? "\033[32m" : streq(strna(s->active_state), "failed") ? "\033[31m" : "";
                off = *on ? "\033[0m" : "";
        }
        (void) printf("%s%s%s %s - %s\n", on, streq(nl_langinfo(CODESET), "UTF-8") ? "●" : "*", off, s->id,
                      strna(s->name));
        (void) printf("%10s: %s (%s%s%s)\n", "Unit", s->unit, strna(s->load_state), s->fragment_path ? "; " : "",
                      s->fragment_path ? s->fragment_path : "");
        print_activity(st);
        if (st->memory_source != MEMORY_NONE)
                (void) printf("%10s: %s\n", "Memory", format_bytes(memory, st->memory));
        if (st->status_text && *st->status_text)
                print_field("Status", st->status_text);
        print_module(&st->host);
        if (st->problem)
                print_field("Problem", st->problem);
        if (build->status)
                print_field("Build", build->status);
        r = print_journal(s);
        if (r < 0) /* the block above is true without it */
                (void) printf("\n(the journal cannot be read: %s)\n", strerror(-r));
        return 0;
}
