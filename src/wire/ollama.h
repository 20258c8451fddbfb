/* SPDX-License-Identifier: MIT */
#pragma once

/* Ollama's "/api/chat". */

#include <stdio.h>

#include "wire/wire-internal.h"

int ollama_ask(json_object *body, WireAsk *ask, char **ret_why);
int ollama_read_request(json_object *body, WireChat *chat, char **ret_why);
int ollama_write_request(const WireChat *chat, json_object **ret, char **ret_why);
