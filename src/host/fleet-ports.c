/* SPDX-License-Identifier: MIT */
#include "host/fleet-ports.h"

#include <stdint.h>
#include <stdlib.h>

#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/registry.h"

#define AGAIN_USEC (5 * USEC_PER_SEC)

struct FleetPorts {
        sd_event *event;
        sd_bus *bus;
        void (*known)(void *userdata);
        void *userdata;
        unsigned *ports; /* as last read */
        size_t n_ports;
        uint64_t read_at; /* monotonic usec, 0 for never */
        sd_event_source *load;
};

int fleet_ports_new(sd_event *event, sd_bus *bus, void (*known)(void *userdata), void *userdata, FleetPorts **ret) {
        FleetPorts *ports = calloc(1, sizeof(FleetPorts));

        if (!ports)
                return -ENOMEM;
        ports->event = sd_event_ref(event);
        ports->bus = sd_bus_ref(bus);
        ports->known = known;
        ports->userdata = userdata;
        *ret = ports;
        return 0;
}

FleetPorts *fleet_ports_free(FleetPorts *ports) {
        if (!ports)
                return NULL;
        sd_event_source_disable_unref(ports->load);
        sd_bus_unref(ports->bus);
        sd_event_unref(ports->event);
        free(ports->ports);
        free(ports);
        return NULL;
}

static int keep(FleetPorts *ports, const Registry *registry) {
        unsigned *list = calloc(registry->n_services + 1, sizeof(unsigned));

        if (!list)
                return log_errno(-ENOMEM, "Cannot keep the fleet's ports");
        free(ports->ports);
        ports->ports = list;
        ports->n_ports = 0;
        for (size_t i = 0; i < registry->n_services; i++)
                if (registry->services[i].port > 0)
                        list[ports->n_ports++] = registry->services[i].port;
        return 0;
}

/* What could not be read was logged, and leaves what is known. */
static void on_loaded(int error, Registry *registry, void *userdata) {
        FleetPorts *ports = userdata;

        ports->load = sd_event_source_disable_unref(ports->load);
        ports->read_at = now_usec();
        if (error >= 0)
                (void) keep(ports, registry);
        registry_free(registry);
        ports->known(ports->userdata);
}

static int on_load(sd_event_source *source, void *userdata) {
        FleetPorts *ports = userdata;
        Registry *registry = NULL;
        int r = registry_load(ports->bus, &registry);

        on_loaded(r, registry, ports);
        return 0;
}

static int start_load(FleetPorts *ports) {
        return sd_event_add_defer(ports->event, &ports->load, on_load, ports);
}

int fleet_ports_have(FleetPorts *ports, unsigned port) {
        int r;

        for (size_t i = 0; i < ports->n_ports; i++)
                if (ports->ports[i] == port)
                        return 1;
        if (ports->load)
                return -EINPROGRESS;
        if (ports->read_at > 0 && now_usec() - ports->read_at < AGAIN_USEC)
                return 0;
        r = start_load(ports);
        if (r < 0) {
                log_errno(r, "Cannot ask for the fleet's ports");
                return 0;
        }
        return -EINPROGRESS;
}
