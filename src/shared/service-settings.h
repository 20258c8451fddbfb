/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The [X-Tooloo] section of a service's unit file: what the fleet needs to know and systemd has no word for.
 *
 *   Routes=      path prefixes that web sends here: a list; each begins with '/'
 *   HealthPath=  where to ask for its health, default /health
 *   Watch=       files and directories whose change rebuilds it: a list
 *   Ignore=      patterns that Watch= leaves out: a list
 *   OnChange=    reload, restart, swap or none
 *   Port=        where there is no socket unit to read it from
 *   AllowUsers=  who may connect beside its own user and root: a list
 *   AllowHosts=  names that requests may give as their Host beside loopback ones: a list of NAME or NAME:PORT
 *   AllowOrigins= pages of which other servers may use it: a list of https://NAME or https://NAME:PORT
 *
 * In Watch= and Ignore= "%h" is the home directory, and "%%" a '%'.
 *
 * Lists are split at blanks (quotes keep them), grow from line to line and from drop-in to drop-in; an empty
 * assignment begins anew, or for a single value brings the default back. */

typedef enum OnChange {
        ON_CHANGE_UNSET, /* the registry then decides by whether the unit has ExecReload= */
        ON_CHANGE_RELOAD,
        ON_CHANGE_RESTART,
        ON_CHANGE_SWAP,
        ON_CHANGE_NONE,
        ON_CHANGE_INVALID = -22, /* -EINVAL */
} OnChange;

/* What HealthPath= and a word of Routes= may be. */
bool service_path_valid(const char *s);
bool service_route_valid(const char *s);

const char *on_change_to_string(OnChange c);
OnChange on_change_from_string(const char *s);

/* What HealthPath= is to answer: 2xx, or 3xx, for a program's first page is often somewhere else. */
static inline bool health_status_good(unsigned status) {
        return status >= 200 && status < 400;
}

/* All zero is a valid start. */
typedef struct ServiceSettings {
        char **routes;
        char **watch;
        char **ignore;
        char **allow_users;
        char **allow_hosts;
        char **allow_origins;
        char *health_path; /* NULL for the default */
        OnChange on_change;
        unsigned port; /* 0 for none */
        bool present;  /* there is a setting in [X-Tooloo], be it a wrong one */
} ServiceSettings;

void service_settings_done(ServiceSettings *s);

/* Takes over one assignment of a unit file (a unit_file_assign_t with ServiceSettings * as userdata). What is wrong
 * with it is said in one warning that names file and line, and then counts as not written: 0. Other sections are
 * skipped. Negative only for -ENOMEM. */
int service_settings_assign(const char *section, const char *key, const char *value, const char *path, unsigned line,
                            void *userdata);
