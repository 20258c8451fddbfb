/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "foundation/http.h"

/* What one generation of the orchestrator has: its connection to the user's bus, the live list of services, the
 * requests that wait for an answer of systemd. Everything runs on the event loop and nothing waits in it. */
typedef struct Control Control;

/* own_id: the service this runs in. The bus is connected to by control_connect(), which a trial does not call; without
 * a bus it is tried again. */
int control_new(sd_event *event, const char *own_id, Control **ret);
int control_connect(Control *control);
/* No request is answered any more. */
Control *control_free(Control *control);
TL_DEFINE_CLEANUP(Control *, control_free)

/* How often each service was restarted until now, for the next generation, which begins to count when it begins. */
int control_suspend(void *state, json_object **ret);
int control_resume(void *state, json_object *saved);

/* --- Handlers; state is a Control --- */

/* processes.c: GET /api/v1/system/processes */
int get_processes(HttpRequest *request, void *state);

/* action.c: POST /api/v1/system/service/:id/ACTION. A job may be waited for with ?timeout=1..60 (seconds). */
#define ACTION_BODY_MAX 4096
int post_start(HttpRequest *request, void *state);
int post_stop(HttpRequest *request, void *state);
int post_restart(HttpRequest *request, void *state);
int post_reload(HttpRequest *request, void *state);

/* scale.c: POST /api/v1/system/service/:id/scale */
int post_scale(HttpRequest *request, void *state);

/* logs.c: GET /api/v1/system/service/:id/logs?lines&since */
int get_logs(HttpRequest *request, void *state);

/* reload-all.c: POST /api/v1/admin/reload, GET /api/v1/admin/reload-status */
int post_reload_all(HttpRequest *request, void *state);
int get_reload_status(HttpRequest *request, void *state);
