/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "answer.h"
#include "basic/time-util.h"
#include "ctl/output.h"
#include "gather.h"
#include "rows.h"
#include "shared/log.h"

/* "restart (crash)" */
static int set_kind(Row *row, size_t cell, json_object *event) {
        const char *kind = answer_string(event, "kind"), *cause = answer_string(event, "cause");
        _cleanup_(freep) char *text = NULL;

        if (!kind || !cause)
                return row_set(row, cell, kind);
        text = str_printf("%s (%s)", kind, cause);
        return text ? row_set(row, cell, text) : -ENOMEM;
}

/* In order of time, as "logs" is: metricsd has the newest first. */
static int print_events(json_object *events) {
        static const Column columns[] = {
                { "TIME", NULL, row_cell_0 },
                { "SERVICE", NULL, row_cell_1 },
                { "WHAT", NULL, row_cell_2 },
                { "TEXT", NULL, row_cell_3, COLUMN_SHRINKS },
        };
        _cleanup_(rows_done) Rows rows = {};
        char when[LOCAL_TIME_MAX];

        for (size_t i = answer_length(events); i > 0; i--) {
                json_object *event = json_object_array_get_idx(events, i - 1);
                Row *row = rows_add(&rows);

                if (!row || row_set(row, 0, answer_local_time(when, event, "at")) < 0 ||
                    row_set(row, 1, answer_string(event, "service")) < 0 || set_kind(row, 2, event) < 0 ||
                    row_set(row, 3, answer_string(event, "text")) < 0)
                        return -ENOMEM;
        }
        if (rows.n == 0)
                return puts("Nothing happened.") < 0 ? -EIO : 0;
        return rows_print(&rows, columns, ELEMENTSOF(columns), 0, NULL);
}

int metrics_timeline(Metrics *m) {
        Gather g = { .path = "/api/v1/metrics/timeline", .list = { "events", "at", "id" },
                     .kind = m->ctl.given[OPTION_KIND] };
        _cleanup_(answer_done) Answer answer = {};
        char from[ISO8601_MAX], to[ISO8601_MAX];
        int status, r = 0;

        if (m->ctl.since > 0)
                g.from = format_iso8601(from, m->ctl.since);
        if (m->ctl.until > 0)
                g.to = format_iso8601(to, m->ctl.until);
        status = gather(m, &g, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else if (!m->ctl.quiet)
                r = print_events(answer_array(answer.json, g.list.list));
        if (r < 0) {
                (void) log_errno(r, "cannot show the timeline");
                return CTL_FAILED;
        }
        return CTL_OK;
}
