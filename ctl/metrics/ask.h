/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "metrics.h"

/* What metricsd has answered. */
typedef struct Answer {
        char *text; /* as it came */
        size_t size;
        json_object *json;
} Answer;

void answer_done(Answer *answer);

/* Reads the registry, for metricsd's port and for the services named (NULL for none), which are then in
 * m->ctl.selected. A metricsd that does not run is not started by asking it, for its socket would do so: that is
 * CTL_FAILED and a line on what to do. CTL_UNKNOWN for a name that is none. */
int metrics_connect(Metrics *m, char **names);

/* Asks and waits; body is NULL for none. CTL_OK for a 2xx with JSON in *ret, which the caller ends with
 * answer_done(); else CTL_FAILED, and the line on stderr is metricsd's own where it has said one. */
int metrics_ask(Metrics *m, const char *method, const char *path, json_object *body, Answer *ret);

/* PATH?NAME=VALUE&..., escaped, from pairs that end in NULL; a pair whose value is NULL is left out. NULL without
 * memory; the caller frees. */
char *metrics_path(const char *path, ...) __attribute__((sentinel));

/* PATH/NAME, with name escaped; the same. */
char *metrics_path_of(const char *path, const char *name);

/* Prints the answer as it came: --json. */
void answer_print(const Answer *answer);
