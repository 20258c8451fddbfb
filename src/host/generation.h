/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/server.h"
#include "host/loader.h"

/* One loaded copy of the module with the state its init made. */
typedef struct Generation {
        struct Service {
                sd_event *event;
                Server *server; /* NULL in a trial */
                char *id;
                uint64_t number;
        } service;
        LoadedModule loaded;
        void *state;
        bool initialised;
        char *path; /* its private copy, removed with it */
} Generation;

/* Loads the module, without running any of it. server is NULL in a trial. *ret_reason as in module_load(). */
int generation_new(sd_event *event, Server *server, const char *id, uint64_t number, const char *path,
                   Generation **ret, char **ret_reason);

/* Runs its init. */
int generation_init(Generation *generation, char **ret_reason);

/* From here on the file it was loaded from goes with it. */
int generation_own_file(Generation *generation, const char *path);

/* suspend of old, resume of generation. */
int generation_take_over(Generation *generation, Generation *old, char **ret_reason);

/* fini, unload, remove the private copy. */
Generation *generation_free(Generation *generation);
TL_DEFINE_CLEANUP(Generation *, generation_free)
