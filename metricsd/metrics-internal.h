/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the files that write /metrics. */

#include <math.h>

#include "exposition.h"
#include "manager.h"

#define NSEC_PER_SEC ((double) (USEC_PER_SEC * NSEC_PER_USEC))

static inline double known(uint64_t value) {
        return value == UINT64_MAX ? NAN : (double) value;
}

/* The next one that is watched, from the i-th unit on; NULL when there is none. */
static inline const Watched *watched_at(const Manager *m, size_t *i) {
        while (*i < fleet_count(m->fleet)) {
                const Watched *w = fleet_at(m->fleet, (*i)++)->userdata;

                if (w) /* one that has just come is not looked at yet */
                        return w;
        }
        return NULL;
}

#define FOREACH_WATCHED(w, m) \
        for (size_t _index = 0; ((w) = watched_at((m), &_index));)

/* metrics-services.c: of each service */
void metrics_write_services(Exposition *e, const Manager *m);
/* metrics-self.c: of metricsd itself and of its history */
void metrics_write_self(Exposition *e, Manager *m);
