/* SPDX-License-Identifier: MIT */
#pragma once

#include "watchd/own-service.h"
#include "watchd/status.h"

/* All services that are followed by their Watch=, as the registry has them. */

typedef struct OwnServices OwnServices;

/* known is called once, when the registry was read for the first time or that has failed; lost when the bus is gone. */
typedef struct OwnServicesEvents {
        void (*known)(void *userdata);
        void (*lost)(void *userdata);
        void *userdata;
} OwnServicesEvents;

/* All must outlive it. The caller frees. */
int own_services_new(sd_event *event, sd_bus *bus, WatchSet *set, const Options *options, Status *status,
                     const OwnServicesEvents *events, OwnServices **ret);
void own_services_free(OwnServices *all);
TL_DEFINE_CLEANUP(OwnServices *, own_services_free);

size_t own_services_count(const OwnServices *all);

/* After watch_set_drain(). Negative errno when the event loop fails, logged. */
int own_services_take(OwnServices *all);

/* Somebody asks to look at everything again. */
int own_services_ask(OwnServices *all);
