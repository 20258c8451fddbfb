/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The directories of programs and modules, while somebody installs into them. A package manager replaces files one after the
 * other, and a new program beside an old module may be of another ABI; so nobody restarts before it is quiet. */

typedef struct Settle {
        int fd;        /* inotify */
        bool disturbed; /* something has changed there since it was quiet */
} Settle;

/* Begins to watch. Negative errno. */
int settle_begin(Settle *ret);
void settle_done(Settle *settle);

/* Waits until nothing has changed for a second and nothing lies there half installed; returns at once when it is so
 * since the last call. After two minutes it gives up with a warning: what is left of an installation that was cut off must
 * not stop all later ones. Negative errno. */
int settle_wait(Settle *settle);

/* Whether a file of that name is one that dpkg or rpm will give its true name. Pure. */
bool is_half_installed(const char *name);
