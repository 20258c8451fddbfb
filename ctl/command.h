/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"

/* Verbs that have commands of their own, "alerts rules" say. */

typedef struct Command {
        const char *name;
        int (*run)(Ctl *ctl);
        size_t min, max;      /* operands behind its name */
        const char *operands; /* in words, for the line that says how many */
        const int *options;   /* of those of the verb, those that belong to it; ends with 0 */
} Command;

/* Takes the command's name off ctl->names and checks what is given with it; without a name it is the first one. NULL after a line
 * that says what is wrong. */
const Command *command_take(Ctl *ctl, const Command *commands, size_t n);
