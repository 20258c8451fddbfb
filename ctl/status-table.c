/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "columns.h"
#include "ctl.h"
#include "shared/strv.h"
#include "status-output.h"
#include "terminal.h"
#include "text.h"

size_t status_count(const StatusReport *report, size_t *ret_active) {
        size_t total = 0, active = 0;

        for (size_t i = 0; i < report->n; i++)
                if (service_counts(report->services[i].service)) {
                        total++;
                        active += service_is_active(report->services[i].service);
                }
        *ret_active = active;
        return total;
}

const char **status_troubles(const StatusReport *report, const Registry *registry) {
        size_t n = 0, max = strv_length(registry->problems) + 2;
        const char **troubles = calloc(max + 1, sizeof(char *));

        if (!troubles)
                return NULL;
        STRV_FOREACH(problem, registry->problems)
                troubles[n++] = *problem;
        if (report->hold.service)
                troubles[n++] = report->hold.reason;
        if (report->health_trouble)
                troubles[n++] = report->health_trouble;
        return troubles;
}

/* Registry order within the groups. 1 when a problem was cut. */
static int print_services(const StatusReport *report) {
        _cleanup_(freep) const void **rows = calloc(report->n + 1, sizeof(void *));
        size_t n = 0, n_first;

        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < report->n; i++)
                if (service_counts(report->services[i].service))
                        rows[n++] = report->services + i;
        n_first = n;
        for (size_t i = 0; i < report->n; i++)
                if (!service_counts(report->services[i].service))
                        rows[n++] = report->services + i;
        return table_print(status_columns, n_status_columns, rows, n, n_first, "Control plane:");
}

static int print_line(const char *color, const char *prefix, const char *text) {
        _cleanup_(freep) char *clean = text_clean(text, strlen(text));
        bool colors = color && terminal_colors();

        if (!clean)
                return -ENOMEM;
        return printf("%s%s%s%s\n", colors ? color : "", prefix, clean, colors ? ANSI_NORMAL : "") < 0 ? -EIO : 0;
}

static int print_troubles(const StatusReport *report, const Registry *registry) {
        _cleanup_(freep) const char **troubles = status_troubles(report, registry);
        int r = troubles ? 0 : -ENOMEM;

        if (r >= 0 && *troubles && putchar('\n') == EOF)
                return -EIO;
        for (size_t i = 0; r >= 0 && troubles[i]; i++)
                r = print_line(ANSI_RED, "Problem: ", troubles[i]);
        return r;
}

static int print_build(const BuildStatus *build) {
        if (!build->status)
                return 0;
        if (putchar('\n') == EOF)
                return -EIO;
        /* watchd begins a failure with the same word. */
        return print_line(build_has_failed(build) ? ANSI_RED : NULL,
                          startswith(build->status, "Build") || startswith(build->status, "Watching") ? "" : "Build: ",
                          build->status);
}

static int print_count(const StatusReport *report) {
        size_t active, total = status_count(report, &active);

        return total > 0 && printf("\n%zu of %zu services run.\n", active, total) < 0 ? -EIO : 0;
}

int status_print_table(const StatusReport *report, const Registry *registry) {
        int r;

        r = print_services(report);
        if (r > 0 && puts("\nHint: 'toolooctl status SERVICE' shows the whole of a problem.") < 0)
                r = -EIO;
        if (r >= 0)
                r = print_troubles(report, registry);
        if (r >= 0)
                r = print_build(&report->build);
        return r < 0 ? r : print_count(report);
}
