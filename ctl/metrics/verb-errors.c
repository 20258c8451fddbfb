/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "answer.h"
#include "ctl/output.h"
#include "ctl/terminal.h"
#include "ctl/text.h"
#include "figure.h"
#include "gather.h"
#include "rows.h"
#include "shared/log.h"

static int set_count(Row *row, size_t cell, json_object *error) {
        char text[FIGURE_TEXT_MAX];
        double count;

        return answer_number(error, "count", &count) ? row_set(row, cell, figure_format(text, count, FIGURE_PLAIN)) : 0;
}

static int print_errors(json_object *errors) {
        static const Column columns[] = {
                { "COUNT", NULL, row_cell_0, COLUMN_RIGHT },
                { "SERVICE", NULL, row_cell_1 },
                { "LAST SEEN", NULL, row_cell_2 },
                { "FIRST SEEN", NULL, row_cell_3, .drop = 1 },
                { "NEW", NULL, row_cell_4, .color = row_color },
                { "MESSAGE", NULL, row_cell_5, COLUMN_SHRINKS },
        };
        _cleanup_(rows_done) Rows rows = {};
        char first[LOCAL_TIME_MAX], last[LOCAL_TIME_MAX];

        for (size_t i = 0; i < answer_length(errors); i++) {
                json_object *error = json_object_array_get_idx(errors, i);
                bool new = answer_flag(error, "new");
                Row *row = rows_add(&rows);

                if (!row || set_count(row, 0, error) < 0 || row_set(row, 1, answer_string(error, "service")) < 0 ||
                    row_set(row, 2, answer_local_time(last, error, "lastSeen")) < 0 ||
                    row_set(row, 3, answer_local_time(first, error, "firstSeen")) < 0 ||
                    row_set(row, 4, new ? "new" : NULL) < 0 || row_set(row, 5, answer_string(error, "message")) < 0)
                        return -ENOMEM;
                row->color = new ? ANSI_YELLOW : NULL;
        }
        if (rows.n == 0)
                return puts("No errors.") < 0 ? -EIO : 0;
        return rows_print(&rows, columns, ELEMENTSOF(columns), 0, NULL);
}

/* "No errors" would else be said of what nobody could read. */
static void say_incomplete(json_object *answer) {
        const char *why = answer_string(answer, "why");
        _cleanup_(freep) char *clean = why ? text_clean(why, strlen(why)) : NULL;
        json_object *complete;

        if (json_object_object_get_ex(answer, "complete", &complete) && !json_object_get_boolean(complete))
                log_warning("the counts are not complete: %s", clean ? clean : "metricsd does not say why");
}

int metrics_errors(Metrics *m) {
        static const Gather g = { .path = "/api/v1/metrics/errors", .list = { "errors", "lastSeen", NULL } };
        _cleanup_(answer_done) Answer answer = {};
        int status, r = 0;

        status = gather(m, &g, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else if (!m->ctl.quiet) {
                say_incomplete(answer.json);
                r = print_errors(answer_array(answer.json, g.list.list));
        }
        if (r < 0) {
                (void) log_errno(r, "cannot show the errors");
                return CTL_FAILED;
        }
        return CTL_OK;
}
