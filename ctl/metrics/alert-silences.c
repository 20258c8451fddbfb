/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "alerts.h"
#include "answer.h"
#include "ctl/output.h"
#include "rows.h"
#include "shared/log.h"

/* --- silences ---------------------------------------------------------------------------------------------------- */

static int print_silences(json_object *silences) {
        static const Column columns[] = {
                { "SILENCE", NULL, row_cell_0 },
                { "SERVICE", NULL, row_cell_1 },
                { "RULE", NULL, row_cell_2 },
                { "UNTIL", NULL, row_cell_3 },
                { "REASON", NULL, row_cell_4, COLUMN_SHRINKS },
        };
        _cleanup_(rows_done) Rows rows = {};
        char when[LOCAL_TIME_MAX];

        for (size_t i = 0; i < answer_length(silences); i++) {
                json_object *silence = json_object_array_get_idx(silences, i);
                const char *service = answer_string(silence, "service"), *rule = answer_string(silence, "rule");
                Row *row = rows_add(&rows);

                if (!row || row_set(row, 0, answer_string(silence, "id")) < 0 ||
                    row_set(row, 1, service ? service : "all") < 0 ||
                    row_set(row, 2, rule ? rule : "all") < 0 ||
                    row_set(row, 3, answer_local_time(when, silence, "until")) < 0 ||
                    row_set(row, 4, answer_string(silence, "reason")) < 0)
                        return -ENOMEM;
        }
        if (rows.n == 0)
                return puts("Nothing is silenced.") < 0 ? -EIO : 0;
        return rows_print(&rows, columns, ELEMENTSOF(columns), 0, NULL);
}

int metrics_alerts_silences(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(answer_done) Answer answer = {};
        const char *none;
        int status, r = 0;

        status = alerts_connect(m, NULL, &none);
        if (status == CTL_OK)
                status = metrics_ask(m, "GET", SILENCES_PATH, NULL, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else if (!m->ctl.quiet)
                r = print_silences(answer_array(answer.json, "silences"));
        if (r < 0) {
                (void) log_errno(r, "cannot show the silences");
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* --- silence, unsilence ------------------------------------------------------------------------------------------ */

static int make_silence(const Metrics *m, const char *service, json_object **ret) {
        _cleanup_(json_putp) json_object *body = json_object_new_object();
        int r = body ? 0 : -ENOMEM;

        if (r >= 0)
                r = alerts_set_text(body, "service", service);
        if (r >= 0)
                r = alerts_set_text(body, "rule", m->ctl.given[OPTION_RULE]);
        if (r >= 0)
                r = alerts_set_text(body, "until", m->ctl.given[OPTION_FOR]);
        if (r >= 0)
                r = alerts_set_text(body, "reason", m->ctl.given[OPTION_REASON]);
        if (r >= 0)
                *ret = TAKE_PTR(body);
        return r;
}

int metrics_alerts_silence(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(freep) char *path = alerts_path(m, SILENCES_PATH);
        _cleanup_(json_putp) json_object *body = NULL;
        _cleanup_(answer_done) Answer answer = {};
        const char *service = NULL;
        char until[LOCAL_TIME_MAX];
        int status;

        if (!m->ctl.given[OPTION_FOR] || !m->ctl.given[OPTION_REASON])
                return verb_usage(&m->ctl, "'silence' needs --for and --reason: a silence always ends, and says why");
        status = alerts_connect(m, m->operands[0], &service);
        if (status != CTL_OK)
                return status;
        if (make_silence(m, service, &body) < 0) {
                (void) log_errno(-ENOMEM, "cannot make a silence");
                return CTL_FAILED;
        }
        status = metrics_ask(m, "POST", path, body, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else if (m->ctl.given[OPTION_DRY_RUN])
                ctl_say(&m->ctl, "the silence would be stored");
        else
                ctl_say(&m->ctl, "%s lasts until %s", strna(answer_string(answer.json, "id")),
                        strna(answer_local_time(until, answer_object(answer.json, "silence"), "until")));
        return CTL_OK;
}

int metrics_alerts_unsilence(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        return alerts_delete(m, SILENCES_PATH, "silence");
}
