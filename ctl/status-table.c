/* SPDX-License-Identifier: MIT */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "status-output.h"

TL_DEFINE_CLEANUP(struct libscols_table *, scols_unref_table)

enum {
        COLUMN_ID,
        COLUMN_STATE,
        COLUMN_PORT,
        COLUMN_PID,
        COLUMN_UPTIME,
        COLUMN_RESTARTS,
        COLUMN_MEMORY,
        COLUMN_GENERATION,
        COLUMN_PROBLEM,
        N_COLUMNS,
};

static const struct {
        const char *name;
        int flags;
} columns[N_COLUMNS] = {
        [COLUMN_ID] = { "SERVICE", 0 },
        [COLUMN_STATE] = { "STATE", 0 },
        [COLUMN_PORT] = { "PORT", SCOLS_FL_RIGHT },
        [COLUMN_PID] = { "PID", SCOLS_FL_RIGHT },
        [COLUMN_UPTIME] = { "UPTIME", SCOLS_FL_RIGHT },
        [COLUMN_RESTARTS] = { "RESTARTS", SCOLS_FL_RIGHT },
        [COLUMN_MEMORY] = { "MEMORY", SCOLS_FL_RIGHT },
        [COLUMN_GENERATION] = { "GEN", SCOLS_FL_RIGHT },
        [COLUMN_PROBLEM] = { "PROBLEM", SCOLS_FL_TRUNC },
};

bool status_colors(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return (!no_color || !*no_color) && term && !streq(term, "dumb") && isatty(STDOUT_FILENO);
}

char *format_bytes(char buf[static BYTES_MAX], uint64_t bytes) {
        static const char units[] = "BKMGTPE";
        double value = (double) bytes;
        size_t i = 0;

        while (value >= 1024 && i + 2 < sizeof(units)) {
                value /= 1024;
                i++;
        }
        (void) snprintf(buf, BYTES_MAX, i == 0 ? "%.0f%c" : "%.1f%c", value, units[i]);
        return buf;
}

/* "4", and "4+1" while one older generation still answers something. */
static void format_generation(char *buf, size_t size, const HostStatus *h) {
        if (h->retiring > 0)
                (void) snprintf(buf, size, "%" PRIu64 "+%" PRIu32, h->generation, h->retiring);
        else
                (void) snprintf(buf, size, "%" PRIu64, h->generation);
}

static const char *state_color(const ServiceStatus *st) {
        if (service_is_active(st->service))
                return st->problem ? "yellow" : "green";
        return streq(strna(st->service->active_state), "failed") ? "red" : NULL;
}

static int set_number(struct libscols_line *line, size_t column, uint64_t value) {
        char buf[32];

        (void) snprintf(buf, sizeof(buf), "%" PRIu64, value);
        return scols_line_set_data(line, column, buf);
}

/* Cells without a value say "-", so that columns stay columns for awk. */
static int fill_line(struct libscols_line *line, const ServiceStatus *st) {
        char buf[MAX(TIMESPAN_MAX, BYTES_MAX) + 32];
        int r = 0;

        for (size_t i = 0; i < COLUMN_PROBLEM && r >= 0; i++)
                r = scols_line_set_data(line, i, "-");
        if (r >= 0)
                r = scols_line_set_data(line, COLUMN_ID, st->service->id);
        if (r >= 0)
                r = scols_line_set_data(line, COLUMN_STATE, service_state_word(st->service));
        if (r >= 0 && st->service->port > 0)
                r = set_number(line, COLUMN_PORT, st->service->port);
        if (r >= 0 && st->pid > 0)
                r = set_number(line, COLUMN_PID, st->pid);
        if (r >= 0 && st->uptime > 0)
                r = scols_line_set_data(line, COLUMN_UPTIME, format_timespan(buf, st->uptime));
        if (r >= 0)
                r = set_number(line, COLUMN_RESTARTS, st->restarts);
        if (r >= 0 && st->memory_source != MEMORY_NONE)
                r = scols_line_set_data(line, COLUMN_MEMORY, format_bytes(buf, st->memory));
        if (r >= 0 && st->host.known) {
                format_generation(buf, sizeof(buf), &st->host);
                r = scols_line_set_data(line, COLUMN_GENERATION, buf);
        }
        if (r >= 0 && st->problem)
                r = scols_line_set_data(line, COLUMN_PROBLEM, st->problem);
        if (r >= 0 && state_color(st))
                r = scols_cell_set_color(scols_line_get_cell(line, COLUMN_STATE), state_color(st));
        return r;
}

static int print_build(const BuildStatus *build) {
        const char *on = "", *off = "";

        if (!build->status)
                return 0;
        if (build_has_failed(build) && status_colors()) {
                on = "\033[31m";
                off = "\033[0m";
        }
        /* watchd begins a failure with the same word. */
        if (printf("\n%s%s%s%s\n", on, startswith(build->status, "Build") ? "" : "Build: ", build->status, off) < 0)
                return -EIO;
        return 0;
}

int status_print_table(const ServiceStatus *list, size_t n, const BuildStatus *build) {
        _cleanup_(scols_unref_tablep) struct libscols_table *table = scols_new_table();
        int r;

        if (!table)
                return -ENOMEM;
        r = scols_table_enable_colors(table, status_colors());
        for (size_t i = 0; i < N_COLUMNS && r >= 0; i++)
                r = scols_table_new_column(table, columns[i].name, 0, columns[i].flags) ? 0 : -ENOMEM;
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct libscols_line *line = scols_table_new_line(table, NULL);

                r = line ? fill_line(line, list + i) : -ENOMEM;
        }
        if (r >= 0)
                r = scols_print_table(table);
        return r < 0 ? r : print_build(build);
}
