/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "host/host.h"
#include "shared/log.h"
#include "shared/service-bus.h"

static void on_reload_done(const ReloadResult *result, void *userdata) {
        sd_bus_message *call = userdata;
        int r;

        if (result->outcome)
                r = sd_bus_reply_method_return(call, "stt", result->outcome, result->generation, result->pause_usec);
        else
                r = sd_bus_reply_method_errorf(call, result->error, "%s", result->message);
        if (r < 0)
                log_errno(r, "Cannot answer a reload");
        sd_bus_message_unref(call);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        int only_if_changed, r;

        r = sd_bus_message_read(call, "b", &only_if_changed);
        if (r < 0)
                return r;
        host_unit_ask(userdata);
        host_reload(userdata, only_if_changed, on_reload_done, sd_bus_message_ref(call));
        return 1;
}

static int get_string(sd_bus_message *reply, const char *s) {
        return sd_bus_message_append(reply, "s", s ? s : "");
}

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Host *host = userdata;

        if (streq(property, "Id"))
                return get_string(reply, host->id);
        if (streq(property, "Version"))
                return get_string(reply, host->current ? host->current->loaded.module->version : NULL);
        if (streq(property, "Generation"))
                return sd_bus_message_append(reply, "t", host->current ? host->current->service.number : 0);
        if (streq(property, "RetiringGenerations"))
                return sd_bus_message_append(reply, "u", host->n_retiring);
        if (streq(property, "Connections"))
                return sd_bus_message_append(reply, "u", server_connections(host->server));
        if (streq(property, "Requests"))
                return sd_bus_message_append(reply, "t", stats_requests(server_stats(host->server)));
        if (streq(property, "Errors"))
                return sd_bus_message_append(reply, "t", stats_errors(server_stats(host->server)));
        if (streq(property, "LastReload"))
                return sd_bus_message_append(reply, "t", host->last_reload);
        if (streq(property, "LastPause"))
                return sd_bus_message_append(reply, "t", host->last_pause);
        if (streq(property, "Reloaded"))
                return sd_bus_message_append(reply, "t", host->n_reloaded);
        if (streq(property, "Rejected"))
                return sd_bus_message_append(reply, "t", host->n_rejected);
        if (streq(property, "LastResult"))
                return get_string(reply, host->last_result);
        if (streq(property, "ModuleFile"))
                return get_string(reply, host->module_path);
        if (streq(property, "LoadedFile"))
                return get_string(reply, host->current_copy);
        return get_string(reply, host->last_problem);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_ARGS("b", only_if_changed),
                                SD_BUS_RESULT("s", outcome, "t", generation, "t", pause_usec), method_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Version", "s", property_get, 0, 0),
        SD_BUS_PROPERTY("Generation", "t", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("RetiringGenerations", "u", property_get, 0, 0),
        SD_BUS_PROPERTY("Connections", "u", property_get, 0, 0),
        SD_BUS_PROPERTY("Requests", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("Errors", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("LastReload", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("LastPause", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("Reloaded", "t", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Rejected", "t", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastResult", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastProblem", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ModuleFile", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LoadedFile", "s", property_get, 0, 0),
        SD_BUS_VTABLE_END,
};

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Host *host = userdata;

        log_warning("The user bus is gone: reload by SIGHUP works, 'toolooctl reload' does not until a restart");
        host->ports = fleet_ports_free(host->ports);
        host->bus_slot = sd_bus_slot_unref(host->bus_slot);
        host->bus = sd_bus_close_unref(host->bus);
        return 0;
}

int host_bus_open(Host *host) {
        _cleanup_(freep) char *name = str_printf(SERVICE_BUS_NAME_PREFIX "%s", host->id);
        sd_bus *bus = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        r = sd_bus_open_user(&bus);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(bus, &host->bus_slot, SERVICE_BUS_PATH, SERVICE_BUS_INTERFACE, vtable, host);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, host);
        if (r >= 0)
                r = sd_bus_attach_event(bus, host->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_request_name(bus, name, 0);
        if (r < 0) {
                host->bus_slot = sd_bus_slot_unref(host->bus_slot);
                sd_bus_close_unref(bus);
                return r;
        }
        host->bus = bus;
        return 0;
}

void host_bus_changed(Host *host) {
        int r;

        if (!host->bus)
                return;
        r = sd_bus_emit_properties_changed(host->bus, SERVICE_BUS_PATH, SERVICE_BUS_INTERFACE, "Generation",
                                           "Reloaded", "Rejected", "LastResult", "LastProblem", NULL);
        if (r < 0)
                log_errno(r, "Cannot announce the new generation");
}
