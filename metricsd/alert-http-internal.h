/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "alert-http.h"
#include "alert-manager.h"

/* Shared by the files of the alerts' HTTP. Replies as in foundation/http.h: 0 or negative errno. */

AlertEngine *alert_http_engine(void *state);

/* A body {ok:true}, to which more is added. NULL without memory; the caller puts. */
json_object *alert_http_new_answer(void);
/* {ok:true, NAME:value, dryRun?}. Takes over value; NULL stands for no memory. */
int alert_http_reply_with(HttpRequest *request, const char *name, json_object *value, bool dry_run);
/* What a validator found; r is its result. */
int alert_http_reply_invalid(HttpRequest *request, int r, const char *problem);
/* Nothing was changed: what could not be stored is not in force. */
int alert_http_reply_not_stored(HttpRequest *request, int r, const char *what);

/* Reads the body once the services are known. 1 when all has been answered. */
int alert_http_read_body(HttpRequest *request, void *state, json_object **ret);
/* ?dryRun=true: checked and answered, nothing stored. 1 when all has been answered. */
int alert_http_read_dry_run(HttpRequest *request, bool *ret);
