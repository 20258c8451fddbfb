/* SPDX-License-Identifier: MIT */
#include <systemd/sd-login.h>

#include "doctor.h"
#include "shared/port-owner.h"

static bool is_ours(const Service *s, const PortOwner *owner) {
        _cleanup_(freep) char *unit = NULL;

        if (owner->uid != getuid())
                return false;
        /* What cannot be seen of one's own is in another namespace: a sandboxed service. */
        if (owner->pid == 0)
                return true;
        return sd_pid_get_user_unit(owner->pid, &unit) >= 0 && streq(unit, s->unit);
}

static char *who_is_it(const PortOwner *owner) {
        if (owner->pid > 0)
                return str_printf("PID %d (%s)", owner->pid, owner->name);
        return str_printf("a process of UID %u", owner->uid);
}

static char *how_to_end(const PortOwner *owner, unsigned port) {
        _cleanup_(freep) char *unit = NULL;

        if (owner->pid == 0 || owner->uid != getuid())
                return str_printf("sudo ss -ltnp 'sport = :%u' names it; end it, or give the service another port", port);
        if (sd_pid_get_user_unit(owner->pid, &unit) >= 0 && endswith(unit, ".service"))
                return str_printf("systemctl --user stop %s", unit);
        /* It holds the sockets of socket units. */
        if (streq(owner->name, "systemd"))
                return str_printf("'systemctl --user list-sockets' shows the unit that listens on %u; stop it, or give one of "
                                  "them another port", port);
        return str_printf("kill %d", owner->pid);
}

static int check_port(Doctor *d, const Service *s) {
        const UnitFacts *listens = doctor_unit(d, s->socket ? s->socket : s->unit);
        _cleanup_(freep) char *who = NULL;
        PortOwner owner;
        int r;

        /* An active socket unit has bound it, whatever the others have that share it. */
        if (s->port == 0 || service_is_masked(s) || (s->socket && unit_is_active(listens)))
                return 0;
        r = port_owner_find(s->port, &owner);
        if (r <= 0 || is_ours(s, &owner))
                return r;
        who = who_is_it(&owner);
        if (!who)
                return -ENOMEM;
        return doctor_find(d, LEVEL_ERROR, s->unit, str_printf("port %u of %s is taken by %s", s->port, s->id, who),
                           str_printf("%s cannot listen there, and whoever connects reaches that process instead", s->id),
                           how_to_end(&owner, s->port));
}

int check_ports(Doctor *d) {
        int r = 0;

        for (size_t i = 0; i < d->registry->n_services && r >= 0; i++)
                r = check_port(d, d->registry->services + i);
        return r;
}
