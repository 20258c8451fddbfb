/* SPDX-License-Identifier: MIT */
#include "upgrade-order.h"

unsigned upgrade_rank(const Service *s) {
        if (streq(s->id, "metricsd"))
                return 3;
        if (!service_counts(s))
                return 2;
        return streq(s->category, "infrastructure");
}

const Service *upgrade_first(const Service *const *services, size_t n) {
        const Service *first = NULL;

        for (size_t i = 0; i < n; i++)
                if (!first || upgrade_rank(services[i]) < upgrade_rank(first))
                        first = services[i];
        return first;
}
