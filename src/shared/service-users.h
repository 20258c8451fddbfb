/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "shared/service-settings.h"

/* The users that AllowUsers= names, by name or number, at most max of them in ret; how many. One that does not exist, or
 * that could be anybody, is one warning and left out. Reads the user database: not for a request. */
size_t service_settings_users(const ServiceSettings *s, uid_t *ret, size_t max);
