/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "shared/service-settings.h"

/* THE list of services: what the user manager has as tooloo-ID.service in one of the fleet's slices, with a socket
 * unit tooloo-ID.socket beside it (or Port= in [X-Tooloo]). Helpers such as tooloo-reload.service have neither socket
 * nor port and are none. There is no other list, and nothing here is kept between two loads. */

typedef struct Service {
        char *id;
        char *unit;       /* tooloo-ID.service */
        char *socket;     /* tooloo-ID.socket, NULL where there is none */
        char *name;       /* Description= */
        char *category;   /* infrastructure, core, extended, integration or control; from the slice */
        unsigned port;    /* 0 when it listens on no TCP port */
        char **needs;     /* ids of the services named in After=, Wants= or Requires= */
        bool can_reload;  /* has an ExecReload= */
        ServiceSettings settings;
        OnChange on_change; /* never unset: reload with ExecReload=, else restart */

        /* As systemd says them at the time of the load. Masked services have name, category and port from the file
         * that the mask hides. */
        char *load_state;
        char *active_state;
        char *sub_state;
        char *socket_state; /* active state of the socket; NULL where there is none */
        char *fragment_path;
        char **drop_in_paths;
} Service;

typedef struct Registry {
        Service *services; /* by port, then id; those without a port last */
        size_t n_services;
} Registry;

Registry *registry_free(Registry *registry);
TL_DEFINE_CLEANUP(Registry *, registry_free)

/* Reads all of it in three rounds of calls. A wrong setting in [X-Tooloo] is one warning; the rest goes on. On
 * failure one line was logged. */
int registry_load(sd_bus *bus, Registry **ret);

/* By id, or by a unit name as people type it: "ID", "tooloo-ID", "tooloo-ID.service", "tooloo-ID.socket". NULL when
 * there is none. */
const Service *registry_find(const Registry *registry, const char *name);

/* The id that was probably meant, or NULL when none is near. */
const char *registry_nearest(const Registry *registry, const char *name);

/* What of a unit's name is the id: a newly allocated one for *ret, -EINVAL when name is not tooloo-ID followed by
 * suffix. */
int service_id_from_unit(const char *name, const char *suffix, char **ret);

/* The category that a slice stands for, or NULL when it is not one of the fleet's. */
const char *service_category_from_slice(const char *slice);

/* The port of a socket unit's stream address: "127.0.0.1:3001", "[::1]:3001", "3001". 0 for anything else. */
unsigned service_port_from_address(const char *address);

static inline bool service_is_masked(const Service *s) {
        return s->load_state && s->load_state[0] == 'm';
}
