/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/server.h"
#include "host/loader.h"

/* One loaded copy of the module with the state its init made. */
typedef struct Generation {
        struct Service {
                sd_event *event;
                Server *server; /* NULL in a trial, and in fini when the service ends */
                char *id;
                uint64_t number; /* from 1; 0 in a trial */
        } service;
        LoadedModule loaded;
        void *state;
        bool initialised;
        char *path; /* its private copy, removed with it */
} Generation;

/* Loads the module; of its code constructors alone run. server is NULL and number 0 in a trial. All of these return
 * 0 or negative errno; *ret_reason as in module_load(), and may stay NULL without memory. */
int generation_new(sd_event *event, Server *server, const char *id, uint64_t number, const char *path,
                   Generation **ret, char **ret_reason);

/* Runs its init. After a failure fini is not run. */
int generation_init(Generation *generation, char **ret_reason);

/* From here on the file it was loaded from goes with it. */
int generation_own_file(Generation *generation, const char *path);

/* suspend of old, resume of generation, where both have theirs. */
int generation_take_over(Generation *generation, Generation *old, char **ret_reason);

/* fini, unload, remove the private copy. */
Generation *generation_free(Generation *generation);
TL_DEFINE_CLEANUP(Generation *, generation_free)
