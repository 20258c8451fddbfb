/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* /api/v1/providers/...: what would be chosen, what was, and how the providers are. */

#define SELECT_BODY_MAX ((size_t) 2 * 1024 * 1024)

int post_select(HttpRequest *request, void *state);
int get_selections(HttpRequest *request, void *state);
int get_providers_health(HttpRequest *request, void *state);
