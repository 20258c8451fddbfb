/* SPDX-License-Identifier: MIT */
#include "catalog.h"

#include <stdio.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "foundation/json-util.h"
#include "shared/log.h"
#include "shared/strv.h"

static void upstream_free(Upstream *u) {
        credential_reader_free(u->reader);
        secret_free(u->auth);
        free(u->key_problem);
        free(u->deployments);
        provider_file_done(&u->file);
        free(u);
}

Upstream *upstream_ref(Upstream *u) {
        u->n_ref++;
        return u;
}

Upstream *upstream_unref(Upstream *u) {
        if (u && --u->n_ref == 0)
                upstream_free(u);
        return NULL;
}

Upstream *catalog_find(const Catalog *c, const char *name) {
        Upstream *u;

        TAILQ_FOREACH(u, &c->upstreams, entries)
                if (streq(u->file.name, name))
                        return u;
        return NULL;
}

/* --- What was known --- */

static void restore(Catalog *c, Upstream *u) {
        json_object *of_upstream, *of_model;

        if (!json_object_object_get_ex(c->saved, u->file.name, &of_upstream))
                return;
        for (size_t i = 0; i < u->file.n_models; i++)
                if (json_object_object_get_ex(of_upstream, u->deployments[i].model->name, &of_model))
                        health_from_json(&u->deployments[i].health, of_model);
}

static Deployment *find_deployment(const Upstream *u, const char *model) {
        for (size_t i = 0; i < u->file.n_models; i++)
                if (streq(u->deployments[i].model->name, model))
                        return u->deployments + i;
        return NULL;
}

/* Outcomes stay with a model that is still the same one; what it is kept from being asked for may just have been mended. */
static void inherit(Upstream *u, const Upstream *old) {
        if (!streq(u->file.base_url, old->file.base_url) || u->file.kind != old->file.kind)
                return;
        for (size_t i = 0; i < u->file.n_models; i++) {
                const Deployment *before = find_deployment(old, u->deployments[i].model->name);

                if (!before || !streq(before->model->upstream, u->deployments[i].model->upstream))
                        continue;
                u->deployments[i].health = before->health;
                u->deployments[i].health.breaker = (Breaker) {};
                u->deployments[i].health.cool_until = 0;
        }
}

/* --- Files --- */

static bool identify(const char *path, uint64_t ret[static 4], uint64_t *ret_changed) {
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        ret[0] = st.st_ino;
        ret[1] = (uint64_t) st.st_size;
        ret[2] = ((uint64_t) st.st_mtim.tv_sec * 1000000000) + (uint64_t) st.st_mtim.tv_nsec;
        ret[3] = ((uint64_t) st.st_ctim.tv_sec * 1000000000) + (uint64_t) st.st_ctim.tv_nsec;
        if (ret_changed)
                *ret_changed = ret[2] / 1000;
        return true;
}

static void drop(Catalog *c, Upstream *u) {
        TAILQ_REMOVE(&c->upstreams, u, entries);
        u->catalog = NULL;
        u->reader = credential_reader_free(u->reader);
        upstream_unref(u);
}

static int make(Catalog *c, ProviderFile *file, Upstream **ret) {
        Upstream *u = calloc(1, sizeof(Upstream));

        if (!u)
                return -ENOMEM;
        u->n_ref = 1;
        u->deployments = calloc(file->n_models + 1, sizeof(Deployment));
        if (!u->deployments) {
                free(u);
                return -ENOMEM;
        }
        u->file = *file;
        *file = (ProviderFile) {};
        for (size_t i = 0; i < u->file.n_models; i++)
                u->deployments[i] = (Deployment) { .upstream = u, .model = u->file.models + i };
        slots_init(&u->slots, u->file.max_concurrency, u->file.max_queue);
        u->catalog = c;
        *ret = u;
        return 0;
}

static void insert(Catalog *c, Upstream *u) {
        Upstream *after;

        TAILQ_FOREACH(after, &c->upstreams, entries)
                if (strcmp(after->file.name, u->file.name) > 0)
                        break;
        if (after)
                TAILQ_INSERT_BEFORE(after, u, entries);
        else
                TAILQ_INSERT_TAIL(&c->upstreams, u, entries);
}

/* A file that is no good takes the place of the good one that it was: what it says may be that it is to be used no more. */
static int read_one(Catalog *c, const char *name, Upstream *old, const uint64_t identity[static 4], uint64_t changed) {
        _cleanup_(provider_file_done) ProviderFile file = {};
        _cleanup_(freep) char *why = NULL;
        Upstream *u;
        int r;

        r = provider_file_read(c->directory, name, &file, &why);
        if (r >= 0)
                r = make(c, &file, &u);
        if (r < 0) {
                log_warning("The provider %s is left out: %s", name, why ? why : strerror(-r));
                if (old)
                        drop(c, old);
                return r;
        }
        memcpy(u->identity, identity, sizeof(u->identity));
        u->changed = changed;
        restore(c, u);
        if (old) {
                inherit(u, old);
                drop(c, old);
        }
        insert(c, u);
        return 0;
}

static int scan_file(Catalog *c, const char *name) {
        _cleanup_(freep) char *path = str_printf("%s/%s.json", c->directory, name);
        Upstream *u = catalog_find(c, name);
        uint64_t identity[4], changed;

        if (!path)
                return -ENOMEM;
        if (!identify(path, identity, &changed)) {
                if (u)
                        drop(c, u);
                return 0;
        }
        if (u && memcmp(u->identity, identity, sizeof(identity)) == 0)
                return 0;
        return read_one(c, name, u, identity, changed);
}

static void drop_missing(Catalog *c, char **names) {
        Upstream *u, *next;

        for (u = TAILQ_FIRST(&c->upstreams); u; u = next) {
                next = TAILQ_NEXT(u, entries);
                if (!names || !strv_contains(names, u->file.name))
                        drop(c, u);
        }
}

static void scan_key(Catalog *c, Upstream *u) {
        _cleanup_(freep) char *path = str_printf("%s/%s", c->credentials, u->file.name);
        uint64_t identity[4] = {};

        if (!u->file.credential || !path)
                return;
        (void) identify(path, identity, NULL); /* zeroes stand for one that is not there */
        if (u->key_state != KEY_NONE && memcmp(identity, u->key_identity, sizeof(identity)) == 0)
                return;
        memcpy(u->key_identity, identity, sizeof(identity));
        catalog_read_key(c, u);
}

void catalog_scan(Catalog *c) {
        _cleanup_(strv_freep) char **names = NULL;
        Upstream *u;
        int r;

        r = provider_names(c->directory, &names);
        if (r < 0) {
                log_errno(r, "Cannot read %s: the providers stay as they were", c->directory);
                return;
        }
        drop_missing(c, names);
        c->n_broken = 0;
        for (char **name = names; name && *name; name++)
                if (scan_file(c, *name) < 0)
                        c->n_broken++;
        TAILQ_FOREACH(u, &c->upstreams, entries)
                scan_key(c, u);
        c->keyed(c->userdata); /* who waits for a key of one that is gone waits no more */
}

/* --- The life of it --- */

int catalog_new(sd_event *event, void (*keyed)(void *userdata), void *userdata, Catalog **ret) {
        _cleanup_(catalog_freep) Catalog *c = calloc(1, sizeof(Catalog));
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->upstreams);
        c->event = sd_event_ref(event);
        c->keyed = keyed;
        c->userdata = userdata;
        r = provider_directory(&c->directory);
        if (r >= 0)
                r = provider_credentials_directory(&c->credentials);
        if (r >= 0)
                r = catalog_watch(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Catalog *catalog_free(Catalog *c) {
        if (!c)
                return NULL;
        while (!TAILQ_EMPTY(&c->upstreams))
                drop(c, TAILQ_FIRST(&c->upstreams));
        for (size_t i = 0; i < ELEMENTSOF(c->watches); i++)
                sd_event_source_disable_unref(c->watches[i]);
        sd_event_source_disable_unref(c->again);
        sd_bus_close_unref(c->bus);
        json_object_put(c->saved);
        free(c->directory);
        free(c->credentials);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

/* --- For the next generation --- */

int catalog_suspend(const Catalog *c, json_object **ret) {
        json_object *all = json_object_new_object();
        Upstream *u;

        if (!all)
                return -ENOMEM;
        TAILQ_FOREACH(u, &c->upstreams, entries) {
                json_object *models = json_object_new_object();

                if (!models || !json_add(all, u->file.name, models))
                        goto no_memory;
                for (size_t i = 0; i < u->file.n_models; i++) {
                        json_object *health = health_to_json(&u->deployments[i].health);

                        if (!health || !json_add(models, u->deployments[i].model->name, health))
                                goto no_memory;
                }
        }
        *ret = all;
        return 0;

no_memory:
        json_object_put(all);
        return -ENOMEM;
}

void catalog_resume(Catalog *c, json_object *saved) {
        Upstream *u;

        json_object_put(c->saved);
        c->saved = json_object_get(saved);
        TAILQ_FOREACH(u, &c->upstreams, entries)
                restore(c, u);
}
