/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "instance-text.h"
#include "shared/instances.h"
#include "shared/registry.h"

/* Units tooloo-ID@NAME.service, of which the files lie in the runtime directory: gone with the session at the latest. */

typedef struct Instance {
        char *unit;
        char *socket; /* the trial's own, else NULL */
} Instance;

void instance_done(Instance *i);
int instance_init(Instance *i, const Service *s, const char *name);

/* Writes the files of an instance, in place of what was there. systemd reads them with the next bus_reload_unit_files(). Negative
 * errno after a line; what was written is removed then. */
int instance_write(sd_bus *bus, const Service *s, InstanceKind kind, const char *name);

/* The trial's socket, at private ports. */
int instance_write_socket(sd_bus *bus, const Service *s, TrialPorts *ports);

/* Removes them; those that are not there are no matter. */
void instance_remove(const Service *s, const char *name);
