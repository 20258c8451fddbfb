/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "ctl.h"
#include "shared/fleet.h"

/* What the verbs that follow the fleet have in common: an event loop, the services as systemd's signals say them
 * (shared/fleet.h), and their health as metricsd's do (shared/metrics-bus.h). Nothing is asked twice for want of a signal. */

/* Does metricsd say how healthy the services are? */
typedef enum LiveMetrics {
        LIVE_METRICS_ASKED,  /* it has not answered yet */
        LIVE_METRICS_THERE,
        LIVE_METRICS_ABSENT, /* nobody has its name on the bus */
        LIVE_METRICS_MUTE,   /* it is there, and does not say it: see Live.trouble */
} LiveMetrics;

typedef struct Live Live;

/* Any may be NULL. */
typedef struct LiveEvents {
        /* As in FleetEvents. */
        void (*loaded)(Live *live, void *userdata);
        void (*changed)(Live *live, FleetUnit *unit, FleetCondition was, void *userdata);
        void (*removed)(Live *live, FleetUnit *unit, void *userdata);
        /* How a service is, as metricsd says when asked or when it has become different. problem is "" for none. */
        void (*health)(Live *live, const char *id, const char *health, const char *problem, void *userdata);
        /* Live.metrics is another one, or all that metricsd had to answer was told by the above. */
        void (*metrics)(Live *live, void *userdata);
} LiveEvents;

struct Live {
        sd_event *event;
        sd_bus *bus;
        Fleet *fleet;
        LiveMetrics metrics;
        char *trouble; /* one line */
        sd_bus_slot *question, *health_changed, *name_owner_changed;
        const LiveEvents *events;
        void *userdata;
        bool ended;
        int status; /* of live_run() */
};

/* Begins to follow. events must outlive it, as bus must, which belongs to no event loop before and after. */
int live_new(sd_bus *bus, const LiveEvents *events, void *userdata, Live **ret);
Live *live_free(Live *live);
TL_DEFINE_CLEANUP(Live *, live_free)

/* Has metricsd say again how all services are, and forgets a question that is under way: what it says after this was
 * thought up after this. */
int live_ask_health(Live *live);

/* Runs until live_end(); its status, or CTL_FAILED after a line where systemd or the event loop is lost. */
int live_run(Live *live);
void live_end(Live *live, int status);
