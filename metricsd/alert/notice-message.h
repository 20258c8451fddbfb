/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <json-c/json_object.h>

/* What is told of an alert, made of what alert_to_json() says of it. Members that are missing are left out. Pure. NULL
 * without memory, the caller frees or puts. */

bool message_is_resolved(json_object *alert);

/* One line: "training: service.responseTime is 6000 ms", and when it is over "training: service.responseTime is well
 * again". */
char *message_summary(json_object *alert);

/* What a person asks next, one thing a line: which rule, how long it lasted, what came before it, what was done, the
 * last line of the journal. */
char *message_text(json_object *alert);

/* {type: "alert", status: "active|resolved", alert} */
json_object *message_to_json(json_object *alert);

/* One element of what POST /api/v2/alerts of Alertmanager takes (its `postableAlert`): {labels: {alertname, instance,
 * severity, service?}, annotations: {summary, description, rule, alert_id}, startsAt, endsAt?, generatorURL?}. The
 * labels, by which Alertmanager knows an alert again, are the same from its begin to its end unless it becomes more or
 * less severe. generator_url is where people can look; NULL for nowhere. */
json_object *message_to_alertmanager(json_object *alert, const char *instance, const char *generator_url);
