/* SPDX-License-Identifier: MIT */
#include "shared/host-status.h"

#include "basic/string-util.h"
#include "shared/service-bus.h"

/* Well under what a person takes for "toolooctl hangs". */
#define HOST_TIMEOUT_USEC USEC_PER_SEC

#define FIELD(f) offsetof(HostStatus, f)

static const BusProperty properties[] = {
        { NULL, "Version", "s", FIELD(version) },
        { NULL, "Generation", "t", FIELD(generation) },
        { NULL, "RetiringGenerations", "u", FIELD(retiring) },
        { NULL, "Connections", "u", FIELD(connections) },
        { NULL, "Requests", "t", FIELD(requests) },
        { NULL, "Errors", "t", FIELD(errors) },
        { NULL, "LastReload", "t", FIELD(last_reload) },
        { NULL, "LastPause", "t", FIELD(last_pause) },
        { NULL, "LastResult", "s", FIELD(last_result) },
        { NULL, "LastProblem", "s", FIELD(last_problem) },
        { NULL, "ModuleFile", "s", FIELD(module_file) },
        { NULL, "LoadedFile", "s", FIELD(loaded_file) },
};

void host_status_done(HostStatus *h) {
        free(h->version);
        free(h->last_result);
        free(h->last_problem);
        free(h->module_file);
        free(h->loaded_file);
        *h = (HostStatus) {};
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        HostStatus *h = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                h->hangs = sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY) ||
                        sd_bus_message_is_method_error(m, SD_BUS_ERROR_TIMEOUT);
                return 0;
        }
        r = bus_read_properties(m, properties, ELEMENTSOF(properties), h);
        if (r < 0)
                return r;
        h->known = true;
        return 0;
}

int host_status_ask(BusBatch *batch, const char *id, HostStatus *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        name = str_printf("%s%s", SERVICE_BUS_NAME_PREFIX, id);
        if (!name)
                return -ENOMEM;
        r = sd_bus_message_new_method_call(batch->bus, &m, name, SERVICE_BUS_PATH, "org.freedesktop.DBus.Properties",
                                           "GetAll");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", SERVICE_BUS_INTERFACE);
        return r < 0 ? r : bus_batch_call(batch, m, HOST_TIMEOUT_USEC, on_properties, ret);
}
