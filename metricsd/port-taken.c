/* SPDX-License-Identifier: MIT */
#include "port-taken.h"

#include <string.h>

#include "basic/string-util.h"
#include "manager.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/port-owner.h"

/* While its own socket listens, systemd has the port. */
static bool may_be_taken(const Watched *w) {
        const FleetUnit *u = w->unit;

        return u->condition == FLEET_FAILED && u->service->port > 0 && !streq(u->socket_state, "active");
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        if (sd_bus_message_is_method_error(m, NULL))
                log_debug("Nobody can say who has the port: %s", sd_bus_message_get_error(m)->message);
        return 0;
}

static int ask_outside(const Manager *m, unsigned port) {
        _cleanup_(freep) char *unit = str_printf("tooloo-port-owner@%u.service", port);

        if (!unit)
                return -ENOMEM;
        /* The slot floats: the answer comes by the journal. */
        return sd_bus_call_method_async(m->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartUnit",
                                        on_started, NULL, "ss", unit, "replace");
}

static void look(const Manager *m, Watched *w) {
        PortOwner owner;
        int r;

        r = port_owner_find(w->unit->service->port, &owner);
        if (r > 0 && owner.pid > 0) {
                w->port_taken = port_owner_describe(w->unit->service->port);
                return;
        }
        if (r > 0)
                r = ask_outside(m, w->unit->service->port);
        if (r < 0)
                log_errno(r, "Cannot find out who has the port of %s", w->unit->service->id);
}

void port_taken_follow(Manager *m, Watched *w) {
        if (!may_be_taken(w)) {
                w->port_looked = false;
                free(w->port_taken);
                w->port_taken = NULL;
                return;
        }
        /* The search reads all of /proc: once for a failure. */
        if (w->port_looked)
                return;
        w->port_looked = true;
        look(m, w);
}

void port_taken_told(Manager *m, const JournalLine *line) {
        const char *text = journal_line_field(line, "PORT"), *who = journal_line_field(line, "REASON");
        unsigned long port;

        if (!text || !who || parse_uint(text, 1, UINT16_MAX, &port) < 0)
                return;
        for (size_t i = 0; i < fleet_count(m->fleet); i++) {
                Watched *w = fleet_at(m->fleet, i)->userdata;

                if (!w || w->unit->service->port != port || !may_be_taken(w))
                        continue;
                if (str_replace(&w->port_taken, who) >= 0)
                        manager_watched_changed(m, w, 0);
        }
}
