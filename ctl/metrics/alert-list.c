/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "alert-text.h"
#include "alerts.h"
#include "answer.h"
#include "rows.h"
#include "shared/log.h"

#define STATUS_PATH ALERTS_PATH "/status"
#define STATUS_LIMIT "200" /* metricsd's greatest */

/* Takes text over. */
static int set_text(Row *row, size_t cell, char *text) {
        free(row->cells[cell]);
        row->cells[cell] = text;
        return text ? 0 : -ENOMEM;
}

static int add_alerts(Rows *rows, json_object *alerts, json_object *rules) {
        char when[LOCAL_TIME_MAX];

        for (size_t i = 0; i < answer_length(alerts); i++) {
                json_object *alert = json_object_array_get_idx(alerts, i);
                const char *severity = answer_string(alert, "severity");
                Row *row = rows_add(rows);

                if (!row || row_set(row, 0, answer_local_time(when, alert, "timestamp")) < 0 ||
                    row_set(row, 1, severity) < 0 || set_text(row, 2, alert_whom(alert)) < 0 ||
                    set_text(row, 3, alert_what(alert, rules)) < 0 ||
                    row_set(row, 4, answer_string(alert, "decidedBy")) < 0 ||
                    set_text(row, 5, alert_before(alert)) < 0 ||
                    row_set(row, 6, answer_local_time(when, alert, "resolvedAt")) < 0 ||
                    set_text(row, 7, alert_deed(alert)) < 0)
                        return -ENOMEM;
                if (row->cells[5] && !*row->cells[5])
                        (void) row_set(row, 5, NULL);
                row->color = severity_color(severity);
        }
        return 0;
}

static int print_alerts(json_object *active, json_object *over, json_object *rules) {
        static const Column columns[] = {
                { "SINCE", NULL, row_cell_0 },
                { "SEVERITY", NULL, row_cell_1, .color = row_color, .drop = 1 },
                { "SERVICE", NULL, row_cell_2 },
                { "WHAT", NULL, row_cell_3 },
                { "RULE", NULL, row_cell_4, .drop = 3 },
                { "BEFORE", NULL, row_cell_5, .drop = 4 },
                { "ENDED", NULL, row_cell_6, .drop = 2 },
                { "DONE", NULL, row_cell_7, COLUMN_SHRINKS },
        };
        _cleanup_(rows_done) Rows rows = {};
        size_t n_active;
        int r;

        r = add_alerts(&rows, active, rules);
        n_active = rows.n;
        if (r >= 0)
                r = add_alerts(&rows, over, rules);
        if (r < 0)
                return r;
        if (n_active == 0 && puts("No active alerts.") < 0)
                return -EIO;
        if (n_active == 0 && rows.n > 0 && puts("\nOver:") < 0)
                return -EIO;
        return rows_print(&rows, columns, ELEMENTSOF(columns), n_active, "Over:");
}

int metrics_alerts_list(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(answer_done) Answer answer = {}, rules = {};
        int status, r = 0;

        status = metrics_connect(m, NULL);
        if (status == CTL_OK)
                status = metrics_ask(m, "GET", STATUS_PATH "?limit=" STATUS_LIMIT, NULL, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json) {
                answer_print(&answer);
                return CTL_OK;
        }
        status = metrics_ask(m, "GET", RULES_PATH, NULL, &rules);
        if (status != CTL_OK || m->ctl.quiet)
                return status;
        r = print_alerts(answer_array(answer.json, "active"),
                         m->ctl.given[OPTION_ALL] ? answer_array(answer.json, "history") : NULL,
                         answer_array(rules.json, "rules"));
        if (r < 0) {
                (void) log_errno(r, "cannot show the alerts");
                return CTL_FAILED;
        }
        return CTL_OK;
}
