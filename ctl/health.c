/* SPDX-License-Identifier: MIT */
#include "health.h"

#include "shared/metrics-bus.h"
#include "shared/strv.h"

static int replace(char **field, const char *value) {
        char *copy = *value ? strdup(value) : NULL;

        if (*value && !copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int set_health(StatusReport *report, const char *id, const char *health, double response, const char *problem) {
        int r;

        for (size_t i = 0; i < report->n; i++) {
                ServiceStatus *st = report->services + i;

                if (!streq(st->service->id, id))
                        continue;
                r = replace(&st->health, health);
                if (r < 0)
                        return r;
                st->response_ms = response;
                return replace(&st->health_problem, problem);
        }
        return 0; /* one that nobody asked about */
}

static int read_health(sd_bus_message *m, StatusReport *report) {
        const char *id, *health, *problem;
        double response;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssds)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssds)", &id, &health, &response, &problem)) > 0)
                r = set_health(report, id, health, response, problem);
        return r;
}

static int on_health(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        StatusReport *report = userdata;
        int r;

        if (error && (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                      sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)))
                return 0; /* it does not run, which is nobody's fault */
        if (!error) {
                r = read_health(m, report);
                report->health_known = r >= 0;
                if (r >= 0 || r == -ENOMEM)
                        return r;
        }
        return str_replace_printf(&report->health_trouble,
                                  "metricsd does not say how healthy the services are (%s); see "
                                  "'toolooctl logs metricsd'",
                                  error ? bus_error_text(error, -EIO) : "its answer is not understood");
}

int health_ask(BusBatch *batch, StatusReport *report) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(batch->bus, &m, METRICS_BUS_NAME, METRICS_BUS_PATH, METRICS_BUS_INTERFACE,
                                           "GetHealth");
        return r < 0 ? r : bus_batch_call(batch, m, METRICS_TIMEOUT_USEC, on_health, report);
}
