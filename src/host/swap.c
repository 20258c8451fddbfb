/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "host/host.h"
#include "shared/log.h"

struct Retiring {
        Host *host;
        Generation *generation;
        sd_event_source *source;
        LIST_ENTRY(Retiring) entries;
};

/* Nothing runs in it any more. */
static void retire(Retiring *retiring) {
        log_debug("Generation %lu ended", (unsigned long) retiring->generation->service.number);
        LIST_REMOVE(retiring, entries);
        generation_free(retiring->generation);
        sd_event_source_disable_unref(retiring->source);
        free(retiring);
}

static int on_retire(sd_event_source *source, void *userdata) {
        Retiring *retiring = userdata;
        Host *host = retiring->host;

        retire(retiring);
        host->n_retiring--;
        host_status_update(host);
        return 0;
}

/* Called when nothing runs in the generation any more, but maybe with its code still on the stack: so its end
 * waits for the next turn of the loop, or for the end of the loop. */
static void on_set_retired(void *userdata) {
        Retiring *retiring = userdata;
        Host *host = retiring->host;
        int r;

        LIST_INSERT_HEAD(&host->retired, retiring, entries);
        r = sd_event_add_defer(host->event, &retiring->source, on_retire, retiring);
        if (r < 0 && r != -ESTALE) /* that is the end of the loop */
                log_errno(r, "An old generation stays until the service ends");
}

void host_free_generations(Host *host) {
        Retiring *retiring;

        while ((retiring = LIST_FIRST(&host->retired))) {
                retiring->generation->service.server = NULL; /* is gone already */
                retire(retiring);
        }
}

int host_tell_server(Host *host, const char *version) {
        return server_set_info(host->server, &(ServerInfo) { .id = host->id, .name = host->name, .version = version,
                                                             .ready = true });
}

static int set_routes(Host *host, const Module *module, RouteSet *set, char **ret_reason) {
        bool was = host->current && host->current->loaded.module->proxy;
        int r;

        r = server_set_proxy(host->server, module->proxy);
        if (r < 0) {
                *ret_reason = str_printf("it needs tooloo-proxy.so, which cannot be loaded (see the journal)");
                return r;
        }
        r = server_set_routes(host->server, set);
        if (r < 0) {
                (void) server_set_proxy(host->server, was); /* is loaded */
                *ret_reason = str_printf("its WebSockets need tooloo-websocket.so, which cannot be loaded"
                                         " (see the journal)");
        }
        return r;
}

/* Makes the generation the one that serves. On failure it still belongs to the caller. */
static int swap_in(Host *host, Generation *generation, char **ret_reason) {
        _cleanup_(route_set_unrefp) RouteSet *set = NULL;
        _cleanup_(freep) Retiring *retiring = calloc(1, sizeof(Retiring));
        const Module *module = generation->loaded.module;
        const HttpRoute *builtin;
        size_t n_builtin;
        int r;

        if (!retiring)
                return -ENOMEM;
        builtin = server_builtin_routes(&n_builtin);
        r = route_set_new(module->routes, module->n_routes, builtin, n_builtin, generation->state,
                          generation->service.number, server_stats(host->server), &set, ret_reason);
        if (r < 0)
                return r;
        if (host->current) {
                r = generation_take_over(generation, host->current, ret_reason);
                if (r < 0)
                        return r;
        }
        retiring->host = host;
        retiring->generation = generation;
        host->n_retiring += host->current != NULL;
        r = set_routes(host, module, set, ret_reason);
        if (r < 0) {
                host->n_retiring -= host->current != NULL;
                return r;
        }
        route_set_on_retired(set, on_set_retired, TAKE_PTR(retiring));
        host->current = generation;
        r = host_tell_server(host, module->version);
        if (r < 0)
                log_errno(r, "Cannot note the new version");
        return 0;
}

int host_swap(Host *host, const char *copy, char **ret_reason) {
        _cleanup_(generation_freep) Generation *generation = NULL;
        int r;

        r = generation_new(host->event, host->server, host->id, host->next_generation, copy, &generation, ret_reason);
        if (r >= 0)
                r = generation_init(generation, ret_reason);
        if (r >= 0)
                r = swap_in(host, generation, ret_reason);
        if (r < 0)
                return r;
        host->next_generation++;
        r = generation_own_file(generation, copy);
        if (r < 0)
                log_errno(r, "Cannot remember %s", copy);
        TAKE_PTR(generation);
        return 0;
}
