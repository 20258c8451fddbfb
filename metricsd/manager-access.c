/* SPDX-License-Identifier: MIT */
#include "manager.h"
#include "shared/log.h"
#include "shared/service-users.h"

#define USERS_MAX 256

/* web serves the dashboard's page, too, and its WebSocket is asked for from there. */
static int is_our_port(unsigned port, void *userdata) {
        const Manager *m = userdata;

        if (!fleet_is_loaded(m->fleet))
                return -EINPROGRESS;
        for (size_t i = 0; i < fleet_count(m->fleet); i++)
                if (fleet_at(m->fleet, i)->service->port == port)
                        return 1;
        return 0;
}

void manager_set_access(Manager *m) {
        static const ServiceSettings none;
        const FleetUnit *self = fleet_find(m->fleet, METRICSD_ID);
        const ServiceSettings *settings = self ? &self->service->settings : &none;
        uid_t users[USERS_MAX];
        int r;

        r = server_set_access(m->server, &(ServerAccess) {
                .users = users, .n_users = service_settings_users(settings, users, USERS_MAX),
                .hosts = settings->allow_hosts, .origins = settings->allow_origins,
                .unsettled = !fleet_is_loaded(m->fleet), .is_our_port = is_our_port, .userdata = m });
        if (r < 0)
                log_errno(r, "Cannot set who may connect");
        server_access_known(m->server);
}
