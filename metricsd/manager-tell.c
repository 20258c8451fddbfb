/* SPDX-License-Identifier: MIT */
#include <systemd/sd-daemon.h>

#include "alert-manager.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "manager.h"
#include "report.h"
#include "shared/log.h"
#include "summary.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* What happens within it is told as one: a fleet that starts or stops changes in a burst. */
#define NEWS_USEC (5 * USEC_PER_MSEC)
/* A client that reads nothing for so many updates, and so long, is gone or broken. */
#define CLIENT_INTERVALS 3
#define CLIENT_USEC (2 * USEC_PER_SEC)

static int add_problem(json_object *problems, const Account *account) {
        _cleanup_(freep) char *text = str_printf("%s: %s", account->name, account->error);
        json_object *problem = text ? json_object_new_string(text) : NULL;

        if (problem && json_object_array_add(problems, problem) >= 0)
                return 0;
        json_object_put(problem);
        return -ENOMEM;
}

/* {problems:[]}: what is wrong with metricsd itself. */
static json_object *monitor_json(const Manager *m) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object(), *problems = json_object_new_array();
        const Account *account;

        if (!json || !problems)
                return NULL;
        for (size_t i = 0; (account = manager_account(m, i)); i++)
                if (!account_is_ok(account) && add_problem(problems, account) < 0)
                        return NULL;
        return json_add(json, "problems", TAKE_PTR(problems)) ? TAKE_PTR(json) : NULL;
}

json_object *manager_dashboard(Manager *m) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        _cleanup_(freep) const Watched **list = calloc(fleet_count(m->fleet) + 1, sizeof(Watched *));
        size_t n = 0;

        if (!list)
                return NULL;
        for (size_t i = 0; i < fleet_count(m->fleet); i++) {
                list[n] = fleet_at(m->fleet, i)->userdata;
                n += list[n] != NULL; /* one that has just come is not looked at yet */
        }
        json = report_dashboard(list, n, now_realtime_usec(), alerts_active(m->alerts));
        /* By the latter clients know when to ask for the timeline again. */
        return json && json_add(json, "monitor", monitor_json(m)) &&
               json_add(json, "latestEvent", m->latest_event > 0 ? json_object_new_int64(m->latest_event) : NULL)
               ? TAKE_PTR(json) : NULL;
}

json_object *manager_update(Manager *m) {
        return report_update(now_realtime_usec(), m->options->interval, manager_dashboard(m));
}

static void tell_clients(Manager *m) {
        int r;

        if (!live_has_clients(&m->live))
                return;
        r = live_tell(&m->live, manager_update(m), MAX(CLIENT_INTERVALS * m->options->interval, CLIENT_USEC));
        if (r < 0)
                log_errno(r, "Cannot tell the clients of the dashboard");
}

/* The first of those that are not well. */
static const Watched *first_problem(const Manager *m) {
        for (size_t i = 0; i < fleet_count(m->fleet); i++) {
                const FleetUnit *u = fleet_at(m->fleet, i);
                const Watched *w = u->userdata;

                if (w && w->problem)
                        return w;
        }
        return NULL;
}

void manager_tell_systemd(Manager *m) {
        _cleanup_(freep) char *text = NULL;
        const Watched *problem = first_problem(m);
        Summary s = {};

        for (size_t i = 0; i < fleet_count(m->fleet); i++) {
                const FleetUnit *u = fleet_at(m->fleet, i);

                if (u->userdata && fleet_unit_counts(u))
                        summary_add(&s, u->userdata);
        }
        text = str_printf("%u of %u services healthy%s%s%s%s", s.all.healthy, s.all.total, problem ? "; " : "",
                          problem ? problem->unit->service->id : "", problem ? ": " : "",
                          problem ? problem->problem : "");
        if (!text || (m->status_text && streq(text, m->status_text)))
                return;
        (void) sd_notifyf(false, "STATUS=%s", text); /* nobody may be listening */
        free(m->status_text);
        m->status_text = TAKE_PTR(text);
}

static int on_news(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        if (m->stopping || !fleet_is_loaded(m->fleet))
                return 0;
        manager_tell_systemd(m);
        tell_clients(m);
        return 0;
}

void manager_have_news(Manager *m) {
        uint64_t now = now_usec();
        int enabled, r;

        live_outdate(&m->live);
        r = sd_event_source_get_enabled(m->news, &enabled);
        if (r >= 0 && enabled == SD_EVENT_OFF) {
                r = sd_event_source_set_time(m->news, MAX(now + NEWS_USEC, m->live.quiet_until));
                if (r >= 0)
                        r = sd_event_source_set_enabled(m->news, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_errno(r, "Cannot plan to tell the news");
}

int manager_add_news(Manager *m) {
        int r;

        r = sd_event_add_time(m->event, &m->news, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_news, m);
        return r < 0 ? r : sd_event_source_set_enabled(m->news, SD_EVENT_OFF);
}
