/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* The requests under /api/v1/system/alerts, see API.md. Handlers of routes whose state is the Manager. */
int alert_http_get_rules(HttpRequest *request, void *state);
int alert_http_post_rule(HttpRequest *request, void *state);
int alert_http_delete_rule(HttpRequest *request, void *state);
int alert_http_get_status(HttpRequest *request, void *state);
int alert_http_post_trigger(HttpRequest *request, void *state);
int alert_http_get_silences(HttpRequest *request, void *state);
int alert_http_post_silence(HttpRequest *request, void *state);
int alert_http_delete_silence(HttpRequest *request, void *state);

#define ALERT_BODY_MAX ((size_t) 16 * 1024)
#define ALERT_PATH "/api/v1/system/alerts"

/* Rows of a route table. */
#define ALERT_ROUTES \
        { .method = "GET", .path = ALERT_PATH "/rules", .handle = alert_http_get_rules }, \
        { .method = "POST", .path = ALERT_PATH "/rules", .handle = alert_http_post_rule, .body_max = ALERT_BODY_MAX }, \
        { .method = "DELETE", .path = ALERT_PATH "/rules/:id", .handle = alert_http_delete_rule }, \
        { .method = "GET", .path = ALERT_PATH "/status", .handle = alert_http_get_status }, \
        { .method = "POST", .path = ALERT_PATH "/trigger", .handle = alert_http_post_trigger, \
          .body_max = ALERT_BODY_MAX }, \
        { .method = "GET", .path = ALERT_PATH "/silences", .handle = alert_http_get_silences }, \
        { .method = "POST", .path = ALERT_PATH "/silences", .handle = alert_http_post_silence, \
          .body_max = ALERT_BODY_MAX }, \
        { .method = "DELETE", .path = ALERT_PATH "/silences/:id", .handle = alert_http_delete_silence }
