/* SPDX-License-Identifier: MIT */
#include "alert-text.h"
#include "alerts.h"
#include "answer.h"
#include "ctl/output.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "figure.h"
#include "shared/log.h"

static int make_trigger(const Metrics *m, const char *metric, double value, const char *service, json_object **ret) {
        _cleanup_(json_putp) json_object *body = json_object_new_object();
        int r = body ? 0 : -ENOMEM;

        if (r >= 0)
                r = alerts_set_text(body, "metric", metric);
        if (r >= 0)
                r = json_set(body, "value", alerts_number(value));
        if (r >= 0)
                r = alerts_set_text(body, "service", service);
        if (r >= 0 && m->ctl.given[OPTION_DRY_RUN])
                r = json_set(body, "dryRun", json_object_new_boolean(true));
        if (r >= 0)
                *ret = TAKE_PTR(body);
        return r;
}

/* "responseTime 6s of web, warning by default-response-time: restart-service done". NULL without memory. */
static char *describe(json_object *alert) {
        _cleanup_(freep) char *whom = alert_whom(alert), *what = alert_what(alert, NULL), *deed = alert_deed(alert);
        _cleanup_(freep) char *text = NULL;

        if (!whom || !what || !deed)
                return NULL;
        text = str_printf("%s%s%s, %s by %s: %s", what, streq(whom, "-") ? "" : " of ", streq(whom, "-") ? "" : whom,
                          strna(answer_string(alert, "severity")), strna(answer_string(alert, "decidedBy")), deed);
        return text ? text_clean(text, strlen(text)) : NULL;
}

/* An action that failed is a failure. */
static int show(const Metrics *m, const Answer *answer) {
        json_object *alert = answer_object(answer->json, "alert");
        bool failed = streq(strna(answer_string(alert, "remediation")), "failed");
        _cleanup_(freep) char *text = alert ? describe(alert) : strdup(strna(answer_string(answer->json, "message")));

        if (!text) {
                (void) log_errno(-ENOMEM, "cannot show the alert");
                return CTL_FAILED;
        }
        if (m->ctl.json)
                answer_print(answer);
        else if (!failed)
                ctl_say(&m->ctl, "%s", text);
        if (!failed)
                return CTL_OK;
        log_error("%s", text);
        return CTL_FAILED;
}

int metrics_alerts_trigger(Ctl *ctl) {
        Metrics *m = (Metrics *) ctl;
        _cleanup_(freep) char *metric = figure_metric_name(m->operands[0]);
        FigureUnit unit = metric ? figure_unit_of_metric(metric) : FIGURE_PLAIN;
        const char *suffixes = figure_suffixes(unit), *service = NULL;
        _cleanup_(json_putp) json_object *body = NULL;
        _cleanup_(answer_done) Answer answer = {};
        double value;
        int status;

        if (metric && figure_parse(m->operands[1], unit, &value) < 0)
                return verb_usage(&m->ctl, "VALUE is a number%s%s, not '%s'", suffixes ? ", or one with " : "",
                                     suffixes ? suffixes : "", m->operands[1]);
        status = alerts_connect(m, m->operands[2], &service);
        if (status != CTL_OK)
                return status;
        if (!metric || make_trigger(m, metric, value, service, &body) < 0) {
                (void) log_errno(-ENOMEM, "cannot ask metricsd");
                return CTL_FAILED;
        }
        status = metrics_ask(m, "POST", ALERTS_PATH "/trigger", body, &answer);
        return status == CTL_OK ? show(m, &answer) : status;
}
