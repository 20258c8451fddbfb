/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "basic/macro.h"

/* The line that "systemctl --user status tooloo-watchd" and "toolooctl status" show, made of what each part has to say. */

typedef struct Status {
        char *source;   /* of the last build; NULL where no source tree is followed */
        char *services; /* what is wrong with the services that are followed; NULL for nothing */
        size_t n_services;
} Status;

/* Each sends the line anew. Without memory the old one stays. */
void status_set_source(Status *s, const char *format, ...) _printf_(2, 3);
void status_clear_source(Status *s);
void status_set_services(Status *s, size_t n, const char *trouble);

void status_done(Status *s);
