/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether a program can run at all: it is asked for its version, which needs each library that it links. Nothing that serves
 * is touched by that. 1 when it can; 0 when not, with *ret_why in one clause, which the caller frees; negative errno when it
 * cannot be found out. */
int preflight(const char *program, char **ret_why);
