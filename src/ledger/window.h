/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* Windows begin with UTC's. */
typedef enum Window {
        WINDOW_MINUTE,
        WINDOW_DAY,
        WINDOW_MONTH,
        _WINDOW_MAX,
} Window;

const char *window_to_string(Window window);
/* -EINVAL. */
int window_from_string(const char *name);

/* Of the three windows that hold `at`, which is valid. */
void windows_begin(uint64_t at, uint64_t ret[static _WINDOW_MAX]);
/* Where the window that begins then ends. */
uint64_t window_end(Window window, uint64_t begins);
