/* SPDX-License-Identifier: MIT */
#pragma once

#include "alert/engine.h"
#include "manager.h"
#include "watched.h"

/* The alert engine in its program: it is told what the collectors have found out, asks the fleet, and has systemd act.
 * */
typedef struct Alerts Alerts;

/* What it keeps is in manager->history. That, manager->bus, event and fleet must be there, and outlive it. */
int alerts_new(Manager *manager, Alerts **ret);
/* A trigger that waits is answered with what there is: so before the server goes. NULL is fine, here and below. */
Alerts *alerts_free(Alerts *alerts);
TL_DEFINE_CLEANUP(Alerts *, alerts_free)

AlertEngine *alerts_engine(Alerts *alerts);

/* A probe was answered, or the unit changed. */
void alerts_follow(Alerts *alerts, Watched *w);
/* Once an interval: all of all services. */
void alerts_tick(Alerts *alerts);
void alerts_forget(Alerts *alerts, const Watched *w);

/* An array of the alerts that are active. NULL without memory; the caller puts. */
json_object *alerts_active(const Alerts *alerts);

/* The service that an action is under way on; NULL for none. */
const char *alerts_acting_on(const Alerts *alerts);
