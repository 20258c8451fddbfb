/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "foundation/server.h"
#include "options.h"

/* Ties the parts together on one event loop. */
typedef struct Manager {
        const Options *options;
        sd_event *event;
        Server *server;
} Manager;

/* options must outlive it. On failure one line was logged and shown by systemd; -EUCLEAN calls for a person, not for
 * another try. The caller frees. */
int manager_new(const Options *options, Manager **ret);
Manager *manager_free(Manager *m);
TL_DEFINE_CLEANUP(Manager *, manager_free)

/* Runs until SIGTERM or SIGINT. */
int manager_run(Manager *m);
