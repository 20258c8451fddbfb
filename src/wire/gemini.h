/* SPDX-License-Identifier: MIT */
#pragma once

/* Google's "generateContent" (v1beta), which only upstreams speak here. */

#include "wire/wire-internal.h"

int gemini_write_request(const WireChat *chat, json_object **ret, char **ret_why);
