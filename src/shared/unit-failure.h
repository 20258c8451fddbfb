/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Why a unit is not well, in one sentence from its Result, exit status and STATUS=: "its process exited with status
 * 1". *ret_result (may be NULL) is systemd's word for it. Waits for the answer. */
int unit_failure_reason(sd_bus *bus, const char *unit, char **ret, char **ret_result);

/* The same of a service, from systemd's own PropertiesChanged, read from its beginning. What a question would be answered may
 * be of the next try already, which has not failed yet. 1 when it tells of a failure, else 0, and what is returned is left
 * alone. */
int unit_failure_of_change(sd_bus_message *m, char **ret, char **ret_result);

/* The same from an event loop. told is called once: with 0, the sentence and systemd's word, which are valid during
 * the call, or with a negative errno and NULL. Never from within unit_failure_ask(). The question is the caller's to
 * free, from within told, too; freed before, told is not called. */
typedef struct UnitFailure UnitFailure;
typedef void (*unit_failure_told_t)(int error, const char *reason, const char *result, void *userdata);

int unit_failure_ask(sd_bus *bus, const char *unit, unit_failure_told_t told, void *userdata, UnitFailure **ret);
UnitFailure *unit_failure_free(UnitFailure *failure);
TL_DEFINE_CLEANUP(UnitFailure *, unit_failure_free)
