/* SPDX-License-Identifier: MIT */
#include "alert-internal.h"
#include "alert/repeat.h"
#include "alert/webhook.h"
#include "shared/log.h"

/* What the engine has begun and waits for: each action in an AlertAction of its own. */

static Running *running_free(Running *r) {
        if (!r)
                return NULL;
        alert_action_give_up(&r->action);
        sd_event_source_disable_unref(r->deadline);
        free(r);
        return NULL;
}
TL_DEFINE_CLEANUP(Running *, running_free)

static Running *take(Alerts *alerts, unsigned ticket) {
        for (Running **p = &alerts->running; *p; p = &(*p)->next)
                if ((*p)->ticket == ticket) {
                        Running *r = *p;

                        *p = r->next;
                        return r;
                }
        return NULL;
}

static void on_over(const char *problem, void *userdata) {
        Running *running = userdata;
        Alerts *alerts = running->alerts;
        unsigned ticket = running->ticket;

        running_free(take(alerts, ticket)); /* what its kind holds is freed after this, and with it the problem */
        alert_engine_job_over(alerts->engine, ticket, problem, alert_time_now());
}

/* Now and no later, for somebody may wait for the answer: to a trigger it comes before the end of a notice. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Running *running = userdata;
        Alerts *alerts = running->alerts;
        int r = 0;

        if (running->until > usec) {
                r = sd_event_source_set_time(source, running->until);
                if (r >= 0)
                        r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_errno(r, "Cannot set a limit for an action");
        alert_engine_tick(alerts->engine, alert_time_now()); /* may free running */
        return 0;
}

static int set_deadline(Running *running, uint64_t timeout) {
        const Manager *m = running->alerts->manager;
        uint64_t now = now_usec();

        /* A little later than the engine has it, that it does not come in vain. */
        running->until = now + timeout + USEC_PER_MSEC;
        return sd_event_add_time(m->event, &running->deadline, CLOCK_MONOTONIC,
                                 now + MIN(timeout, m->options->action) + USEC_PER_MSEC, USEC_PER_MSEC, on_deadline,
                                 running);
}

int alerts_act(Alerts *alerts, unsigned ticket, AlertActionRequest *request) {
        const FleetUnit *unit = request->service ? fleet_find(alerts->manager->fleet, request->service) : NULL;
        _cleanup_(running_freep) Running *running = NULL;
        int r;

        if (unit)
                request->unit = unit->service->unit;
        else if (request->service && request->type != ACTION_NOTIFY)
                return -ENOENT;
        running = calloc(1, sizeof(Running));
        if (!running)
                return -ENOMEM;
        running->alerts = alerts;
        running->ticket = ticket;
        running->action = (AlertAction) { .shared = &alerts->shared, .over = on_over, .userdata = running };
        r = set_deadline(running, request->timeout);
        request->timeout *= 2; /* the engine's limit comes first */
        if (r >= 0)
                r = alert_action_begin(&running->action, request);
        if (r < 0)
                return r;
        running->next = alerts->running;
        alerts->running = TAKE_PTR(running);
        return 0;
}

void alerts_give_up(Alerts *alerts, unsigned ticket) {
        running_free(take(alerts, ticket));
}

void alerts_stop_actions(Alerts *alerts) {
        size_t waiting = alerts->shared.webhooks ? webhooks_waiting(alerts->shared.webhooks) : 0;

        if (waiting > 0)
                log_warning("%zu messages of webhooks were not delivered before the end", waiting);
        alerts->repeat = sd_event_source_disable_unref(alerts->repeat);
        while (alerts->running)
                running_free(take(alerts, alerts->running->ticket));
}

/* --- What is told again and again --- */

static int on_repeat(sd_event_source *source, uint64_t usec, void *userdata) {
        Alerts *alerts = userdata;
        int r;

        r = alert_repeat(alerts->engine, &alerts->shared);
        if (r < 0)
                log_errno(r, "Cannot tell again of the alerts that are active");
        r = sd_event_source_set_time_relative(source, alerts->manager->options->webhook_repeat);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int alerts_start_repeating(Alerts *alerts, uint64_t usec) {
        return sd_event_add_time_relative(alerts->manager->event, &alerts->repeat, CLOCK_MONOTONIC, usec, 0, on_repeat,
                                          alerts);
}
