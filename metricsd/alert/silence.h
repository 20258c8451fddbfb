/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

/* A time in which no action is taken, for one service, one rule, one rule on one service, or all. It always ends. */

#define SILENCE_REASON_MAX ((size_t) 500)
#define SILENCE_MAX (UINT64_C(30) * 24 * 3600 * USEC_PER_SEC)

typedef struct AlertSilence {
        char *id;
        char *service; /* NULL for every one */
        char *rule;    /* NULL for every one */
        char *reason;
        uint64_t created, until; /* realtime usec */
} AlertSilence;

AlertSilence *alert_silence_free(AlertSilence *silence);
TL_DEFINE_CLEANUP(AlertSilence *, alert_silence_free)

/* Says whether that service or rule is known. */
typedef bool (*alert_known_t)(const char *id, void *userdata);

/* Reads what a client sends: {service?, rule?, until, reason}. until is a date or a duration from now on. -EINVAL with
 * *ret_problem, see field.h. */
int alert_silence_from_request(json_object *json, uint64_t now, alert_known_t service_known, void *service_userdata,
                               alert_known_t rule_known, void *rule_userdata, AlertSilence **ret, char **ret_problem);

/* Reads what alert_silence_to_json() has written. */
int alert_silence_from_json(json_object *json, AlertSilence **ret, char **ret_problem);
/* NULL without memory; the caller puts. */
json_object *alert_silence_to_json(const AlertSilence *silence);

/* Does it silence the rule's alert on that service (NULL: on none that is known)? */
bool alert_silence_covers(const AlertSilence *silence, const char *rule, const char *service, uint64_t now);
