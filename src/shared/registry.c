/* SPDX-License-Identifier: MIT */
#include "shared/registry.h"

#include "basic/string-util.h"
#include "shared/strv.h"

void service_done(Service *s) {
        free(s->id);
        free(s->unit);
        free(s->socket);
        free(s->name);
        free(s->category);
        strv_free(s->needs);
        service_settings_done(&s->settings);
        free(s->load_state);
        free(s->active_state);
        free(s->sub_state);
        free(s->socket_state);
        free(s->fragment_path);
        strv_free(s->drop_in_paths);
}

Registry *registry_free(Registry *registry) {
        if (!registry)
                return NULL;
        for (size_t i = 0; i < registry->n_services; i++)
                service_done(registry->services + i);
        free(registry->services);
        strv_free(registry->problems);
        free(registry);
        return NULL;
}

int service_id_from_unit(const char *name, const char *suffix, char **ret) {
        const char *id = startswith(name, "tooloo-");
        char *copy;

        if (!id || !endswith(id, suffix))
                return -EINVAL;
        copy = strndup(id, strlen(id) - strlen(suffix));
        if (!copy)
                return -ENOMEM;
        if (!service_id_valid(copy)) {
                free(copy);
                return -EINVAL;
        }
        *ret = copy;
        return 0;
}

const char *service_category_from_slice(const char *slice) {
        static const char *const categories[] = { "infrastructure", "core", "extended", "integration", "control" };
        const char *name = startswith(slice, "tooloo-");

        for (size_t i = 0; name && i < ELEMENTSOF(categories); i++) {
                const char *rest = startswith(name, categories[i]);

                if (rest && streq(rest, ".slice"))
                        return categories[i];
        }
        return NULL;
}

unsigned service_port_from_address(const char *address) {
        const char *colon = strrchr(address, ':');
        unsigned long port;

        /* A file system or abstract socket may have a colon and digits in its name. */
        if (*address == '/' || *address == '@' || parse_uint(colon ? colon + 1 : address, 1, UINT16_MAX, &port) < 0)
                return 0;
        return (unsigned) port;
}

const Service *registry_find(const Registry *registry, const char *name) {
        const char *rest = startswith(name, "tooloo-");

        for (size_t i = 0; i < registry->n_services; i++) {
                const Service *s = registry->services + i;

                if (streq(s->id, name) || (rest && streq(s->id, rest)) || streq(s->unit, name) ||
                    (s->socket && streq(s->socket, name)))
                        return s;
        }
        return NULL;
}

const char *registry_nearest(const Registry *registry, const char *name) {
        const char *rest = startswith(name, "tooloo-"), *nearest = NULL;
        _cleanup_(freep) char *bare = strdup(rest ? rest : name);
        size_t best = 3;
        char *suffix;

        if (!bare)
                return NULL;
        suffix = strrchr(bare, '.');
        if (suffix && (streq(suffix, ".service") || streq(suffix, ".socket")))
                *suffix = '\0';
        for (size_t i = 0; i < registry->n_services; i++) {
                const char *id = registry->services[i].id;
                size_t distance = edit_distance(id, bare);

                /* Two slips are a typing error, unless they leave next to nothing of a short name. */
                if (distance < best && distance * 2 < strlen(id) + 1) {
                        best = distance;
                        nearest = id;
                }
        }
        return nearest;
}
