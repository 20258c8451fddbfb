/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "credential.h"
#include "health.h"
#include "shared/provider-file.h"
#include "slots.h"

/* The providers that are configured, with what is known of each. A file that changes makes a new one of it; calls that
 * run keep the old one until they are over. */

typedef struct Upstream Upstream;

/* A model of a provider. */
typedef struct Deployment {
        Upstream *upstream;
        const ProviderModel *model;
        int64_t price; /* its row in the ledger, 0 before it is asked for */
        Health health;
} Deployment;

typedef enum KeyState {
        KEY_NONE, /* it needs none */
        KEY_WANTED, /* on its way */
        KEY_HERE,
        KEY_FAILED,
} KeyState;

struct Upstream {
        unsigned n_ref;
        ProviderFile file;
        Deployment *deployments; /* one for each of the file's models */
        Slots slots;
        uint64_t changed; /* realtime usec, of the file */
        uint64_t identity[4]; /* of the file's content, see same_file() */

        KeyState key_state;
        Secret *auth; /* the header field, key included */
        char *key_problem;
        uint64_t key_identity[4];
        CredentialReader *reader;
        struct Catalog *catalog; /* NULL once it is configured no more */
        TAILQ_ENTRY(Upstream) entries;
};

Upstream *upstream_ref(Upstream *u);
Upstream *upstream_unref(Upstream *u);
TL_DEFINE_CLEANUP(Upstream *, upstream_unref)

typedef struct Catalog {
        sd_event *event;
        sd_bus *bus; /* NULL when there is none (yet) */
        TAILQ_HEAD(UpstreamList, Upstream) upstreams; /* in order of their names */
        unsigned n_broken; /* files that cannot be used */
        char *directory, *credentials;
        sd_event_source *watches[2]; /* of the two */
        sd_event_source *again; /* reads the files after an event */
        json_object *saved; /* what an earlier generation knew, for those that are not read yet */
        void (*keyed)(void *userdata); /* a key has come, or will not */
        void *userdata;
} Catalog;

/* Reads the files and watches them. keyed is called from the loop. */
int catalog_new(sd_event *event, void (*keyed)(void *userdata), void *userdata, Catalog **ret);
Catalog *catalog_free(Catalog *c);
TL_DEFINE_CLEANUP(Catalog *, catalog_free)

Upstream *catalog_find(const Catalog *c, const char *name);

/* --- For the next generation --- */
int catalog_suspend(const Catalog *c, json_object **ret);
void catalog_resume(Catalog *c, json_object *saved);

/* --- Within --- */
/* Which of the files have changed: reads those anew. */
void catalog_scan(Catalog *c);
int catalog_watch(Catalog *c);
void catalog_read_key(Catalog *c, Upstream *u);

/* --- Deployments: call-choose.c --- */

/* "MODEL", "PROVIDER/MODEL", or "auto" in the model's place. */
bool deployment_is_named(const Deployment *d, const char *name);
bool deployment_is_able(const Deployment *d, unsigned abilities);
