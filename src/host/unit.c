/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "basic/string-util.h"
#include "host/host.h"
#include "shared/log.h"
#include "shared/service-settings.h"
#include "shared/service-users.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

/* What the unit file says of this service and nothing else does: its display name, and who may connect. systemd knows
 * which files make up the unit. */

#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define USERS_MAX 256

typedef struct UnitFiles {
        char *fragment;
        char **drop_ins;
} UnitFiles;

static void unit_files_done(UnitFiles *files) {
        free(files->fragment);
        strv_free(files->drop_ins);
}

static int assign_access(const char *section, const char *key, const char *value, const char *path, unsigned line,
                         void *userdata) {
        /* The others are the registry's, which has said what is wrong with them. */
        return startswith(key, "Allow") ? service_settings_assign(section, key, value, path, line, userdata) : 0;
}

static int read_settings(const UnitFiles *files, ServiceSettings *settings) {
        int r;

        r = *files->fragment ? unit_file_read(files->fragment, assign_access, settings) : 0; /* "" if transient */
        if (r < 0)
                return log_errno(r, "Cannot read %s, so what it says of who may connect does not hold",
                                 files->fragment);
        STRV_FOREACH(path, files->drop_ins) {
                r = unit_file_read(*path, assign_access, settings);
                if (r < 0)
                        return log_errno(r, "Cannot read %s, so what the unit says of who may connect does not hold",
                                         *path);
        }
        return 0;
}

static int is_our_port(unsigned port, void *userdata) {
        const Host *host = userdata;

        return host->ports ? fleet_ports_have(host->ports, port) : 0;
}

static void on_ports_known(void *userdata) {
        const Host *host = userdata;

        server_access_known(host->server);
}

static void set_access(Host *host, const ServiceSettings *settings, bool unsettled) {
        uid_t users[USERS_MAX];
        size_t n = service_settings_users(settings, users, USERS_MAX);
        int r;

        r = server_set_access(host->server, &(ServerAccess) {
                .users = users, .n_users = n, .hosts = settings->allow_hosts, .origins = settings->allow_origins,
                .unsettled = unsettled, .is_our_port = is_our_port, .userdata = host });
        if (r < 0)
                log_errno(r, "Cannot set who may connect");
}

/* A question that fails later on, for a reload, leaves what was known. */
static void settle_nothing(Host *host) {
        if (!host->access_known)
                set_access(host, &(ServiceSettings) {}, false);
}

static void settle(Host *host, const UnitFiles *files) {
        ServiceSettings settings = {};

        if (read_settings(files, &settings) >= 0) {
                set_access(host, &settings, false);
                host->access_known = true;
        } else
                settle_nothing(host);
        service_settings_done(&settings);
}

static int get_property(Host *host, const char *property, sd_bus_message_handler_t handler) {
        return sd_bus_call_method_async(host->bus, NULL, "org.freedesktop.systemd1", host->unit_path,
                                        "org.freedesktop.DBus.Properties", "Get", handler, host, "ss", UNIT_INTERFACE,
                                        property);
}

static int on_drop_ins(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_(unit_files_done) UnitFiles files = { .fragment = TAKE_PTR(((Host *) userdata)->fragment_path) };
        int r;

        if (sd_bus_message_is_method_error(reply, NULL))
                r = -sd_bus_message_get_errno(reply);
        else {
                r = sd_bus_message_enter_container(reply, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_read_strv(reply, &files.drop_ins);
        }
        if (r < 0)
                log_errno(r, "Cannot ask for the unit's files, so what they say of who may connect does not hold");
        if (r < 0 || !files.fragment)
                settle_nothing(userdata);
        else
                settle(userdata, &files);
        return 0;
}

/* Calls are answered in order, so the drop-ins are settled last. */
static int on_fragment(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Host *host = userdata;
        const char *path = "";
        int r;

        r = sd_bus_message_is_method_error(reply, NULL) ? -sd_bus_message_get_errno(reply)
                                                        : sd_bus_message_read(reply, "v", "s", &path);
        if (r >= 0)
                r = str_replace_printf(&host->fragment_path, "%s", path);
        if (r < 0)
                log_errno(r, "Cannot ask for the unit's file");
        return 0;
}

static int on_description(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Host *host = userdata;
        const char *description;
        int r;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_debug("Cannot ask for the unit's description: %s", sd_bus_message_get_error(reply)->message);
                return 0;
        }
        r = sd_bus_message_read(reply, "v", "s", &description);
        if (r >= 0)
                r = str_replace_printf(&host->name, "%s", description);
        if (r >= 0 && host->current)
                r = host_tell_server(host, host->current->loaded.module->version);
        if (r < 0)
                log_errno(r, "Cannot take the unit's description");
        return 0;
}

static int find_unit(Host *host) {
        _cleanup_(freep) char *unit = NULL;
        int r;

        if (host->unit_path)
                return 0;
        r = sd_pid_get_user_unit(0, &unit);
        return r < 0 ? r : sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &host->unit_path);
}

void host_unit_ask(Host *host) {
        int r;

        if (!host->bus)
                return;
        r = find_unit(host);
        if (r >= 0)
                r = get_property(host, "Description", on_description);
        if (r >= 0)
                r = get_property(host, "FragmentPath", on_fragment);
        if (r >= 0)
                r = get_property(host, "DropInPaths", on_drop_ins);
        if (r >= 0)
                return;
        log_debug("Cannot ask for the unit: %s", strerror(-r)); /* started by hand, so there is none */
        settle_nothing(host);
}

void host_unit_start(Host *host) {
        int r;

        if (!host->bus) {
                settle_nothing(host);
                return;
        }
        r = fleet_ports_new(host->bus, on_ports_known, host, &host->ports);
        if (r < 0)
                log_errno(r, "Only pages of this service itself may change something");
        set_access(host, &(ServiceSettings) {}, true);
        host_unit_ask(host);
}
