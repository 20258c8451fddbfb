/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/registry-rules.h"
#include "shared/registry-scan.h"
#include "shared/registry.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

/* What is asked for, for each unit, beside what the settings and the service keep. */
typedef struct Candidate {
        Service service;
        const ScanEntry *files;
        char *slice;
        char **after;
        char **wants;
        char **requires;
        char *socket_load_state;
} Candidate;

struct RegistryLoad {
        BusBatch batch;
        Scan scan;
        char **directories;
        sd_bus_message *units;
        Candidate *candidates; /* NULL before the first round is over */
        size_t n_candidates;
        registry_loaded_t done;
        void *userdata;
};

#define FIELD(f) offsetof(Candidate, f)

static const BusProperty service_properties[] = {
        { SYSTEMD_UNIT, "FragmentPath", "s", FIELD(service.fragment_path) },
        { SYSTEMD_UNIT, "DropInPaths", "as", FIELD(service.drop_in_paths) },
        { SYSTEMD_UNIT, "After", "as", FIELD(after) },
        { SYSTEMD_UNIT, "Wants", "as", FIELD(wants) },
        { SYSTEMD_UNIT, "Requires", "as", FIELD(requires) },
        { SYSTEMD_UNIT, "CanReload", "b", FIELD(service.can_reload) },
        { SYSTEMD_SERVICE, "Slice", "s", FIELD(slice) },
};

/* ListUnits leaves out what is not loaded; asking for these loads it. */
static const BusProperty unloaded_properties[] = {
        { SYSTEMD_UNIT, "Description", "s", FIELD(service.name) },
        { SYSTEMD_UNIT, "LoadState", "s", FIELD(service.load_state) },
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(service.active_state) },
        { SYSTEMD_UNIT, "SubState", "s", FIELD(service.sub_state) },
};

static const BusProperty unloaded_socket_properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(service.socket_state) },
};

RegistryLoad *registry_load_free(RegistryLoad *l) {
        if (!l)
                return NULL;
        bus_batch_done(&l->batch);
        for (size_t i = 0; i < l->n_candidates; i++) {
                Candidate *c = l->candidates + i;

                service_done(&c->service);
                free(c->slice);
                strv_free(c->after);
                strv_free(c->wants);
                strv_free(c->requires);
                free(c->socket_load_state);
        }
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

static int replace(char **field, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int set_loaded(Candidate *c, bool is_socket, const char *description, const char *load, const char *active,
                      const char *sub) {
        int r;

        if (is_socket) {
                r = replace(&c->socket_load_state, load);
                return r < 0 ? r : replace(&c->service.socket_state, active);
        }
        if (replace(&c->service.name, description) < 0 || replace(&c->service.load_state, load) < 0 ||
            replace(&c->service.active_state, active) < 0 || replace(&c->service.sub_state, sub) < 0)
                return -ENOMEM;
        return 0;
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
                for (size_t i = 0; i < l->n_candidates && r >= 0; i++) {
                        Candidate *c = l->candidates + i;

                        if (c->service.unit && streq(name, c->service.unit))
                                r = set_loaded(c, false, description, load, active, sub);
                        else if (c->service.socket && streq(name, c->service.socket))
                                r = set_loaded(c, true, description, load, active, sub);
                }
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
        l->candidates = calloc(l->scan.n_entries + 1, sizeof(Candidate));
        if (!l->candidates)
                return -ENOMEM;
        for (size_t i = 0; i < l->scan.n_entries; i++) {
                const ScanEntry *files = l->scan.entries + i;
                Candidate *c = l->candidates + l->n_candidates;

                if (!files->has_service)
                        continue;
                c->files = files;
                l->n_candidates++;
                c->service.id = strdup(files->id);
                c->service.unit = str_printf("tooloo-%s.service", files->id);
                if (!c->service.id || !c->service.unit)
                        return -ENOMEM;
                if (!files->has_socket)
                        continue;
                c->service.socket = str_printf("tooloo-%s.socket", files->id);
                if (!c->service.socket)
                        return -ENOMEM;
        }
        return 0;
}

static int on_listen(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *type, *address;
        Service *s = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &type, &address)) > 0)
                if (s->port == 0 && streq(type, "Stream"))
                        s->port = service_port_from_address(address);
        return r;
}

static int ask_socket(RegistryLoad *l, Candidate *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        path = bus_unit_path(c->service.socket);
        if (!path)
                return -ENOMEM;
        if (!c->service.socket_state) {
                r = bus_batch_hold_unit(&l->batch, c->service.socket);
                if (r < 0)
                        return r;
                r = bus_batch_unit_properties(&l->batch, path, unloaded_socket_properties,
                                              ELEMENTSOF(unloaded_socket_properties), c);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_new_method_call(l->batch.bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
                                           "Get");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", SYSTEMD_SOCKET, "Listen");
        return r < 0 ? r : bus_batch_call(&l->batch, m, 0, on_listen, &c->service);
}

/* Second round: what each unit says. */
static int ask_units(RegistryLoad *l) {
        for (size_t i = 0; i < l->n_candidates; i++) {
                Candidate *c = l->candidates + i;
                _cleanup_(freep) char *path = bus_unit_path(c->service.unit);
                int r;

                if (!path)
                        return -ENOMEM;
                r = c->service.load_state ? 0 : bus_batch_hold_unit(&l->batch, c->service.unit);
                if (r >= 0)
                        r = bus_batch_unit_properties(&l->batch, path, service_properties,
                                                      ELEMENTSOF(service_properties), c);
                if (r >= 0 && !c->service.load_state)
                        r = bus_batch_unit_properties(&l->batch, path, unloaded_properties,
                                                      ELEMENTSOF(unloaded_properties), c);
                if (r >= 0 && c->service.socket)
                        r = ask_socket(l, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* systemd does not read what a mask hides, so for these the few words that matter are read here. */
static int assign_masked(const char *section, const char *key, const char *value, const char *path, unsigned line,
                         void *userdata) {
        Candidate *c = userdata;

        if (streq(section, "Unit") && streq(key, "Description") && endswith(path, ".service"))
                return replace(&c->service.name, value);
        if (streq(section, "Service") && streq(key, "Slice"))
                return replace(&c->slice, value);
        if (streq(section, "Socket") && streq(key, "ListenStream") && c->service.port == 0)
                c->service.port = service_port_from_address(value);
        return 0;
}

/* A file that cannot be read is the service's trouble, not that of the others. */
static int read_unit(const char *path, unit_file_assign_t assign, void *userdata) {
        int r;

        if (!path || !*path)
                return 0;
        r = unit_file_read(path, assign, userdata);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                log_warning("%s cannot be read (%s); its settings are ignored", path, strerror(-r));
        return 0;
}

static int read_files(Candidate *c) {
        Service *s = &c->service;
        const char *fragment = s->fragment_path;
        int r = 0;

        if (service_is_masked(s)) {
                fragment = c->files->service_path;
                r = read_unit(fragment, assign_masked, c);
                if (r >= 0)
                        r = read_unit(c->files->socket_path, assign_masked, c);
        }
        if (r < 0 || !c->slice || !service_category_from_slice(c->slice))
                return r; /* none of ours: what stands in its files is not our business */
        r = read_unit(fragment, service_settings_assign, &s->settings);
        STRV_FOREACH(drop_in, s->drop_in_paths)
                if (r >= 0)
                        r = read_unit(*drop_in, service_settings_assign, &s->settings);
        if (s->port == 0)
                s->port = s->settings.port;
        s->on_change = s->settings.on_change != ON_CHANGE_UNSET ? s->settings.on_change :
                       s->can_reload ? ON_CHANGE_RELOAD : ON_CHANGE_RESTART;
        return r;
}

/* A wrong id is left in by this: it is worth a problem only where it would be a service. */
static bool looks_like_service(const Candidate *c) {
        return c->slice && service_category_from_slice(c->slice) && (c->service.socket || c->service.port > 0) &&
                c->service.load_state && !streq(c->service.load_state, "not-found");
}

static bool is_service(const Candidate *c) {
        return looks_like_service(c) && service_id_valid(c->service.id) && !service_id_reserved(c->service.id);
}

static int add_needs(const RegistryLoad *l, Candidate *c, char **units) {
        STRV_FOREACH(unit, units)
                for (size_t i = 0; i < l->n_candidates; i++) {
                        const Candidate *other = l->candidates + i;
                        int r;

                        if (other == c || !streq(other->service.unit, *unit) || !is_service(other) ||
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

static int complete(const RegistryLoad *l, Candidate *c) {
        c->service.category = strdup(service_category_from_slice(c->slice));
        if (!c->service.category || add_needs(l, c, c->after) < 0 || add_needs(l, c, c->wants) < 0 ||
            add_needs(l, c, c->requires) < 0)
                return -ENOMEM;
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

                if (!looks_like_service(c))
                        continue;
                r = registry_check_id(registry, c->service.id, c->service.unit);
                if (r > 0)
                        r = complete(l, c);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < l->n_candidates; i++)
                if (is_service(l->candidates + i)) {
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
                r = read_files(l->candidates + i);
        if (r >= 0)
                r = collect(l, &registry);
        if (r < 0 && r != -EHOSTDOWN)
                (void) log_errno(r, "cannot read the list of services");
        l->done(MIN(r, 0), registry, l->userdata); /* which may free l */
}

static int second_round(RegistryLoad *l) {
        int r;

        r = scan_unit_directories(l->directories, &l->scan);
        if (r >= 0)
                r = make_candidates(l);
        if (r >= 0 && l->units)
                r = apply_units(l, l->units);
        return r < 0 ? r : ask_units(l);
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

int registry_load_async(sd_bus *bus, registry_loaded_t done, void *userdata, RegistryLoad **ret) {
        _cleanup_(registry_load_freep) RegistryLoad *l = calloc(1, sizeof(RegistryLoad));
        int r;

        r = l ? 0 : -ENOMEM;
        if (r >= 0) {
                l->batch = (BusBatch) { .bus = bus, .finished = on_round, .userdata = l };
                l->done = done;
                l->userdata = userdata;
                r = ask_manager(l);
        }
        if (r < 0)
                return log_errno(r, "cannot read the list of services");
        *ret = TAKE_PTR(l);
        return 0;
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

int registry_load(sd_bus *bus, Registry **ret) {
        _cleanup_(registry_load_freep) RegistryLoad *l = NULL;
        Waiting w = { .pending = 1 };
        int r;

        r = registry_load_async(bus, on_loaded, &w, &l);
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
