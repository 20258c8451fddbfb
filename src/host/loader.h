/* SPDX-License-Identifier: MIT */
#pragma once

#include "host/module-abi.h"

/* A module file in memory. */
typedef struct LoadedModule {
        void *handle;
        const Module *module;
} LoadedModule;

/* Loads the file and checks that it is a module of this ABI for that service. path must be one that this process
 * has never loaded before: glibc takes a library by its name, then by its inode, for one that it has already, and
 * would hand out the old code. On failure *ret_reason is one line for people (the caller frees) and what was
 * loaded is gone again. */
int module_load(const char *path, const char *id, LoadedModule *ret, char **ret_reason);
void module_unload(LoadedModule *module);
