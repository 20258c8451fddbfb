/* SPDX-License-Identifier: MIT */
#pragma once

/* Puts finished modules where the services load them from. */

typedef struct Publish {
        const char *build;   /* directory */
        const char *pattern; /* glob below it; what it finds is named ID.so */
        const char *modules; /* directory; the one beside it called "staging" takes unfinished copies */
} Publish;

/* Copies every module whose content is not what stands in the module directory. *names becomes their file names,
 * separated by ", ", as far as it came; *problem becomes one line on failure. Both are replaced when set and freed
 * by the caller. Returns how many were copied, or negative errno. */
int publish(const Publish *p, char **names, char **problem);
