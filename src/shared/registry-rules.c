/* SPDX-License-Identifier: MIT */
#include "shared/registry-rules.h"

#include "basic/string-util.h"
#include "shared/strv.h"

bool service_id_reserved(const char *id) {
        static const char *const reserved[] = {
                "reload", "reload-again", "upgrade", "upgrade-again", "scale",          /* units of ours */
                "watchd", "dev", "port-owner",
                "infrastructure", "core", "extended", "integration", "control",         /* slices of ours */
                "service", "backoff",                                                   /* programs of ours */
                "all", "fleet",                                                         /* words for all of them */
        };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (streq(reserved[i], id))
                        return true;
        return false;
}

/* Takes problem over; NULL is a lack of memory. */
static int add_problem(Registry *registry, char *problem) {
        int r = problem ? strv_extend(&registry->problems, problem) : -ENOMEM;

        free(problem);
        return r;
}

int registry_check_id(Registry *registry, const char *id, const char *unit) {
        const char *why;
        int r;

        if (!service_id_valid(id))
                why = "is no id for a service (a small letter, then small letters, digits and '-', at most 32 in all)";
        else if (service_id_reserved(id))
                why = "is a name that TooLoo itself uses";
        else
                return true;
        r = add_problem(registry, str_printf("%s is left out, because '%s' %s: rename its unit files", unit, id, why));
        return r < 0 ? r : false;
}

static const char *port_unit(const Service *s) {
        return s->socket ? s->socket : s->unit;
}

static int check_ports(Registry *registry, const Service *a, const Service *b) {
        if (a->port == 0 || a->port != b->port)
                return 0;
        return add_problem(registry, str_printf("%s and %s both have port %u, so only one of them can listen: give one "
                                                "of them another port", port_unit(a), port_unit(b), a->port));
}

static int check_routes(Registry *registry, const Service *a, const Service *b) {
        STRV_FOREACH(prefix, a->settings.routes) {
                int r;

                if (!strv_contains(b->settings.routes, *prefix))
                        continue;
                r = add_problem(registry, str_printf("%s and %s both claim Routes=%s, so neither gets it: take it out of "
                                                     "one of them", a->unit, b->unit, *prefix));
                if (r < 0)
                        return r;
        }
        return 0;
}

int registry_check_claims(Registry *registry) {
        for (size_t i = 0; i < registry->n_services; i++)
                for (size_t j = i + 1; j < registry->n_services; j++) {
                        const Service *a = registry->services + i, *b = registry->services + j;
                        int r;

                        if (service_is_masked(a) || service_is_masked(b))
                                continue;
                        r = check_ports(registry, a, b);
                        if (r >= 0)
                                r = check_routes(registry, a, b);
                        if (r < 0)
                                return r;
                }
        return 0;
}

bool registry_route_is_contested(const Registry *registry, const Service *s, const char *prefix) {
        for (size_t i = 0; i < registry->n_services; i++) {
                const Service *other = registry->services + i;

                if (other == s || !strv_contains(other->settings.routes, prefix))
                        continue;
                /* A masked one yields to one that is not; of two masked ones neither gets it. */
                if (!service_is_masked(other) || service_is_masked(s))
                        return true;
        }
        return false;
}
