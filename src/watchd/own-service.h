/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "shared/fleet.h"
#include "watchd/options.h"
#include "watchd/watch-set.h"

/* A service that is no module of the fleet's tree: a change of what its Watch= names goes live by "toolooctl reload ID", run
 * by tooloo-reload@ID.service, never more than one at once. */

typedef struct OwnService OwnService;

/* What all of them share; the owner's. */
typedef struct OwnContext {
        sd_event *event;
        sd_bus *bus;
        WatchSet *set;
        const Options *options;
        void (*news)(void *userdata); /* own_service_trouble() of one may say something else now */
        void *userdata;
} OwnContext;

/* True when the service is one to follow: it names absolute paths, and does not say OnChange=none. */
bool own_service_wanted(const Service *s);

/* Begins to follow. What cannot be watched is said, and is trouble; what can be is watched. Both must outlive it. -ENOMEM and the
 * like. The caller frees. */
int own_service_new(const OwnContext *context, const FleetUnit *unit, OwnService **ret);
void own_service_free(OwnService *o);
TL_DEFINE_CLEANUP(OwnService *, own_service_free);

/* True when its settings are still those that it is followed by. */
bool own_service_is_current(const OwnService *o, const Service *s);

/* After watch_set_drain(). Negative errno when the event loop fails, logged. */
int own_service_take(OwnService *o);

/* The unit's state has changed. As own_service_take(). */
int own_service_unit_changed(OwnService *o);

/* Somebody asks to look at everything again. As own_service_take(). */
int own_service_ask(OwnService *o);

/* One line: what cannot be watched, or why the last change is not live. NULL for nothing. Valid until the next call of any of
 * these. */
const char *own_service_trouble(const OwnService *o);
