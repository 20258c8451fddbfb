/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/registry-candidate.h"
#include "shared/registry-files.h"
#include "shared/registry-rules.h"
#include "shared/strv.h"

struct RegistryLoad {
        BusBatch batch;
        Scan scan;
        char **directories;
        sd_bus_message *units;
        Candidate *candidates; /* NULL before the first round is over */
        size_t n_candidates;
        bool from_files;
        registry_loaded_t done;
        void *userdata;
};

RegistryLoad *registry_load_free(RegistryLoad *l) {
        if (!l)
                return NULL;
        bus_batch_done(&l->batch);
        for (size_t i = 0; i < l->n_candidates; i++)
                candidate_done(l->candidates + i);
        free(l->candidates);
        scan_done(&l->scan);
        strv_free(l->directories);
        (void) sd_bus_message_unref(l->units);
        free(l);
        return NULL;
}

static int on_unit_path(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        RegistryLoad *l = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                log_error("the systemd user manager does not answer: %s",
                          bus_error_text(sd_bus_message_get_error(m), -EIO));
                return -EHOSTDOWN;
        }
        r = sd_bus_message_enter_container(m, 'v', "as");
        return r < 0 ? r : sd_bus_message_read_strv(m, &l->directories);
}

/* Runs in the same round as the wish for the directories, before any candidate is known; so the answer is kept. */
static int on_units(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        RegistryLoad *l = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                l->units = sd_bus_message_ref(m);
        return 0; /* the error is on_unit_path()'s to tell */
}

static int apply_units(RegistryLoad *l, sd_bus_message *m) {
        const char *name, *description, *load, *active, *sub;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &name, &description, &load, &active, &sub, NULL,
                                                  NULL, NULL, NULL, NULL)) > 0)
                for (size_t i = 0; i < l->n_candidates && r >= 0; i++)
                        r = candidate_take_loaded(l->candidates + i, name, description, load, active, sub);
        return r;
}

/* First round: where unit files lie, and what is loaded. */
static int ask_manager(RegistryLoad *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *path = NULL, *list = NULL;
        int r;

        r = sd_bus_message_new_method_call(l->batch.bus, &path, SYSTEMD_NAME, SYSTEMD_PATH,
                                           "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(path, "ss", SYSTEMD_MANAGER, "UnitPath");
        if (r >= 0)
                r = bus_batch_call(&l->batch, path, 0, on_unit_path, l);
        if (r >= 0)
                r = sd_bus_message_new_method_call(l->batch.bus, &list, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                                   "ListUnitsByPatterns");
        if (r >= 0)
                r = sd_bus_message_append(list, "asas", 0, 2, "tooloo-*.service", "tooloo-*.socket");
        if (r >= 0)
                r = bus_batch_call(&l->batch, list, 0, on_units, l);
        return r;
}

static int make_candidates(RegistryLoad *l) {
        int r = 0;

        l->candidates = calloc(l->scan.n_entries + 1, sizeof(Candidate));
        if (!l->candidates)
                return -ENOMEM;
        for (size_t i = 0; i < l->scan.n_entries && r >= 0; i++)
                if (l->scan.entries[i].has_service)
                        r = candidate_init(l->candidates + l->n_candidates++, l->scan.entries + i);
        return r;
}

static int add_needs(const RegistryLoad *l, Candidate *c, char **units) {
        STRV_FOREACH(unit, units)
                for (size_t i = 0; i < l->n_candidates; i++) {
                        const Candidate *other = l->candidates + i;
                        int r;

                        if (other == c || !streq(other->service.unit, *unit) || !candidate_is_service(other) ||
                            strv_contains(c->service.needs, other->service.id))
                                continue;
                        r = strv_extend(&c->service.needs, other->service.id);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int by_port(const void *a, const void *b) {
        const Service *x = a, *y = b;

        /* 0 is none, and wraps to the end. */
        if (x->port != y->port)
                return x->port - 1 < y->port - 1 ? -1 : 1;
        return strcmp(x->id, y->id);
}

static int by_name(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int complete(const RegistryLoad *l, Candidate *c) {
        c->service.category = strdup(service_category_from_slice(c->slice));
        if (!c->service.category || add_needs(l, c, c->after) < 0 || add_needs(l, c, c->wants) < 0 ||
            add_needs(l, c, c->requires) < 0)
                return -ENOMEM;
        /* systemd's order is another each time. */
        if (c->service.needs)
                qsort(c->service.needs, strv_length(c->service.needs), sizeof(char *), by_name);
        return 0;
}

static int collect(RegistryLoad *l, Registry **ret) {
        _cleanup_(registry_freep) Registry *registry = calloc(1, sizeof(Registry));
        int r;

        if (!registry)
                return -ENOMEM;
        registry->services = calloc(l->n_candidates + 1, sizeof(Service));
        if (!registry->services)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_candidates; i++) {
                Candidate *c = l->candidates + i;

                if (!candidate_looks_like_service(c))
                        continue;
                r = registry_check_id(registry, c->service.id, c->service.unit);
                if (r > 0)
                        r = complete(l, c);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < l->n_candidates; i++)
                if (candidate_is_service(l->candidates + i)) {
                        registry->services[registry->n_services++] = l->candidates[i].service;
                        l->candidates[i].service = (Service) {};
                }
        qsort(registry->services, registry->n_services, sizeof(Service), by_port);
        r = registry_check_claims(registry);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(registry);
        return 0;
}

static void finish(RegistryLoad *l, int r) {
        Registry *registry = NULL;

        for (size_t i = 0; i < l->n_candidates && r >= 0; i++)
                if (!l->candidates[i].was_read)
                        r = candidate_read_files(l->candidates + i);
        if (r >= 0)
                r = collect(l, &registry);
        if (r < 0 && r != -EHOSTDOWN)
                (void) log_errno(r, "cannot read the list of services");
        l->done(MIN(r, 0), registry, l->userdata); /* which may free l */
}

static int read_all(RegistryLoad *l) {
        _cleanup_(drop_ins_done) DropIns drop_ins = {};
        int r;

        r = drop_ins_scan(l->directories, &drop_ins);
        for (size_t i = 0; i < l->n_candidates && r >= 0; i++) {
                r = candidate_read_all(l->candidates + i, &drop_ins);
                l->candidates[i].was_read = r > 0;
        }
        return r;
}

/* First where the files lie and what is loaded, then what each unit says. */
static int second_round(RegistryLoad *l) {
        int r;

        r = scan_unit_directories(l->directories, &l->scan);
        if (r >= 0)
                r = make_candidates(l);
        if (r >= 0 && l->units)
                r = apply_units(l, l->units);
        if (r >= 0 && l->from_files)
                r = read_all(l);
        for (size_t i = 0; i < l->n_candidates && r >= 0; i++)
                if (!l->candidates[i].was_read)
                        r = candidate_ask(l->candidates + i, &l->batch);
        return r;
}

static void on_round(BusBatch *b, int error, void *userdata) {
        RegistryLoad *l = userdata;

        if (error >= 0 && !l->candidates) {
                error = second_round(l);
                if (error >= 0 && b->pending > 0)
                        return;
                b->finished = NULL; /* what may already be under way is for nobody */
        }
        finish(l, error);
}

static int start(sd_bus *bus, bool from_files, registry_loaded_t done, void *userdata, RegistryLoad **ret) {
        _cleanup_(registry_load_freep) RegistryLoad *l = calloc(1, sizeof(RegistryLoad));
        int r;

        r = l ? 0 : -ENOMEM;
        if (r >= 0) {
                l->batch = (BusBatch) { .bus = bus, .finished = on_round, .userdata = l };
                l->from_files = from_files;
                l->done = done;
                l->userdata = userdata;
                r = ask_manager(l);
        }
        if (r < 0)
                return log_errno(r, "cannot read the list of services");
        *ret = TAKE_PTR(l);
        return 0;
}

int registry_load_async(sd_bus *bus, registry_loaded_t done, void *userdata, RegistryLoad **ret) {
        return start(bus, false, done, userdata, ret);
}

typedef struct Waiting {
        Registry *registry;
        unsigned pending;
        int error;
} Waiting;

static void on_loaded(int error, Registry *registry, void *userdata) {
        Waiting *w = userdata;

        *w = (Waiting) { .registry = registry, .error = error };
}

static int load(sd_bus *bus, bool from_files, Registry **ret) {
        _cleanup_(registry_load_freep) RegistryLoad *l = NULL;
        Waiting w = { .pending = 1 };
        int r;

        r = start(bus, from_files, on_loaded, &w, &l);
        if (r < 0)
                return r;
        r = bus_run_while(bus, &w.pending, UINT64_MAX);
        if (r < 0)
                return log_errno(r, "cannot read the list of services");
        if (w.error < 0)
                return w.error;
        *ret = w.registry;
        return 0;
}

int registry_load(sd_bus *bus, Registry **ret) {
        return load(bus, false, ret);
}

int registry_load_from_files(sd_bus *bus, Registry **ret) {
        return load(bus, true, ret);
}
