/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "shared/provider-file.h"

/* Files in the format of LiteLLM's model_prices_and_context_window.json: an object in which each model has one, with USD a token.
 * They are kept by whoever calls models; none comes with us. */

#define PRICES_FILE_MAX ((size_t) 64 * 1024 * 1024)

typedef struct Prices {
        json_object *json;
        char *source; /* the file's name */
} Prices;

void prices_done(Prices *p);

/* -EBADMSG and *ret_why (the caller frees) when it is none, else what keeps it from being read. */
int prices_read(const char *path, Prices *ret, char **ret_why);

/* Gives the model what the file says of it, under its upstream name, or that behind "KIND/": price, abilities, limits. A price
 * that is finer than a pico-dollar a token is rounded to that, half up. 1 when the file also has prices that depend on the length
 * of the prompt, which nothing here can follow. -ENOENT when it has no such model; -EBADMSG and *ret_why when what it says is no
 * price. */
int prices_apply(const Prices *p, ProviderKind kind, ProviderModel *model, char **ret_why);
