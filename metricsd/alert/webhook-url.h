/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The address that a webhook is sent to, see rule-params.c. */

/* Can libcurl make something of it? Also false without memory. */
bool webhook_url_is_valid(const char *url);

/* For a valid one. NULL without memory; the caller frees. */

/* The same with that path when it has none, or "/" alone. */
char *webhook_url_with_path(const char *url, const char *path);

/* "http://host:port" for messages: the rest of an address may be a secret. */
char *webhook_url_origin(const char *url);
