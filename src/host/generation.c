/* SPDX-License-Identifier: MIT */
#include "host/generation.h"

#include <string.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "shared/log.h"

Generation *generation_free(Generation *generation) {
        if (!generation)
                return NULL;
        if (generation->initialised && generation->loaded.module->fini)
                generation->loaded.module->fini(generation->state);
        module_unload(&generation->loaded);
        if (generation->path && unlink(generation->path) < 0 && errno != ENOENT)
                log_warning("Cannot remove %s: %s", generation->path, strerror(errno));
        free(generation->path);
        free(generation->service.id);
        sd_event_unref(generation->service.event);
        free(generation);
        return NULL;
}

int generation_new(sd_event *event, Server *server, const char *id, uint64_t number, const char *path,
                   Generation **ret, char **ret_reason) {
        _cleanup_(generation_freep) Generation *generation = calloc(1, sizeof(Generation));
        int r;

        if (!generation)
                return -ENOMEM;
        generation->service.event = sd_event_ref(event);
        generation->service.server = server;
        generation->service.number = number;
        generation->service.id = strdup(id);
        if (!generation->service.id)
                return -ENOMEM;
        r = module_load(path, id, &generation->loaded, ret_reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(generation);
        return 0;
}

int generation_init(Generation *generation, char **ret_reason) {
        const Module *module = generation->loaded.module;
        int r = module->init ? module->init(&generation->service, &generation->state) : 0;

        if (r < 0) {
                *ret_reason = str_printf("its init failed: %s", strerror(-r));
                return r;
        }
        generation->initialised = true;
        return 0;
}

int generation_own_file(Generation *generation, const char *path) {
        generation->path = strdup(path);
        return generation->path ? 0 : -ENOMEM;
}

int generation_take_over(Generation *generation, Generation *old, char **ret_reason) {
        json_object *saved = NULL;
        int r;

        if (!old->loaded.module->suspend || !generation->loaded.module->resume)
                return 0;
        r = old->loaded.module->suspend(old->state, &saved);
        if (r < 0) {
                *ret_reason = str_printf("generation %lu could not hand its state over: %s",
                                         (unsigned long) old->service.number, strerror(-r));
                return r;
        }
        r = generation->loaded.module->resume(generation->state, saved);
        json_object_put(saved);
        if (r < 0)
                *ret_reason = str_printf("its resume failed: %s", strerror(-r));
        return r < 0 ? r : 0;
}

/* --- What modules call --- */

sd_event *service_event(Service *service) {
        return service->event;
}

const char *service_id(const Service *service) {
        return service->id;
}

uint64_t service_generation(const Service *service) {
        return service->number;
}

bool service_is_trial(const Service *service) {
        return service->number == 0;
}

void service_wake_streams(Service *service, const char *path) {
        if (service->server)
                server_wake_streams(service->server, path);
}

void service_log(Service *service, int priority, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_msg(priority, "%s", message ? message : "out of memory");
}
