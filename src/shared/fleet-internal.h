/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-id128.h>

#include "shared/bus-util.h"
#include "shared/fleet.h"
#include "shared/registry-routes.h"
#include "shared/unit-failure.h"

/* Files: fleet.c (the list, and reading it), fleet-list.c (state, from systemd's list of units), fleet-follow.c (systemd's
 * signals), fleet-unit.c (one unit). */

/* A unit as systemd says it. Filled bit by bit from answers and signals, in the order in which they come; what the
 * owner of the fleet sees is made from it when it is of one piece. */
typedef struct UnitState {
        char *load_state;
        char *active_state;
        char *sub_state;
        char *socket_state;
        char *result;
        char *status_text;
        uint32_t job; /* 0 for none */
        uint32_t pid;
        uint32_t n_restarts;
        sd_id128_t invocation;
        uint64_t inactive_exit; /* monotonic usec of its last start, 0 for never */
        uint64_t active_enter;  /* monotonic usec */
        uint64_t state_change;  /* realtime usec */
} UnitState;

/* Pure: what somebody who would like to connect needs to know. */
FleetCondition fleet_condition_of(const UnitState *state);

/* Pure: the restarts between two readings of NRestarts, which begins anew at 0 with reset-failed. */
uint32_t fleet_restarts_between(uint32_t before, uint32_t now);

typedef struct Member {
        FleetUnit unit; /* first: a FleetUnit of the fleet is a Member */
        Fleet *fleet;
        char *id;
        char *path;        /* object paths */
        char *socket_path; /* NULL where there is no socket */
        UnitState state;
        uint64_t failure_of; /* state_change for which the failure was asked */
        UnitFailure *failure;
        sd_bus_slot *confirming;
        bool announced; /* its owner knows it; before that nothing is said of it */
        bool listed;    /* was in systemd's list of loaded units */
} Member;

struct Fleet {
        sd_bus *bus;
        sd_event *event;
        const FleetEvents *events;
        void *userdata;

        Registry *registry;
        Member **members; /* in the order of the registry */
        RouteTable routes;

        RegistryLoad *load;
        BusBatch batch;
        Registry *next_registry; /* during a load, until the states of its units are known, too */
        Member **next_members;
        bool wanted; /* a load is planned for what was said */
        bool again;  /* something was said during the load */
        bool lost;

        sd_event_source *timer;
        sd_bus_slot *subscribe;
        sd_bus_slot *properties_changed;
        sd_bus_slot *unit_files_changed;
        sd_bus_slot *reloading;
        sd_bus_slot *name_owner_changed;
        sd_bus_slot *disconnected;
};

/* --- fleet-unit.c --- */

int member_new(Fleet *fleet, const Service *service, Member **ret);
Member *member_free(Member *m);
TL_DEFINE_CLEANUP(Member *, member_free)

/* The socket of the service comes and goes with its file. */
int member_set_socket(Member *m, const char *socket);

/* Asks for all of the state but what systemd's list of units has. */
int member_ask(Member *m, BusBatch *batch);

/* Takes a row of systemd's list of units over. */
int member_take_service(Member *m, const char *load, const char *active, const char *sub, uint32_t job);
int member_take_socket(Member *m, const char *active);

/* Takes PropertiesChanged over, from behind its path. 1 when the state is of one piece now, 0 when more is to come. */
int member_take_change(Member *m, bool of_socket, sd_bus_message *message);

/* True when the state says that it has come to rest, and so far it had not, or elsewhere. A signal alone does not prove
 * that: before it restarts a crashed service by itself, systemd shows it as failed (or dead), without a job, for some
 * hundred microseconds. */
bool member_must_confirm(const Member *m);

/* Makes what the owner sees from the state. 1 when something of it has changed, 0 when nothing has. *ret_was: the
 * condition before. A failure is then asked for, and told by a further event. */
int member_settle(Member *m, FleetCondition *ret_was);

/* The same, and tells the owner. */
int member_show(Member *m);

/* --- fleet-list.c --- */

/* Asks for the state of all units of the load, as the last call of its batch. */
int fleet_ask_list(Fleet *fleet);

/* Asks for the state of this one, and shows it then. */
int member_confirm(Member *m);

/* --- fleet.c --- */

/* Reads all of it soon: what comes in one burst is one load. */
void fleet_want_load(Fleet *fleet);

/* NULL for none. During a load it knows those that will be, too. */
Member *fleet_member_by_path(const Fleet *fleet, const char *path, bool *ret_of_socket);

void fleet_say_changed(Fleet *fleet, Member *m, FleetCondition was);

/* Nothing is under way any more. */
void fleet_stop(Fleet *fleet);

/* --- fleet-follow.c --- */

int fleet_follow(Fleet *fleet);
void fleet_unfollow(Fleet *fleet);
