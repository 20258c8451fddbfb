/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "account.h"
#include "foundation/server.h"
#include "history/history.h"
#include "live.h"
#include "options.h"
#include "providers.h"
#include "self.h"
#include "shared/fleet.h"
#include "watched.h"

enum { COLLECTORS = 5 };

/* Ties the parts together on one event loop: the fleet says what changes, collectors find out the rest, and what has
 * become different is told to whoever looks, all of one burst at once. */
typedef struct Manager {
        const Options *options;
        sd_event *event;
        sd_bus *bus;
        sd_bus_slot *bus_slot;
        Fleet *fleet;
        Account units; /* of the fleet: a collector too, behind another interface */
        struct {
                void *state;
                Account account;
        } collectors[COLLECTORS];
        struct JournalCollector *journal; /* one of these, see journal-collector.h */
        Providers providers;              /* what another one has found out */

        Self self;

        Server *server;
        Live live;
        struct Alerts *alerts; /* see alert-manager.h */

        History *history;
        HistoryFigures figures; /* of it, see manager_figures() */
        uint64_t figures_at;    /* monotonic usec, 0 for never */
        Account keeping;        /* of the history, which is no collector but has its cost */
        HistorySample *samples; /* room for a tick */
        size_t n_samples;
        struct {
                char *modules, *file; /* the ids that it made modules for, and the first file that had changed */
                uint64_t at;          /* realtime usec, 0 for none */
                bool failing;         /* the last one did */
        } build;
        json_object *runs;      /* {ID: invocation id}: what each ran as when it was last looked at */
        sd_event_source *seal;  /* on while there is something to pack */

        sd_event_source *tick;
        uint64_t next_tick;    /* monotonic usec */
        sd_event_source *news; /* armed while there is something to tell */
        sd_event_source *ready_deadline;
        sd_event_source *hold; /* of connections, until it is ready */
        bool ready;
        bool stopping;
        int64_t latest_event; /* id in the timeline, 0 before the first of this run */
        char *status_text; /* as systemd was told last */
} Manager;

/* options must outlive it. On failure one line was logged and shown by systemd; -EUCLEAN calls for a person, not for
 * another try. The caller frees. */
int manager_new(const Options *options, Manager **ret);
Manager *manager_free(Manager *m);
TL_DEFINE_CLEANUP(Manager *, manager_free)

/* Runs until SIGTERM or SIGINT, or until the bus is lost. */
int manager_run(Manager *m);

/* For collectors: w has become different in that way (bits of watched.h, 0 for nothing). */
void manager_watched_changed(Manager *m, Watched *w, unsigned changes);

/* manager-tell.c: something has happened that whoever looks should be told soon. */
void manager_have_news(Manager *m);
int manager_add_news(Manager *m);
/* The state of the fleet in one line, for systemctl status. */
void manager_tell_systemd(Manager *m);

/* The message of the WebSocket, and of its data the dashboard. The caller puts it; NULL without memory. */
json_object *manager_update(Manager *m);
json_object *manager_dashboard(Manager *m);

/* manager-fleet.c: what the fleet says */
extern const FleetEvents manager_fleet_events;
int manager_start_collectors(Manager *m);
void manager_stop_collectors(Manager *m);
void manager_sample(Manager *m);
/* The accounts of all collectors, one by one; NULL when there is no i-th. */
const Account *manager_account(const Manager *m, size_t i);
/* For a connection of the bus that is not attached yet: what it brings is charged to the units, unless another collector
 * has asked for it. */
int manager_charge_bus(Manager *m);
/* True when every service that runs has been heard of, or was asked in vain. */
bool manager_knows_all(const Manager *m);

/* manager-history.c: -EUCLEAN when nobody says where the database is to be. */
int manager_open_history(Manager *m);
void manager_close_history(Manager *m);
/* Keeps what is known now as one tick. */
void manager_keep(Manager *m);
/* How much the history holds, as of some seconds ago. NULL when it does not say. */
const HistoryFigures *manager_figures(Manager *m);
/* The run of a service that the metricsd before has seen last; NULL for none. */
const char *manager_noted_run(const Manager *m, const char *service);

/* manager-access.c: who may connect, from the unit files. To be called after each load of the fleet. */
void manager_set_access(Manager *m);

/* manager-bus.c: metrics-bus.h. Negative when the name cannot be had. */
int manager_bus_offer(Manager *m);
void manager_bus_announce(Manager *m, const Watched *w);

/* manager-http.c */
int manager_serve(Manager *m);
/* 1 after a reply that there is nothing to say yet, 0 when there is. */
int manager_refuse_early(Manager *m, HttpRequest *request);
