/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* GET /api/v1/metrics/errors?service=&limit=: the errors that services have logged, those about the same thing as one, the
 * newest first. Handler of a route whose state is the Manager. */
int errors_http_get(HttpRequest *request, void *state);
