/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Whether a process has the sandbox that its unit's settings promise. Pure: works on what /proc says. */

typedef struct Promised {
        bool no_new_privileges;
        bool system_call_filter;
        bool private_users;
        bool private_tmp;
        const char *protect_system; /* "no", "yes", "full", "strict"; NULL as "no" */
        const char *protect_home;   /* "no", "yes", "read-only", "tmpfs" */
} Promised;

typedef struct Observed {
        const char *status;       /* /proc/PID/status */
        int filters_before;       /* how many system call filters the user's systemd itself has: in a container it has some. */
        const char *mountinfo;    /* /proc/PID/mountinfo; NULL when it could not be read: nothing is then said of mounts */
        bool own_user_namespace;  /* /proc/PID/ns/user is another than ours */
        bool user_namespace_seen; /* that could be read */
} Observed;

/* Adds the name of each setting that the process does not have to *ret: "PrivateUsers=". -ENOMEM. */
int confined_missing(const Promised *promised, const Observed *observed, char ***ret);

/* The number behind a name ("\nSeccomp:") in /proc/PID/status, -1 without one. */
int status_number(const char *status, const char *name);

/* True when what lies at path (absolute, without "..") cannot be written, by the mount table. */
bool mountinfo_read_only(const char *mountinfo, const char *path);
