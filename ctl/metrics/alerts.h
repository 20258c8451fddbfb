/* SPDX-License-Identifier: MIT */
#pragma once

#include "ask.h"

/* What the commands of "alerts" have in common. */

#define ALERTS_PATH "/api/v1/system/alerts"
#define RULES_PATH ALERTS_PATH "/rules"
#define SILENCES_PATH ALERTS_PATH "/silences"

/* "?dryRun=true" behind path where --dry-run was given; NULL without memory, the caller frees. */
char *alerts_path(const Metrics *m, const char *path);

/* Connects, and looks the service up where one is named: *ret_id is its id, or NULL. */
int alerts_connect(Metrics *m, const char *service, const char **ret_id);

/* Sets a field of a body to text, where there is one. */
int alerts_set_text(json_object *body, const char *field, const char *text);

/* A whole number as one, so that 5000 is not sent as 5000.0. NULL without memory. */
json_object *alerts_number(double value);

/* DELETE of PATH/ID for each operand, and a line for each that is gone: "ID is removed". */
int alerts_delete(Metrics *m, const char *path, const char *what);
