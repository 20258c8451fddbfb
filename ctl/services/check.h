/* SPDX-License-Identifier: MIT */
#pragma once

#include "services.h"

/* Whether a service can be as it is wanted, found out before anything is written. Each returns CTL_OK, or CTL_USAGE or
 * CTL_FAILED after a line that says what to do. */

/* A new id. */
int check_id(const Ctl *ctl, const char *id);

/* A port that neither another service has nor a stranger; of is the service that may have it, NULL for none. */
int check_port(const Ctl *ctl, unsigned port, bool socket, const char *of);

#define FIRST_OWN_PORT 4000

/* The first port from first on that is free; 0 after a line when none is. */
unsigned find_port(const Ctl *ctl, unsigned first);

/* Prefixes that no other service claims. */
int check_routes(const Ctl *ctl, char *const *routes, const char *of);

int check_health(const Ctl *ctl, const char *path);
int check_env(const Ctl *ctl, char *const *env);
int check_after(const Ctl *ctl, char *const *ids);
int check_category(const Ctl *ctl, const char *name);
int check_description(const Ctl *ctl, const char *text);

/* The command with its first word made absolute; the caller frees. */
int check_command_line(const Ctl *ctl, char *const *command, char ***ret);

/* A directory, or where file is set a file, made absolute; it must be there. option is for the line. */
int check_directory(const Ctl *ctl, const char *option, bool file, const char *directory, char **ret);
