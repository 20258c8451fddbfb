/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <json-c/json_object.h>

/* Whom a rule with the action notify tells, and what. actionParams were checked when the rule was put, see
 * rule-params.c:
 *
 *   webhook     the address to POST to
 *   format      "json" (the default) or "alertmanager"; where the address of an Alertmanager has no path, it is
 *               /api/v2/alerts
 *   credential  the name of the systemd credential whose first line is the header Authorization
 *   desktop     whether the user's desktop is told, too; when it is not said: if there is no webhook
 *
 * Strings are those of params. */
typedef struct NotifyParams {
        bool desktop;
        bool alertmanager;
        const char *webhook;    /* NULL for none */
        const char *credential; /* NULL for none */
} NotifyParams;

/* params may be NULL. */
NotifyParams notify_params_read(json_object *params);

/* The same receiver, who can be told of alerts of both in one message? */
bool notify_params_same_receiver(const NotifyParams *a, const NotifyParams *b);

/* Both: NULL without memory, the caller frees. alerts are n of alert_to_json(), one alone unless for an Alertmanager;
 * instance and generator_url as in message_to_alertmanager(). */
char *notify_params_url(const NotifyParams *p);
char *notify_params_body(const NotifyParams *p, json_object *const *alerts, size_t n, const char *instance,
                         const char *generator_url);

/* The header that the credential stands for, for *ret; NULL when there is none to send. -ENOMEM, or -EACCES with
 * *ret_problem in one line when it cannot be read. The caller frees both. */
int notify_params_authorization(const NotifyParams *p, char **ret, char **ret_problem);
