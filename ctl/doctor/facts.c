/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include "shared/bus-util.h"
#include "shared/strv.h"

#define FIELD(f) offsetof(UnitFacts, f)

static const BusProperty unit_properties[] = {
        { SYSTEMD_UNIT, "LoadState", "s", FIELD(load_state) },
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(active_state) },
        { SYSTEMD_UNIT, "SubState", "s", FIELD(sub_state) },
        { SYSTEMD_UNIT, "FragmentPath", "s", FIELD(fragment_path) },
        { SYSTEMD_UNIT, "DropInPaths", "as", FIELD(drop_in_paths) },
        { SYSTEMD_UNIT, "NeedDaemonReload", "b", FIELD(need_reload) },
};

static const BusProperty service_properties[] = {
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(pid) },
        { SYSTEMD_SERVICE, "NRestarts", "u", FIELD(restarts) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
        { SYSTEMD_SERVICE, "Result", "s", FIELD(result) },
        { SYSTEMD_SERVICE, "NoNewPrivileges", "b", FIELD(no_new_privileges) },
        { SYSTEMD_SERVICE, "PrivateUsers", "b", FIELD(private_users) },
        { SYSTEMD_SERVICE, "PrivateTmp", "b", FIELD(private_tmp) },
        { SYSTEMD_SERVICE, "ProtectSystem", "s", FIELD(protect_system) },
        { SYSTEMD_SERVICE, "ProtectHome", "s", FIELD(protect_home) },
};

/* Units of the fleet that are no services. */
static const char *const helpers[] = {
        FLEET_TARGET, DEV_TARGET, WATCHD_UNIT, "tooloo-reload.path", "tooloo-reload.service",
};

/* Instances that do not run on behalf of a service: what they have to say others say, too. */
static const char *const oneshots[] = { "tooloo-reload@", "tooloo-scale@", "tooloo-port-owner@" };

static void unit_done(UnitFacts *u) {
        free(u->name);
        free(u->load_state);
        free(u->active_state);
        free(u->sub_state);
        free(u->status_text);
        free(u->result);
        free(u->fragment_path);
        strv_free(u->drop_in_paths);
        free(u->program);
        strv_free(u->arguments);
        free(u->protect_system);
        free(u->protect_home);
        strv_free(u->credentials);
        strv_free(u->encrypted_credentials);
        host_status_done(&u->host);
}

void doctor_facts_done(Doctor *d) {
        for (size_t i = 0; i < d->n_units; i++)
                unit_done(d->units + i);
        free(d->units);
        d->units = NULL;
        d->n_units = 0;
}

const UnitFacts *doctor_unit(const Doctor *d, const char *name) {
        DOCTOR_FOREACH_UNIT(u, d)
                if (streq(u->name, name))
                        return u;
        return NULL;
}

bool unit_is(const UnitFacts *u, const char *active_state) {
        return u && streq(strna(u->active_state), active_state);
}

bool unit_is_active(const UnitFacts *u) {
        return unit_is(u, "active") || unit_is(u, "reloading");
}

bool unit_is_native(const UnitFacts *u) {
        return u->service && u->program && endswith(u->program, "/tooloo-service");
}

/* The first of its commands: (path, arguments, ...). */
static int on_command(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitFacts *u = userdata;
        const char *path;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "a(sasbttttuii)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'r', "sasbttttuii");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "s", &path);
        if (r >= 0)
                r = str_replace(&u->program, path);
        return r < 0 ? r : sd_bus_message_read_strv(m, &u->arguments);
}

static int on_filter(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitFacts *u = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "(bas)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'r', "bas");
        if (r >= 0)
                r = sd_bus_message_skip(m, "b");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        if (r >= 0)
                u->has_system_call_filter = sd_bus_message_at_end(m, false) == 0;
        return r;
}

/* (id, path): one without a slash is looked for in systemd's own stores. */
static int read_credentials(sd_bus_message *m, char ***ret) {
        const char *path;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", NULL, &path)) > 0)
                if (*path == '/')
                        r = strv_extend(ret, path);
        return r;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitFacts *u = userdata;

        return read_credentials(m, &u->credentials);
}

static int on_encrypted(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        UnitFacts *u = userdata;

        return read_credentials(m, &u->encrypted_credentials);
}

static int ask_for(BusBatch *batch, const char *path, const char *property, sd_bus_message_handler_t handler, UnitFacts *u) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(batch->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_SERVICE, property);
        return r < 0 ? r : bus_batch_call(batch, m, 0, handler, u);
}

static int ask_unit(BusBatch *batch, UnitFacts *u) {
        _cleanup_(freep) char *path = bus_unit_path(u->name);
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_batch_hold_unit(batch, u->name);
        if (r >= 0)
                r = bus_batch_unit_properties(batch, path, unit_properties, ELEMENTSOF(unit_properties), u);
        if (r < 0 || !endswith(u->name, ".service"))
                return r;
        r = bus_batch_unit_properties(batch, path, service_properties, ELEMENTSOF(service_properties), u);
        if (r >= 0)
                r = ask_for(batch, path, "ExecStart", on_command, u);
        if (r >= 0)
                r = ask_for(batch, path, "SystemCallFilter", on_filter, u);
        if (r >= 0)
                r = ask_for(batch, path, "LoadCredential", on_credentials, u);
        if (r >= 0)
                r = ask_for(batch, path, "LoadCredentialEncrypted", on_encrypted, u);
        if (r >= 0 && u->service && !streq(strna(u->service->active_state), "inactive"))
                r = host_status_ask(batch, u->service->id, &u->host);
        return r;
}

static int add_unit(Doctor *d, const char *name, const Service *service) {
        UnitFacts *u = d->units + d->n_units;

        *u = (UnitFacts) { .name = strdup(name), .service = service };
        d->n_units += u->name != NULL;
        return u->name ? 0 : -ENOMEM;
}

static bool is_oneshot(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(oneshots); i++)
                if (startswith(name, oneshots[i]))
                        return true;
        return false;
}

/* Further instances of services, which are in no unit directory of the registry's: those that have failed. */
static int list_instances(sd_bus *bus, char ***ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "ListUnitsByPatterns", NULL, &reply, "asas",
                               1, "failed", 1, "tooloo-*@*.service");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                                  NULL, NULL)) > 0)
                if (!is_oneshot(name))
                        r = strv_extend(ret, name);
        return r;
}

int doctor_gather(Doctor *d) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(d->bus);
        _cleanup_(strv_freep) char **instances = NULL;
        int r;

        r = list_instances(d->bus, &instances);
        if (r < 0)
                return r;
        d->units = calloc(d->registry->n_services * 2 + ELEMENTSOF(helpers) + strv_length(instances), sizeof(UnitFacts));
        if (!d->units)
                return -ENOMEM;
        for (size_t i = 0; i < d->registry->n_services && r >= 0; i++) {
                const Service *s = d->registry->services + i;

                r = add_unit(d, s->unit, s);
                if (r >= 0 && s->socket)
                        r = add_unit(d, s->socket, s);
        }
        for (size_t i = 0; i < ELEMENTSOF(helpers) && r >= 0; i++)
                r = add_unit(d, helpers[i], NULL);
        STRV_FOREACH(name, instances)
                if (r >= 0)
                        r = add_unit(d, *name, NULL);
        for (size_t i = 0; i < d->n_units && r >= 0; i++)
                r = ask_unit(&batch, d->units + i);
        return r < 0 ? r : bus_batch_wait(&batch);
}
