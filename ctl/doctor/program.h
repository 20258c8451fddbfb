/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* A program that is run to its end, and what it said on stdout. All zero is none. */
typedef struct Program {
        pid_t pid;
        int output;
} Program;

/* arguments[0] is its path. */
int program_start(char *const *arguments, Program *ret);

/* Waits until end (monotonic usec), then kills it. *ret_status is as waitpid(2) has it, *ret_output the caller's. -ETIMEDOUT
 * when it had to be killed. */
int program_wait(Program *program, uint64_t end, int *ret_status, char **ret_output);

/* Ends it if it runs. */
void program_done(Program *program);
