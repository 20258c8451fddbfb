/* SPDX-License-Identifier: MIT */
#include "metrics-http.h"

#include "alert-manager.h"
#include "metrics-internal.h"
#include "summary.h"

/* --- Of the fleet --- */

static void write_tally(Exposition *e, const Manager *m) {
        static const MetricFamily family = { "tooloo_services", FAMILY_GAUGE, NULL,
                                             "Services of the fleet by their health." };
        Summary s = {};
        const Watched *w;

        FOREACH_WATCHED(w, m)
                if (fleet_unit_counts(w->unit))
                        summary_add(&s, w);
        exposition_family(e, &family);
        exposition_series(e, LABELS({ "status", "healthy" }), s.all.healthy);
        exposition_series(e, LABELS({ "status", "degraded" }), s.all.degraded);
        exposition_series(e, LABELS({ "status", "offline" }), s.all.offline);
}

static void write_alerts(Exposition *e, const Manager *m) {
        static const MetricFamily active = { "tooloo_alerts_active", FAMILY_GAUGE, NULL, "Alerts that are active." },
                                  remediations = { "tooloo_remediations", FAMILY_COUNTER, NULL,
                                                   "Actions that alerts called for, by how that ended." };
        static const char *const outcomes[] = {
                [OUTCOME_DONE] = "done", [OUTCOME_FAILED] = "failed", [OUTCOME_REFUSED] = "refused",
        };
        const AlertEngine *engine = alerts_engine(m->alerts);

        exposition_family(e, &active);
        for (unsigned i = 0; i < _SEVERITY_MAX; i++)
                exposition_series(e, LABELS({ "severity", alert_severity_to_string((int) i) }),
                                  (double) alert_engine_active_count(engine, i));
        exposition_family(e, &remediations);
        for (unsigned i = 0; i < _ACTION_MAX; i++)
                for (unsigned k = 0; k < _OUTCOME_MAX; k++)
                        exposition_series(
                                e, LABELS({ "action", alert_action_to_string((int) i) }, { "outcome", outcomes[k] }),
                                (double) alert_engine_count(engine, i, k));
}

/* --- All of it --- */

static void write_all(Exposition *e, Manager *m) {
        metrics_write_services(e, m);
        write_tally(e, m);
        write_alerts(e, m);
        metrics_write_self(e, m);
}

int metrics_http_get(HttpRequest *request, void *state) {
        ExpositionFormat format = exposition_negotiate(http_request_header(request, "Accept"));
        _cleanup_(exposition_freep) Exposition *e = NULL;
        const char *text;
        size_t size;
        int r;

        r = exposition_new(format, &e);
        if (r < 0)
                return r;
        write_all(e, state);
        r = exposition_end(e, &text, &size);
        if (r >= 0)
                r = http_reply_header(request, "Vary", "Accept");
        return r < 0 ? r : http_reply(request, 200, exposition_content_type(format), text, size);
}
