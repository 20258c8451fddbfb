/* SPDX-License-Identifier: MIT */
#include "needs.h"

#include "shared/strv.h"

/* Services that wait to be looked at, each once. */
typedef struct Queue {
        const Service **services;
        size_t n;
} Queue;

static void add_once(Queue *q, const Service *service) {
        for (size_t i = 0; i < q->n; i++)
                if (q->services[i] == service)
                        return;
        q->services[q->n++] = service;
}

bool needs_reach(const Registry *registry, const char *from, const char *to) {
        _cleanup_(freep) const Service **services = calloc(registry->n_services + 1, sizeof(Service *));
        const Service *start = registry_find(registry, from);
        Queue q = { .services = services };

        if (!services || !start)
                return false;
        add_once(&q, start);
        for (size_t i = 0; i < q.n; i++)
                STRV_FOREACH(need, q.services[i]->needs) {
                        const Service *needed = registry_find(registry, *need);

                        if (!needed)
                                continue;
                        if (streq(needed->id, to))
                                return true;
                        add_once(&q, needed);
                }
        return false;
}
