/* SPDX-License-Identifier: MIT */
#pragma once

/* The contract between the service host and a module. A module is a shared object ID.so that defines one symbol:
 *
 *         TOOLOO_MODULE = {
 *                 TOOLOO_MODULE_HEADER("training", "1.0"),
 *                 .routes = routes,
 *                 .n_routes = ELEMENTSOF(routes),
 *         };
 *
 * Several generations of a module are in one process for a while, so it keeps what changes in the state that init
 * returns, never in variables of its own. The skeleton (src/modules/_skeleton; examples/skeleton of the package tooloo-dev) is
 * the one to copy from. */

#include <systemd/sd-event.h>

#include "foundation/http.h"

#ifndef TOOLOO_MODULE_ABI /* the tests build a host of another one */
#define TOOLOO_MODULE_ABI 3
#endif
#define TOOLOO_MODULE_MAGIC UINT32_C(0x544f4f4c) /* "TOOL" */
#define TOOLOO_MODULE_SYMBOL "tooloo_module"

/* The service a module runs in. Valid from init to the end of fini. */
typedef struct Service Service;

typedef struct Module {
        /* Never changes its place, so that a module of any other ABI can be told apart. */
        uint32_t magic;
        uint32_t abi;
        uint32_t size; /* sizeof(Module) as the module was compiled */

        const char *name; /* the service's ID: a file under another name is rejected */
        const char *version;
        const HttpRoute *routes;
        size_t n_routes;
        /* Requests for paths that other services claim (Routes=) are forwarded to them before the route table is looked at.
         * Costs the memory of libcurl. */
        bool proxy;

        /* Any of these may be NULL. State is what init returned, and what handlers are given. All run on the
         * service's loop, so no request is answered for as long as they take.
         *
         * init runs first in a child process that tries the module out, then in the service while the old
         * generation goes on serving: it must have no effect outside the process and not wait. Negative errno
         * rejects the module; fini is not called then. */
        int (*init)(Service *service, void **ret_state);
        /* After the last request, stream and WebSocket of the generation. What the module added to the loop has to be
         * gone when it returns, for its code is unloaded next. */
        void (*fini)(void *state);
        /* suspend describes the old generation's state, which goes on serving; resume takes it over into the new
         * one before that serves. Negative errno of either rejects the new module, and nothing is taken from
         * suspend's *ret. What changes in the old one after suspend is the old one's alone. *ret is put by the
         * host and may be NULL; resume does not keep `saved`. Called only where both generations have theirs. */
        int (*suspend)(void *state, json_object **ret);
        int (*resume)(void *state, json_object *saved);
} Module;

#define TOOLOO_MODULE extern const Module tooloo_module _public_; const Module tooloo_module

#define TOOLOO_MODULE_HEADER(id, v)                                                                   \
        .magic = TOOLOO_MODULE_MAGIC, .abi = TOOLOO_MODULE_ABI, .size = sizeof(Module), .name = (id), \
        .version = (v)

/* The loop all of it runs on. Owned by the service. */
sd_event *service_event(Service *service) _public_;
const char *service_id(const Service *service) _public_;
/* The number of this generation, counted from 1 in each process. */
uint64_t service_generation(const Service *service) _public_;
/* True in the child process that only tries the module out. */
bool service_is_trial(const Service *service) _public_;
/* Wakes every stream of the route with that path, so that its `next` is called; from the loop, not from within. */
void service_wake_streams(Service *service, const char *path) _public_;
/* One line in the journal, with the service's fields. priority as in syslog(3). */
void service_log(Service *service, int priority, const char *format, ...) _public_ _printf_(3, 4);
