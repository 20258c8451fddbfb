/* SPDX-License-Identifier: MIT */
#pragma once

/* The address that a webhook is sent to, as rule-params.c has checked it. NULL without memory, or for what is no address
 * after all; the caller frees. */

/* The same with that path when it has none, or "/" alone. */
char *webhook_url_with_path(const char *url, const char *path);

/* "http://host:port" for messages: the rest of an address may be a secret. */
char *webhook_url_origin(const char *url);
