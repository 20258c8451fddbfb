/* SPDX-License-Identifier: MIT */
#pragma once

#include "action.h"
#include "shared/http-call.h"

/* An action that is done by a service of the fleet, which is asked for it over HTTP: the one that owns the path by
 * Routes= in its unit file. One that does not run is not asked, for the connection would start it. What it answers is
 * how the action ended. */
typedef struct ServiceRequest ServiceRequest;

/* The service has answered 2xx, and not ok:false. Ends the action, or sends the next request. json is NULL when the
 * answer is none. */
typedef void (*service_answered_t)(ServiceRequest *request, json_object *json);

struct ServiceRequest {
        AlertAction *action;
        uint64_t timeout; /* usec, of each request */
        char *service;    /* whom the action is about; NULL for nobody */
        unsigned max;     /* of scale-up */

        char *asked; /* the id of the service that is asked */
        char *body;
        HttpCall *call;
        service_answered_t answered;
        sd_event_source *later; /* while problem waits to be told */
        char *problem;
};

/* What alert_action_begin_t of such an action begins with. */
int service_request_new(AlertAction *action, const AlertActionRequest *request, ServiceRequest **ret);
ServiceRequest *service_request_free(ServiceRequest *request);
TL_DEFINE_CLEANUP(ServiceRequest *, service_request_free)

/* Takes over body, which is JSON to POST; NULL asks by GET. What is wrong from the start ends the action, too, from
 * the event loop. Negative without memory. */
int service_request_send(ServiceRequest *request, const char *path, char *body, service_answered_t answered);

/* Makes it the state of its action, once its first request was sent. */
void service_request_install(ServiceRequest *request);
