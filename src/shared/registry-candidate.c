/* SPDX-License-Identifier: MIT */
#include "shared/registry-candidate.h"

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

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

int candidate_init(Candidate *c, const ScanEntry *files) {
        c->files = files;
        c->service.id = strdup(files->id);
        c->service.unit = str_printf("tooloo-%s.service", files->id);
        if (!c->service.id || !c->service.unit)
                return -ENOMEM;
        if (!files->has_socket)
                return 0;
        c->service.socket = str_printf("tooloo-%s.socket", files->id);
        return c->service.socket ? 0 : -ENOMEM;
}

void candidate_done(Candidate *c) {
        service_done(&c->service);
        free(c->slice);
        strv_free(c->after);
        strv_free(c->wants);
        strv_free(c->requires);
}

int candidate_take_loaded(Candidate *c, const char *name, const char *description, const char *load, const char *active,
                          const char *sub) {
        Service *s = &c->service;

        if (s->socket && streq(name, s->socket))
                return str_replace(&s->socket_state, active);
        if (!streq(name, s->unit))
                return 0;
        if (str_replace(&s->name, description) < 0 || str_replace(&s->load_state, load) < 0 ||
            str_replace(&s->active_state, active) < 0 || str_replace(&s->sub_state, sub) < 0)
                return -ENOMEM;
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

static int ask_socket(Candidate *c, BusBatch *batch) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        path = bus_unit_path(c->service.socket);
        if (!path)
                return -ENOMEM;
        if (!c->service.socket_state) {
                r = bus_batch_hold_unit(batch, c->service.socket);
                if (r < 0)
                        return r;
                r = bus_batch_unit_properties(batch, path, unloaded_socket_properties,
                                              ELEMENTSOF(unloaded_socket_properties), c);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_new_method_call(batch->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
                                           "Get");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", SYSTEMD_SOCKET, "Listen");
        return r < 0 ? r : bus_batch_call(batch, m, 0, on_listen, &c->service);
}

int candidate_ask(Candidate *c, BusBatch *batch) {
        _cleanup_(freep) char *path = bus_unit_path(c->service.unit);
        int r;

        if (!path)
                return -ENOMEM;
        r = c->service.load_state ? 0 : bus_batch_hold_unit(batch, c->service.unit);
        if (r >= 0)
                r = bus_batch_unit_properties(batch, path, service_properties, ELEMENTSOF(service_properties), c);
        if (r >= 0 && !c->service.load_state)
                r = bus_batch_unit_properties(batch, path, unloaded_properties, ELEMENTSOF(unloaded_properties), c);
        return r < 0 || !c->service.socket ? r : ask_socket(c, batch);
}

/* systemd does not read what a mask hides, nor all of a file that is not valid. */
static bool is_unread(const Service *s) {
        return service_is_masked(s) || (s->load_state && (streq(s->load_state, "bad-setting") || streq(s->load_state, "error")));
}

/* So for these the few words that matter are read here. */
static int assign_unread(const char *section, const char *key, const char *value, const char *path, unsigned line,
                         void *userdata) {
        Candidate *c = userdata;

        if (streq(section, "Unit") && streq(key, "Description") && endswith(path, ".service"))
                return str_replace(&c->service.name, value);
        if (streq(section, "Service") && streq(key, "Slice"))
                return str_replace(&c->slice, value);
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

int candidate_read_files(Candidate *c) {
        Service *s = &c->service;
        const char *fragment = s->fragment_path;
        int r = 0;

        if (is_unread(s)) {
                fragment = c->files->service_path;
                r = read_unit(fragment, assign_unread, c);
                if (r >= 0)
                        r = read_unit(c->files->socket_path, assign_unread, c);
        }
        if (r < 0 || !c->slice || !service_category_from_slice(c->slice))
                return r; /* none of ours: what stands in its files is not our business */
        r = read_unit(fragment, service_settings_assign, &s->settings);
        STRV_FOREACH(drop_in, s->drop_in_paths)
                if (r >= 0)
                        r = read_unit(*drop_in, service_settings_assign, &s->settings);
        candidate_settle(c);
        return r;
}

void candidate_settle(Candidate *c) {
        Service *s = &c->service;

        if (s->port == 0)
                s->port = s->settings.port;
        s->on_change = s->settings.on_change != ON_CHANGE_UNSET ? s->settings.on_change :
                       s->can_reload ? ON_CHANGE_RELOAD : ON_CHANGE_RESTART;
}

bool candidate_looks_like_service(const Candidate *c) {
        return c->slice && service_category_from_slice(c->slice) && (c->service.socket || c->service.settings.present) &&
                c->service.load_state && !streq(c->service.load_state, "not-found");
}

bool candidate_is_service(const Candidate *c) {
        return candidate_looks_like_service(c) && service_id_valid(c->service.id) && !service_id_reserved(c->service.id);
}
