/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

/* Alerts as notifications of the user's desktop, by org.freedesktop.Notifications on the user bus. One alert is one
 * bubble: what is told later of it takes the place of what was told before. */
typedef struct DesktopNotifier DesktopNotifier;
typedef struct DesktopNotice DesktopNotice;

/* Whose answer is waited for at once; one more is -EBUSY. */
#define DESKTOP_PENDING_MAX 32
/* Bubbles that can be replaced; beyond them the oldest stays as it is, and what follows makes a new one. */
#define DESKTOP_SHOWN_MAX 64

/* bus must be attached to an event loop and outlive it. */
int desktop_notifier_new(sd_bus *bus, DesktopNotifier **ret);
DesktopNotifier *desktop_notifier_free(DesktopNotifier *notifier);
TL_DEFINE_CLEANUP(DesktopNotifier *, desktop_notifier_free)

/* problem is NULL when it is shown, else one line that lasts for the call. The notice is freed after it. */
typedef void (*desktop_over_t)(const char *problem, void *userdata);

/* Shows what alert_to_json() says of an alert; where nothing on the bus shows notifications, the service for that is
 * started first if there is one to start. over is called once, never from within this. */
int desktop_notify(DesktopNotifier *notifier, json_object *alert, desktop_over_t over, void *userdata,
                   DesktopNotice **ret);
/* Does not wait for the answer any more: over is not called. */
void desktop_notice_give_up(DesktopNotice *notice);

/* Text as it stands in a notification's body, which may have markup: < > & are written as entities. NULL without
 * memory; the caller frees. */
char *desktop_escape(const char *text);
