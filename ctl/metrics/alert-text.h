/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

/* Alerts and rules, as metricsd's JSON has them, in words for people. Each returns a newly allocated string, or
 * NULL without memory. */

/* "memory 251.3M > 200M". rules is where the threshold stands, by the id of the one that decided; without it, or
 * without that rule (it may have been deleted since), "memory 251.3M". */
char *alert_what(json_object *alert, json_object *rules);

/* What was done about it, or why not: "restart-service done, helped", "nothing done: there were 3 actions in 30
 * min". */
char *alert_deed(json_object *alert);

/* What came just before: "reload 12s before"; "" for nothing. */
char *alert_before(json_object *alert);

/* Whom it is about: an id, "13 services" for one alert for many, "-". */
char *alert_whom(json_object *alert);

/* "memory > 200M" */
char *rule_condition(json_object *rule);

/* "firing", with what keeps it from acting: "firing, dry run", "ok, off for web". */
char *rule_state(json_object *rule);

/* An escape sequence, NULL for none. */
const char *severity_color(const char *severity);
