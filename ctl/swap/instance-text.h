/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "basic/macro.h"

/* The text of a unit that runs a service's program a second time: what the service's own files say, less what belongs to the
 * service alone. What a setting means stays systemd's to say; specifiers such as %N name the new unit, as they do in a
 * template, and %p the service. */

typedef enum InstanceKind {
        INSTANCE_TRIAL, /* apart from the service, at a private socket; ends for good when it ends */
        INSTANCE_NEXT,  /* at the service's socket until the service has its new code */
        INSTANCE_REPLICA,
} InstanceKind;

/* The unit file at path without comments, [Install], [X-...], and what an instance has of its own (Sockets=, start limits);
 * for a trial also without what would tell others of its end. The caller frees. */
int instance_service_text(InstanceKind kind, const char *path, char **ret);

/* What overrides all of it, in a drop-in that is read last. name is the service's Description=. keep_directories: the unit names a
 * runtime directory that it shares with the service, and that is not to go with it. */
int instance_override_text(InstanceKind kind, const char *id, const char *name, bool keep_directories, char **ret);

/* TCP ports of a socket unit, and the private ones that a trial has in their place. All zero before. */
#define TRIAL_PORTS_MAX 8
typedef struct TrialPorts {
        struct {
                unsigned port, private_port;
                int fd; /* holds the private port until systemd is asked to listen there */
        } ports[TRIAL_PORTS_MAX];
        size_t n;
        char *problem; /* what a trial cannot have, for a sentence: "ListenFIFO=/run/x"; NULL for nothing */
} TrialPorts;

void trial_ports_done(TrialPorts *ports);

/* The private one; 0 when there is none. */
unsigned trial_port(const TrialPorts *ports, unsigned port);

/* The socket unit's file (or drop-in) at path with private ports. -EOPNOTSUPP for an address that has no private counterpart:
 * ports->problem says which. */
int trial_socket_text(const char *path, TrialPorts *ports, char **ret);
