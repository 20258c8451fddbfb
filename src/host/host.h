/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "foundation/server.h"
#include "host/fleet-ports.h"
#include "host/generation.h"
#include "host/proven.h"
#include "host/trial.h"

/* A reload that somebody waits for. outcome is "reloaded", "unchanged", or NULL when it failed: then error is one of
 * the names in shared/service-bus.h and message says why. */
typedef struct ReloadResult {
        const char *outcome;
        const char *error;
        const char *message;
        uint64_t generation;
        uint64_t pause_usec;
} ReloadResult;

typedef void (*ReloadDone)(const ReloadResult *result, void *userdata);

typedef struct ReloadWaiter {
        bool only_if_changed;
        uint64_t asked; /* monotonic usec */
        ReloadDone done; /* may be NULL */
        void *userdata;
        STAILQ_ENTRY(ReloadWaiter) entries;
} ReloadWaiter;

typedef STAILQ_HEAD(ReloadWaiters, ReloadWaiter) ReloadWaiters;

/* A generation that was replaced; swap.c knows more. */
typedef struct Retiring Retiring;

/* The service host: one service, its server, the generations of its module. */
typedef struct Host {
        sd_event *event;
        sd_bus *bus; /* NULL without a user bus: the service serves all the same */
        sd_bus_slot *bus_slot;
        Server *server;

        char *id;
        char *name;        /* display name: the unit's Description=, the id until that is known */
        char *module_path; /* MODULESDIR/ID.so */
        char *runtime_directory;
        char *rejected_path; /* a copy of what this program has rejected last: it is not tried again unless asked for */
        Proven proven;
        uint64_t trial_timeout_usec;
        uint64_t prove_usec;
        sd_event_source *prove_timer;

        Generation *current; /* its route set owns it */
        uint64_t next_generation;
        unsigned n_retiring;                    /* older ones, from the swap to their fini */
        LIST_HEAD(RetiredList, Retiring) retired; /* nothing runs in these any more, their fini is due */
        char *current_copy; /* path of the current generation's private copy */

        /* The reload that runs, and who waits for it or for the one after it. */
        Trial *trial;
        char *trial_copy;
        ReloadWaiters running, queued;
        sd_event_source *next_reload;

        uint64_t last_reload; /* realtime usec, 0 for never */
        uint64_t last_pause;  /* usec */
        const char *last_result;
        uint64_t n_reloaded, n_rejected; /* since this process began */
        char *last_problem; /* NULL for none */
        bool stopping;      /* no reload begins any more */

        char *unit_path;     /* of our own unit on the bus, once it was asked for */
        char *fragment_path; /* while it is */
        bool access_known;   /* what it says of who may connect was applied */
        FleetPorts *ports;   /* NULL without a user bus */

        sd_event_source *status_timer, *status_post;
        unsigned status_connections;
} Host;

/* reload.c */

/* Loads the first generation. Negative errno: *ret_reason is one line for people, the caller frees. */
int host_load_first(Host *host, char **ret_reason);
/* Reloads once the one that runs, if any, is over. done is called once, maybe before this returns; may be NULL. */
void host_reload(Host *host, bool only_if_changed, ReloadDone done, void *userdata);
/* Gives up the reload that runs and those that wait; who waits is told so. */
void host_reload_stop(Host *host);

/* swap.c */

/* Loads a private copy here, runs its init, hands the old one's state over and lets it serve. On failure the old one
 * goes on; *ret_reason as above. */
int host_swap(Host *host, const char *copy, char **ret_reason);
/* The end of the generations whose turn of the loop has not come. After server_free(), which retires the last one. */
void host_free_generations(Host *host);
/* What /health says while the module of that version serves. */
int host_tell_server(Host *host, const char *version);

/* module-copy.c */

/* Copies a module to a name in the runtime directory that this process has never loaded. The caller frees *ret and
 * removes the file; *ret_reason as above. */
int host_copy_module(const Host *host, const char *from, char **ret, char **ret_reason);
/* Removes what a killed predecessor left behind. */
void host_remove_old_copies(const Host *host);

/* host-bus.c: negative errno when there is no user bus; that is no reason to stop. */
int host_bus_open(Host *host);
void host_bus_changed(Host *host);

/* unit.c: what our own unit file says: the display name, and who may connect. */

/* At the start: asks, and until the answer comes everything that only it could allow waits. Without a user bus there is
 * nobody to ask, and the strict default holds. */
void host_unit_start(Host *host);
/* Asks again, for a reload; until the answer comes what was known holds. */
void host_unit_ask(Host *host);

/* status.c: STATUS= for systemctl status. */
int host_status_start(Host *host);
void host_status_update(Host *host);
