/* SPDX-License-Identifier: MIT */
#include "host/fleet-ports.h"

#include <stdint.h>
#include <stdlib.h>

#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/registry.h"

#define AGAIN_USEC (5 * USEC_PER_SEC)

struct FleetPorts {
        sd_bus *bus;
        void (*known)(void *userdata);
        void *userdata;
        unsigned *ports; /* as last read */
        size_t n_ports;
        uint64_t read_at; /* monotonic usec, 0 for never */
        RegistryLoad *load;
};

int fleet_ports_new(sd_bus *bus, void (*known)(void *userdata), void *userdata, FleetPorts **ret) {
        FleetPorts *ports = calloc(1, sizeof(FleetPorts));

        if (!ports)
                return -ENOMEM;
        ports->bus = sd_bus_ref(bus);
        ports->known = known;
        ports->userdata = userdata;
        *ret = ports;
        return 0;
}

FleetPorts *fleet_ports_free(FleetPorts *ports) {
        if (!ports)
                return NULL;
        registry_load_free(ports->load);
        sd_bus_unref(ports->bus);
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

        ports->load = registry_load_free(ports->load);
        ports->read_at = now_usec();
        if (error >= 0)
                (void) keep(ports, registry);
        registry_free(registry);
        ports->known(ports->userdata);
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
        r = registry_load_async(ports->bus, on_loaded, ports, &ports->load);
        if (r < 0) {
                log_errno(r, "Cannot ask for the fleet's ports");
                return 0;
        }
        return -EINPROGRESS;
}
