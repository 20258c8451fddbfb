/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "columns.h"
#include "journal.h"
#include "status-output.h"
#include "terminal.h"
#include "text.h"

#define JOURNAL_LINES 5

/* A service can say what it likes; a terminal must not be steered by it. */
static void print_field(const char *name, const char *value) {
        _cleanup_(freep) char *clean = text_clean(value, strlen(value));

        (void) printf("%10s: %s\n", name, strna(clean));
}

static int print_journal(const Service *s) {
        const LogSource source = { s->id, s->unit, s->socket, 0 };
        const LogStyle style = { .colors = terminal_colors() };
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r;

        r = journal_open(&source, 1, &j);
        if (r >= 0)
                r = journal_seek(j, JOURNAL_LINES, 0);
        if (r > 0)
                (void) putchar('\n');
        while (r > 0) {
                r = log_entry_print(j, &source, 1, &style);
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
        if (st->instances > 1)
                (void) printf("%10s: %u (tooloo-%s@*.service beside itself)\n", "Instances", st->instances, s->id);
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

static void print_health(const StatusReport *report) {
        const ServiceStatus *st = report->services;
        bool colors = terminal_colors() && health_color(st);

        if (report->health_trouble) {
                print_field("Health", report->health_trouble);
                return;
        }
        if (!st->health) {
                print_field("Health", report->health_known ? "- (metricsd does not watch it)" :
                                                             "- (metricsd does not run)");
                return;
        }
        (void) printf("%10s: %s%s%s", "Health", colors ? health_color(st) : "", st->health,
                      colors ? ANSI_NORMAL : "");
        if (st->response_ms >= 0)
                (void) printf(", answered in %.1f ms", st->response_ms);
        (void) printf("\n");
}

static void print_head(const ServiceStatus *st) {
        bool colors = terminal_colors() && status_color(st);
        const Service *s = st->service;

        (void) printf("%s%s%s %s - %s\n", colors ? status_color(st) : "", terminal_utf8() ? "●" : "*",
                      colors ? ANSI_NORMAL : "", s->id, strna(s->name));
        (void) printf("%10s: %s (%s%s%s)\n", "Unit", s->unit, strna(s->load_state), s->fragment_path ? "; " : "",
                      s->fragment_path ? s->fragment_path : "");
}

int status_print_one(const StatusReport *report) {
        const ServiceStatus *st = report->services;
        char memory[BYTES_MAX];
        int r;

        print_head(st);
        print_activity(st);
        print_health(report);
        if (st->memory_source != MEMORY_NONE)
                (void) printf("%10s: %s\n", "Memory", format_bytes(memory, st->memory));
        if (st->status_text && *st->status_text)
                print_field("Status", st->status_text);
        print_module(&st->host);
        if (st->problem)
                print_field("Problem", st->problem);
        if (report->hold.service)
                print_field("Upgrade", report->hold.reason);
        if (report->build.status)
                print_field("Build", report->build.status);
        r = print_journal(st->service);
        if (r == -ENODATA) {
                _cleanup_(freep) char *advice = journal_advice();

                (void) printf("\n(%s)\n", strna(advice));
        } else if (r < 0) /* the block above is true without it */
                (void) printf("\n(the journal cannot be read: %s)\n", strerror(-r));
        return 0;
}
