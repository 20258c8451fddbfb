/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "shared/registry.h"

/* The registry kept true: read once, then followed by systemd's signals, without polling and without ever waiting in the
 * event loop. A unit file that comes, goes or changes (UnitFilesChanged, the end of Reloading, daemon-reexec) makes it
 * read the list again; a change of a unit's state (PropertiesChanged) is there as soon as systemd says it. One thing takes
 * a question more: that a unit has come to rest (stopped, asleep, failed) is told once systemd has confirmed it, for its
 * signals show a crashed service as failed before they show it as restarting. */

typedef struct Fleet Fleet;

/* What somebody who would like to connect needs to know. */
typedef enum FleetCondition {
        /* Was stopped, ended by itself without an error, is masked, or has no socket that listens. Nobody of ours connects:
         * that would start what a person has stopped. */
        FLEET_STOPPED,
        /* Has not run since systemd knows it, and its socket listens: the first connection starts it. */
        FLEET_ASLEEP,
        /* Starts, stops, or waits between a crash and the next start. Connections wait in the socket's backlog. */
        FLEET_CHANGING,
        FLEET_RUNNING, /* also while it reloads */
        FLEET_FAILED,  /* for good: systemd has given up. Also a bad unit file, and a socket that failed before it ran */
} FleetCondition;

const char *fleet_condition_to_string(FleetCondition c);

/* Strings are never NULL, but "" before systemd has said them. */
typedef struct FleetUnit {
        const Service *service; /* what stands in the unit files; its *_state fields are of the time of the load */
        FleetCondition condition;
        char *load_state;
        char *active_state;
        char *sub_state;
        char *socket_state; /* "" where there is no socket */
        char *result;       /* systemd's word for how it last ended: "success", "exit-code", "signal", "watchdog", ... */
        char *status_text;  /* STATUS= */
        char *failure;      /* with FLEET_FAILED: why, in one sentence; "" until that is known, which is a change, too */
        char invocation_id[33]; /* of the present or last run, in hex */
        uint32_t pid;           /* 0 for none */
        uint64_t active_since;  /* monotonic usec, 0 when it is not active */
        uint64_t changed_at;    /* realtime usec of the last change of condition, 0 for never */
        /* Automatic restarts seen since the fleet is followed. systemd's own count begins anew with reset-failed,
         * which each restart by hand needs. */
        uint64_t restarts;
        uint32_t n_restarts; /* systemd's own count, NRestarts= */
        void *userdata; /* the owner's; kept when the registry is read again. See FleetEvents.removed */
} FleetUnit;

/* The fleet is not to be freed from within any of these but lost. */
typedef struct FleetEvents {
        /* The list was read, for the first time or again. Units keep their FleetUnit as long as they are in the list,
         * but every Service pointer from before is invalid. */
        void (*loaded)(Fleet *fleet, void *userdata);
        /* A unit has left the list; it is freed after this. For what hangs on its userdata. */
        void (*removed)(Fleet *fleet, FleetUnit *unit, void *userdata);
        /* Something of a unit changed; was is its condition before (the same when it was something else). Comes once
         * for each unit right after its first load, too, with was == condition. */
        void (*changed)(Fleet *fleet, FleetUnit *unit, FleetCondition was, void *userdata);
        /* A load has failed; see fleet_is_loaded(). What is known stays as it is. */
        void (*failed)(Fleet *fleet, int error, void *userdata);
        /* The bus is gone. What is known stays as it is; nothing follows any more. */
        void (*lost)(Fleet *fleet, void *userdata);
} FleetEvents;

/* Begins to follow; answers come through the events, all from the event loop. bus must be attached to an event loop and
 * is kept by a reference; events (any member may be NULL) must outlive the fleet. */
int fleet_new(sd_bus *bus, const FleetEvents *events, void *userdata, Fleet **ret);
Fleet *fleet_free(Fleet *fleet);
TL_DEFINE_CLEANUP(Fleet *, fleet_free)

/* False until the first load is over. A load that failed was logged and is tried again after 5 s, or at the next signal
 * if that is sooner. A problem of the registry (see registry.h) is logged as a warning when it first appears. */
bool fleet_is_loaded(const Fleet *fleet);

/* False while the list is to be read anew, or is being read: there may be a service more than is known. */
bool fleet_is_current(const Fleet *fleet);

/* By port, as in the registry. NULL and 0 before the first load. */
size_t fleet_count(const Fleet *fleet);
FleetUnit *fleet_at(const Fleet *fleet, size_t i);
FleetUnit *fleet_find(const Fleet *fleet, const char *id);
const Registry *fleet_registry(const Fleet *fleet);

/* Member of the fleet of which the dashboard's `total` speaks: every category but control. */
bool fleet_unit_counts(const FleetUnit *unit);

/* The unit that a path belongs to by the longest prefix of Routes=, see registry-routes.h; NULL for nobody. */
FleetUnit *fleet_route(const Fleet *fleet, const char *path);

/* The state in one word for people, as "toolooctl status" has it: see unit-state.h. */
const char *fleet_unit_word(const FleetUnit *unit);
