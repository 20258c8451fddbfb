/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway.h"

/* Does to the provider what the options of "add" and "edit" say, but for its key. Exit status; what is wrong with one has its
 * line. */
int provider_options_apply(const Ctl *ctl, ProviderFile *f);
/* True when one of them is given. */
bool provider_options_given(const Ctl *ctl);

typedef enum KeyChange {
        KEY_STAYS,
        KEY_NONE,
        KEY_SET,
} KeyChange;

/* What becomes of its key. Asks on a terminal, when `ask`, where no option says it. *ret_key is for KEY_SET; the caller ends
 * it with provider_key_freep(). */
int provider_key_read(const Ctl *ctl, const ProviderFile *f, bool ask, KeyChange *ret, char **ret_key);
void provider_key_freep(char **key);

/* Writes the key and then the file, so that whoever sees the file finds the key. What was there before stands when one of the two
 * fails. key is NULL unless change is KEY_SET. */
int provider_write(const ProviderPaths *paths, const ProviderFile *f, KeyChange change, const char *key);
/* The text of the file. NULL after a line: it would be a wrong one, or there is no memory. */
char *provider_text(const ProviderFile *f);
