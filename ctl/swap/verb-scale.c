/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/command-line.h"
#include "ctl/output.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "swap.h"

/* The service itself is the first of its instances; the others are tooloo-ID@2.service to @N. */

static int check(const Swap *swap) {
        const Service *s = swap->s;

        if (!s->socket || s->port == 0) {
                log_error("%s cannot scale: it has no socket unit with a TCP port that several processes could share", s->id);
                return CTL_FAILED;
        }
        if (!service_can_scale(s)) {
                log_error("%s cannot scale: it is made to be one process, which has its state%s", s->id,
                          s->on_change == ON_CHANGE_RELOAD ? " and reloads its code (OnChange=reload)" : "");
                return CTL_FAILED;
        }
        if (!streq(strna(s->active_state), "active")) {
                log_error("%s is not active (%s), so it cannot scale; use 'toolooctl start %s'", s->id,
                          strna(s->active_state), s->id);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static const InstanceState *find_replica(const Swap *swap, unsigned number) {
        char name[16];

        (void) snprintf(name, sizeof(name), "%u", number);
        return instance_find(&swap->instances, swap->s->id, name);
}

/* Those that run go on: their code is a swap's business. */
static int write_units(const Swap *swap, unsigned long n) {
        bool written = false;
        int r = 0;

        for (unsigned i = 2; i <= n && r >= 0; i++) {
                char name[16];

                if (instance_runs(find_replica(swap, i)))
                        continue;
                (void) snprintf(name, sizeof(name), "%u", i);
                r = instance_write(swap->ctl->bus, swap->s, INSTANCE_REPLICA, name);
                written = true;
        }
        return r < 0 || !written ? r : bus_reload_unit_files(swap->ctl->bus);
}

static int start_replica(const Swap *swap, unsigned number) {
        _cleanup_(instance_done) Instance i = {};
        _cleanup_(freep) char *problem = NULL;
        char name[16], waiting[64];
        Serve what = {
                .verb = UNIT_START,
                .port = swap->s->port,
                .health = swap_health_path(swap),
                .shared = true,
                .interruptible = true,
                .quiet = swap->ctl->quiet,
                .waiting = waiting,
                .end = now_usec() + swap->timeout,
        };
        ServeResult result;
        int r;

        (void) snprintf(name, sizeof(name), "%u", number);
        (void) snprintf(waiting, sizeof(waiting), "instance %u of %.32s to serve", number, swap->s->id);
        r = instance_init(&i, swap->s, name);
        what.unit = i.unit;
        if (r >= 0)
                r = serve_run(swap->turn, &what, &result, &problem);
        if (r < 0) {
                (void) log_errno(r, "cannot start replica %u of %s", number, swap->s->id);
                return CTL_FAILED;
        }
        if (result == SERVE_OK)
                return CTL_OK;
        log_error("%s is taken away again: %s; see 'journalctl --user-unit=%s -n 20'", i.unit,
                  problem ? problem : result == SERVE_STOPPED ? "somebody stopped it" : "interrupted", i.unit);
        return CTL_FAILED;
}

/* From the first one on that the service is not to have. */
static int stop_replicas(const Swap *swap, unsigned first) {
        _cleanup_(strv_freep) char **units = NULL;
        int r = 0;

        for (unsigned i = first; i <= INSTANCES_MAX && r >= 0; i++) {
                _cleanup_(freep) char *unit = str_printf("tooloo-%s@%u.service", swap->s->id, i);

                r = unit ? strv_extend(&units, unit) : -ENOMEM;
        }
        if (r >= 0)
                r = swap_jobs(swap, UNIT_STOP, (const char *const *) units, strv_length(units));
        if (r >= 0)
                r = unit_reset_failed(swap->ctl->bus, units);
        for (unsigned i = first; i <= INSTANCES_MAX; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "%u", i);
                instance_remove(swap->s, name);
        }
        if (r >= 0)
                r = bus_reload_unit_files(swap->ctl->bus);
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int scale(Swap *swap, void *userdata) {
        unsigned long n = *(const unsigned long *) userdata;
        unsigned running = 1;
        int status;

        status = check(swap);
        if (status != CTL_OK)
                return status;
        if (write_units(swap, n) < 0)
                return CTL_FAILED;
        for (unsigned i = 2; i <= n && status == CTL_OK; i++) {
                if (!instance_runs(find_replica(swap, i)))
                        status = start_replica(swap, i);
                if (status == CTL_OK)
                        running = i;
        }
        if (stop_replicas(swap, running + 1) != CTL_OK)
                return CTL_FAILED;
        ctl_say(swap->ctl, "%s: %u instance%s", swap->s->id, running, running == 1 ? "" : "s");
        return status;
}

int verb_scale(Ctl *ctl) {
        const char *number = ctl->names[1];
        char *names[] = { ctl->names[0], NULL };
        unsigned long n;
        int status;

        if (parse_uint(number, 1, INSTANCES_MAX, &n) < 0)
                return verb_usage(ctl, "'scale' takes a number of instances from 1 to %d, not '%s'", INSTANCES_MAX, number);
        ctl->names = names;
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_OK) {
                _cleanup_(freep) char *id = strdup(ctl->selected[0]->id);

                status = id ? swap_run(ctl, id, scale, &n) : CTL_FAILED;
        }
        ctl->names = NULL; /* names is gone */
        return status;
}
