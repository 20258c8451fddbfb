/* SPDX-License-Identifier: MIT */
#pragma once

#include "await.h"
#include "services.h"

/* A new service from its text to its first answer. */

typedef struct Installed {
        char *directory;                 /* of the unit files */
        char *service_path, *socket_path; /* NULL for none */
        char *unit, *socket;
} Installed;

void installed_done(Installed *i);

/* Writes the unit files of a service that there is not yet, enables them and has systemd read them. Nothing of it is left
 * when one of that fails. Returns an exit status; on failure a line was said. */
int install_units(Ctl *ctl, const ServiceSpec *spec, Installed *ret);

/* Starts it and waits until it is healthy; finds its HealthPath= when it has none. CTL_OK, or CTL_FAILED after a line and what
 * it logged. */
int install_start(Ctl *ctl, const ServiceSpec *spec, const Installed *installed, uint64_t timeout);

/* Says where it answers. */
void install_say(const Ctl *ctl, const ServiceSpec *spec, const Installed *installed);
