/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "basic/string-util.h"
#include "shared/service-settings.h"

/* THE list of services: what the user manager has as tooloo-ID.service in one of the fleet's slices, with a socket
 * unit tooloo-ID.socket beside it, or a section [X-Tooloo] with something in it: Port=, or OnChange= of one that listens
 * nowhere. Helpers such as tooloo-reload.service have neither and are none. There is no other list, and nothing here is
 * kept between two loads. */

typedef struct Service {
        char *id;
        char *unit;       /* tooloo-ID.service */
        char *socket;     /* tooloo-ID.socket, NULL where there is none */
        char *name;       /* Description= */
        char *category;   /* infrastructure, core, extended, integration or control; from the slice */
        unsigned port;    /* 0 when it listens on no TCP port */
        bool can_reload;  /* has an ExecReload= */
        char **needs;     /* ids of the services named in After=, Wants= or Requires= */
        ServiceSettings settings;
        OnChange on_change; /* never unset: reload with ExecReload=, else restart */

        /* As systemd says them at the time of the load. Masked services have name, category and port from the file
         * that the mask hides, those whose unit file is not valid from that file. */
        char *load_state;
        char *active_state;
        char *sub_state;
        char *socket_state; /* active state of the socket; NULL where there is none */
        char *fragment_path;
        char **drop_in_paths;
} Service;

void service_done(Service *s);

typedef struct Registry {
        Service *services; /* by port, then id; those without a port last */
        size_t n_services;
        /* What is wrong with the list itself, one sentence each that names the units and says what to do; NULL for
         * nothing. A prefix of Routes= that two services claim: neither gets it. A port that two have: both stay in
         * the list. A unit that would be a service but for its id, which is not one or is reserved: it is left out.
         * Who follows the registry logs each once; toolooctl shows them. */
        char **problems;
} Registry;

Registry *registry_free(Registry *registry);
TL_DEFINE_CLEANUP(Registry *, registry_free)

/* Reads all of it in two rounds of calls, and waits for them. A wrong setting in [X-Tooloo] is one warning; the rest
 * goes on. On failure one line was logged. */
int registry_load(sd_bus *bus, Registry **ret);

/* The same, but needs, with what stands in unit files read from there: for a list that people wait for. Where a file was
 * changed and systemd has not read it again (NeedDaemonReload), it shows the new one. */
int registry_load_from_files(sd_bus *bus, Registry **ret);

/* The same from an event loop. done is called once: with 0 and the registry, which is the callee's then, or with a
 * negative errno and NULL, after one line was logged. Never from within registry_load_async(). The load is the
 * caller's to free, from within done, too; freed before, done is not called. */
typedef struct RegistryLoad RegistryLoad;
typedef void (*registry_loaded_t)(int error, Registry *registry, void *userdata);

int registry_load_async(sd_bus *bus, registry_loaded_t done, void *userdata, RegistryLoad **ret);
RegistryLoad *registry_load_free(RegistryLoad *load);
TL_DEFINE_CLEANUP(RegistryLoad *, registry_load_free)

/* By id, or by a unit name as people type it: "ID", "tooloo-ID", "tooloo-ID.service", "tooloo-ID.socket". NULL when
 * there is none. */
const Service *registry_find(const Registry *registry, const char *name);

/* The id that was probably meant, or NULL when none is near. */
const char *registry_nearest(const Registry *registry, const char *name);

/* What of a unit's name is the id: a newly allocated one for *ret, -EINVAL when name is not tooloo-ID followed by
 * suffix. */
int service_id_from_unit(const char *name, const char *suffix, char **ret);

/* Ids that no service can have, because a unit, slice or program of ours has the name or a person would take it for
 * another thing: reload, reload-again, upgrade, upgrade-again, scale, watchd, dev, port-owner; infrastructure, core, extended,
 * integration, control; service, backoff; all, fleet. */
bool service_id_reserved(const char *id);

/* The category that a slice stands for, or NULL when it is not one of the fleet's. */
const char *service_category_from_slice(const char *slice);

/* The port of a socket unit's stream address: "127.0.0.1:3001", "[::1]:3001", "3001". 0 for anything else. */
unsigned service_port_from_address(const char *address);

/* One of the 13, as people count: the control plane looks after the fleet and is none of it. */
static inline bool service_counts(const Service *s) {
        return !streq(s->category, "control");
}

/* Whether several processes may serve at its socket: a module's state is in one. */
static inline bool service_can_scale(const Service *s) {
        return s->socket && s->port > 0 && s->on_change != ON_CHANGE_RELOAD && service_counts(s);
}

static inline bool service_is_masked(const Service *s) {
        return s->load_state && s->load_state[0] == 'm';
}
