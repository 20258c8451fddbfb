/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>
#include <stdio.h>

#include "alert-text.h"
#include "alerts.h"
#include "answer.h"
#include "basic/time-util.h"
#include "ctl/output.h"
#include "ctl/text.h"
#include "figure.h"
#include "rows.h"
#include "shared/log.h"

/* --- rules ------------------------------------------------------------------------------------------------------- */

static int set_span(Row *row, size_t cell, json_object *rule, const char *name) {
        char span[TIMESPAN_MAX];
        double ms;

        if (!answer_number(rule, name, &ms) || ms <= 0)
                return 0;
        return row_set(row, cell, format_timespan(span, (uint64_t) (ms * (double) USEC_PER_MSEC)));
}

static int add_rule(Rows *rows, json_object *rule) {
        _cleanup_(freep) char *condition = rule_condition(rule), *state = rule_state(rule);
        const char *service = answer_string(rule, "service"), *description = answer_string(rule, "description");
        Row *row = rows_add(rows);

        if (!row || !condition || !state || row_set(row, 0, answer_string(rule, "id")) < 0 ||
            row_set(row, 1, condition) < 0 || set_span(row, 2, rule, "for") < 0 ||
            row_set(row, 3, service ? service : "all") < 0 ||
            row_set(row, 4, answer_string(rule, "severity")) < 0 ||
            row_set(row, 5, answer_string(rule, "action")) < 0 || row_set(row, 6, state) < 0 ||
            row_set(row, 7, description && *description ? description : NULL) < 0)
                return -ENOMEM;
        row->color = startswith(state, "firing") ? severity_color(row->cells[4]) : NULL;
        return 0;
}

static int print_rules(json_object *rules) {
        static const Column columns[] = {
                { "RULE", NULL, row_cell_0 },
                { "CONDITION", NULL, row_cell_1 },
                { "FOR", NULL, row_cell_2, .drop = 3 },
                { "SERVICE", NULL, row_cell_3, .drop = 1 },
                { "SEVERITY", NULL, row_cell_4, .drop = 2 },
                { "ACTION", NULL, row_cell_5 },
                { "STATE", NULL, row_cell_6, .color = row_color },
                { "DESCRIPTION", NULL, row_cell_7, COLUMN_SHRINKS, .drop = 4 },
        };
        _cleanup_(rows_done) Rows rows = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < answer_length(rules); i++)
                r = add_rule(&rows, json_object_array_get_idx(rules, i));
        if (r < 0)
                return r;
        if (rows.n == 0)
                return puts("There are no rules.") < 0 ? -EIO : 0;
        return rows_print(&rows, columns, ELEMENTSOF(columns), 0, NULL);
}

int metrics_alerts_rules(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(answer_done) Answer answer = {};
        const char *none;
        int status, r = 0;

        status = alerts_connect(m, NULL, &none);
        if (status == CTL_OK)
                status = metrics_ask(m, "GET", RULES_PATH, NULL, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else if (!m->ctl.quiet)
                r = print_rules(answer_array(answer.json, "rules"));
        if (r < 0) {
                (void) log_errno(r, "cannot show the rules");
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* --- add --------------------------------------------------------------------------------------------------------- */

typedef struct Condition {
        char *metric;
        char *operator;
        double threshold;
} Condition;

static void condition_done(Condition *c) {
        free(c->metric);
        free(c->operator);
}

static int bad_figure(const Metrics *m, const char *option, const char *text, FigureUnit unit) {
        const char *suffixes = figure_suffixes(unit);

        return verb_usage(&m->ctl, "%s takes a number%s%s, not '%s'", option, suffixes ? ", or one with " : "",
                             suffixes ? suffixes : "", text);
}

/* "memory > 200M", in one operand or in several. */
static int read_operands(const Metrics *m, Condition *c) {
        _cleanup_(freep) char *text = strdup("");
        const char *problem = NULL;
        int r = text ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < m->n_operands; i++)
                r = str_replace_printf(&text, "%s%s%s", text, i > 0 ? " " : "", m->operands[i]);
        if (r >= 0)
                r = figure_parse_condition(text, &c->metric, &c->operator, &c->threshold, &problem);
        if (r == -EINVAL)
                return verb_usage(&m->ctl, "'%s' is no condition such as 'memory > 200M': %s is expected", text, problem);
        return r;
}

static int read_options(const Metrics *m, Condition *c) {
        const char *metric = m->ctl.given[OPTION_METRIC], *threshold = m->ctl.given[OPTION_THRESHOLD];

        if (!metric || !m->ctl.given[OPTION_OPERATOR] || !threshold)
                return verb_usage(&m->ctl, "a rule needs a condition such as 'memory > 200M', or --metric, --operator and "
                                        "--threshold");
        c->metric = figure_metric_name(metric);
        c->operator = strdup(m->ctl.given[OPTION_OPERATOR]);
        if (!c->metric || !c->operator)
                return -ENOMEM;
        if (figure_parse(threshold, figure_unit_of_metric(c->metric), &c->threshold) < 0)
                return bad_figure(m, "--threshold", threshold, figure_unit_of_metric(c->metric));
        return 0;
}

/* CTL_OK, CTL_USAGE after a line, or negative errno. */
static int read_condition(const Metrics *m, Condition *c) {
        if (m->n_operands == 0)
                return read_options(m, c);
        if (m->ctl.given[OPTION_METRIC] || m->ctl.given[OPTION_OPERATOR] || m->ctl.given[OPTION_THRESHOLD])
                return verb_usage(&m->ctl, "either a condition or --metric, --operator and --threshold, not both");
        return read_operands(m, c);
}

/* K=V, where V is a number, true or false when it looks like one, else a string. */
static int add_param(json_object *params, const char *param) {
        const char *equals = strchr(param, '=');
        _cleanup_(freep) char *name = strndup(param, (size_t) (equals - param));
        _cleanup_(json_putp) json_object *value = json_tokener_parse(equals + 1);

        if (!name)
                return -ENOMEM;
        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double) &&
            !json_object_is_type(value, json_type_boolean))
                return json_set(params, name, json_object_new_string(equals + 1));
        return json_set(params, name, TAKE_PTR(value));
}

static int add_params(const Metrics *m, json_object *body) {
        _cleanup_(json_putp) json_object *params = json_object_new_object();
        int r = params ? 0 : -ENOMEM;

        for (size_t i = 0; i < m->ctl.n_options && r >= 0; i++) {
                const GivenOption *given = m->ctl.options + i;

                if (given->id != OPTION_PARAM)
                        continue;
                if (!strchr(given->value, '=') || *given->value == '=')
                        return verb_usage(&m->ctl, "--param takes NAME=VALUE, not '%s'", given->value);
                r = add_param(params, given->value);
        }
        return r < 0 || !m->ctl.given[OPTION_PARAM] ? r : json_set(body, "actionParams", TAKE_PTR(params));
}

static int add_margin(const Metrics *m, const char *metric, json_object *body) {
        const char *text = m->ctl.given[OPTION_MARGIN];
        double margin;

        if (!text)
                return 0;
        if (figure_parse(text, figure_unit_of_metric(metric), &margin) < 0)
                return bad_figure(m, "--margin", text, figure_unit_of_metric(metric));
        return json_set(body, "margin", alerts_number(margin));
}

static int fill_rule(const Metrics *m, const Condition *c, json_object *body) {
        const char *severity = m->ctl.given[OPTION_SEVERITY], *action = m->ctl.given[OPTION_ACTION];
        int r;

        r = alerts_set_text(body, "metric", c->metric);
        if (r >= 0)
                r = alerts_set_text(body, "operator", c->operator);
        if (r >= 0)
                r = json_set(body, "threshold", alerts_number(c->threshold));
        if (r >= 0)
                r = alerts_set_text(body, "severity", severity ? severity : "warning");
        if (r >= 0)
                r = alerts_set_text(body, "action", action ? action : "notify");
        if (r >= 0)
                r = alerts_set_text(body, "for", m->ctl.given[OPTION_FOR]);
        if (r >= 0)
                r = alerts_set_text(body, "cooldown", m->ctl.given[OPTION_COOLDOWN]);
        if (r >= 0)
                r = alerts_set_text(body, "id", m->ctl.given[OPTION_ID]);
        if (r >= 0)
                r = alerts_set_text(body, "description", m->ctl.given[OPTION_DESCRIPTION]);
        if (r >= 0 && m->ctl.given[OPTION_NO_ACTION])
                r = json_set(body, "dryRun", json_object_new_boolean(true));
        if (r == 0)
                r = add_margin(m, c->metric, body);
        return r != 0 ? r : add_params(m, body);
}

/* CTL_OK, CTL_USAGE after a line, or negative errno. */
static int make_rule(const Metrics *m, json_object **ret) {
        _cleanup_(json_putp) json_object *body = json_object_new_object();
        _cleanup_(condition_done) Condition c = {};
        int r;

        if (!body)
                return -ENOMEM;
        r = read_condition(m, &c);
        if (r == 0)
                r = fill_rule(m, &c, body);
        if (r == 0)
                *ret = TAKE_PTR(body);
        return r;
}

static int send_rule(Metrics *m, json_object *body) {
        _cleanup_(freep) char *path = alerts_path(m, RULES_PATH);
        _cleanup_(answer_done) Answer answer = {};
        const char *id = NULL;
        int status, r;

        status = alerts_connect(m, m->ctl.given[OPTION_SERVICE], &id);
        if (status != CTL_OK)
                return status;
        r = alerts_set_text(body, "service", id);
        if (r < 0) {
                (void) log_errno(r, "cannot make a rule");
                return CTL_FAILED;
        }
        status = metrics_ask(m, "POST", path, body, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json)
                answer_print(&answer);
        else
                ctl_say(&m->ctl, m->ctl.given[OPTION_DRY_RUN] ? "rule %s would be stored" : "rule %s is stored",
                        strna(answer_string(answer.json, "id")));
        return CTL_OK;
}

int metrics_alerts_add(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(json_putp) json_object *body = NULL;
        int r;

        r = make_rule(m, &body);
        if (r < 0) {
                (void) log_errno(r, "cannot make a rule");
                return CTL_FAILED;
        }
        return r != CTL_OK ? r : send_rule(m, body);
}

int metrics_alerts_remove(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        return alerts_delete(m, RULES_PATH, "rule");
}
