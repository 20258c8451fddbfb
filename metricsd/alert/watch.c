/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "engine-internal.h"

AlertWatch *watch_find(const AlertRule *rule, const char *service) {
        AlertWatch *watch = rule->watches;

        while (watch && !streq(watch->service, service))
                watch = watch->next;
        return watch;
}

AlertWatch *watch_get(AlertRule *rule, const char *service) {
        AlertWatch *watch = watch_find(rule, service);

        if (watch)
                return watch;
        watch = calloc(1, sizeof(AlertWatch));
        if (!watch)
                return NULL;
        watch->service = strdup(service);
        if (!watch->service) {
                free(watch);
                return NULL;
        }
        watch->value = NAN;
        watch->next = rule->watches;
        rule->watches = watch;
        return watch;
}

void watch_drop(AlertRule *rule, const char *service) {
        for (AlertWatch **p = &rule->watches; *p; p = &(*p)->next)
                if (streq((*p)->service, service)) {
                        AlertWatch *gone = *p;

                        *p = gone->next;
                        free(gone->service);
                        free(gone);
                        return;
                }
}

int watch_observe(const AlertEngine *engine, AlertRule *rule, const char *service, double value, AlertTime now) {
        AlertWatch *watch = watch_get(rule, service);
        bool holds;

        if (!watch)
                return -ENOMEM;
        if (isnan(value) && watch->restored && now.monotonic < engine->settled)
                return 0;
        watch->restored = false;
        holds = rule->enabled && !isnan(value) && alert_rule_holds(rule, value, watch->firing);
        if (holds && !watch->holds)
                watch->since = now.monotonic;
        watch->value = value;
        watch->holds = holds;
        watch->firing = holds && (watch->firing || now.monotonic - watch->since >= rule->hold);
        return 1;
}
