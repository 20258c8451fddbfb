/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "swap.h"

/* How long each is waited for, while the other serves: @next for as long as its trial makes likely, for a lost lot (probe.c)
 * looks as if it did not accept, and if it is late connections only wait in the socket; the service for as long as it may take
 * to start, for after it @next goes.
 *
 * The order: the new code starts as @next beside the service at the same socket, then the service restarts while @next
 * accepts, then @next goes. At each moment one of them accepts; what was accepted, its process finishes when it is told to
 * end. Where there are replicas they do what @next is for: one process after the other restarts. */

static int run_unit(const Swap *swap, const char *unit, UnitVerb verb, uint64_t patience, ServeResult *ret,
                    char **ret_problem) {
        _cleanup_(freep) char *waiting = str_printf("%s to %s", unit, verb == UNIT_START ? "serve" : "restart and serve");
        Serve what = {
                .unit = unit,
                .verb = verb,
                .port = swap->s->port,
                .health = swap_health_path(swap),
                .shared = true,
                .quiet = swap->ctl->quiet,
                .waiting = strna(waiting),
                .end = now_usec() + patience,
        };
        int r = serve_run(swap->turn, &what, ret, ret_problem);

        return r < 0 ? log_errno(r, "cannot wait for %s", unit) : 0;
}

static bool is_replica(const Swap *swap, const InstanceState *i) {
        return streq(i->id, swap->s->id) && instance_number(i) > 0 && instance_runs(i);
}

static bool has_replicas(const Swap *swap) {
        for (size_t i = 0; i < swap->instances.n; i++)
                if (is_replica(swap, swap->instances.items + i))
                        return true;
        return false;
}

static int write_units(const Swap *swap, bool next) {
        int r = 0;

        if (next)
                r = instance_write(swap->ctl->bus, swap->s, INSTANCE_NEXT, INSTANCE_NEXT_NAME);
        for (size_t i = 0; i < swap->instances.n && r >= 0; i++)
                if (is_replica(swap, swap->instances.items + i))
                        r = instance_write(swap->ctl->bus, swap->s, INSTANCE_REPLICA, swap->instances.items[i].name);
        return r < 0 ? r : bus_reload_unit_files(swap->ctl->bus);
}

static int stop_next(const Swap *swap, const Instance *next) {
        int r = swap_jobs(swap, UNIT_STOP, (const char *const[]) { next->unit }, 1);

        instance_remove(swap->s, INSTANCE_NEXT_NAME);
        if (r >= 0)
                r = bus_reload_unit_files(swap->ctl->bus);
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int start_next(const Swap *swap, const Instance *next) {
        _cleanup_(freep) char *problem = NULL;
        ServeResult result;

        if (run_unit(swap, next->unit, UNIT_START, swap->patience, &result, &problem) < 0)
                return CTL_FAILED;
        if (swap_was_stopped(swap))
                return CTL_FAILED;
        if (result == SERVE_OK || result == SERVE_LATE)
                return CTL_OK; /* late is no harm: connections wait in the socket */
        log_error("%s keeps its old code: the new one was healthy on trial, but not as %s: %s; see 'journalctl "
                  "--user-unit=%s -n 20'", swap->s->id, next->unit, problem ? problem : "somebody stopped it", next->unit);
        return CTL_FAILED;
}

/* systemd must not go on trying: with its start limit the socket would go, too, which the other process holds. Nor may it
 * stand there as failed, for web would send nobody to it any more. */
static int leave_to_other(const Swap *swap, const char *problem) {
        _cleanup_(freep) char *other = has_replicas(swap) ? strdup("its replicas")
                                                         : str_printf("tooloo-%s@next.service", swap->s->id);

        (void) swap_jobs(swap, UNIT_STOP, (const char *const[]) { swap->s->unit }, 1);
        (void) unit_reset_failed(swap->ctl->bus, (char *[]) { swap->s->unit, NULL });
        log_error("%s does not start with its new code: %s; what serves is %s. Mend it, then run 'toolooctl reload %s'",
                  swap->s->unit, problem, strna(other), swap->s->id);
        return CTL_FAILED;
}

static int restart_service(const Swap *swap, bool *ret_keep_next) {
        UnitVerb verb = streq(strna(swap->s->active_state), "active") ? UNIT_TRY_RESTART : UNIT_START;
        _cleanup_(freep) char *problem = NULL;
        ServeResult result;
        int r;

        r = unit_reset_failed(swap->ctl->bus, (char *[]) { swap->s->unit, NULL });
        if (r < 0) {
                (void) log_errno(r, "cannot take the start limit off %s", swap->s->unit);
                return CTL_FAILED;
        }
        if (run_unit(swap, swap->s->unit, verb, swap->timeout, &result, &problem) < 0)
                return CTL_FAILED;
        if (swap_was_stopped(swap))
                return CTL_FAILED;
        if (result == SERVE_OK || result == SERVE_LATE)
                return CTL_OK;
        *ret_keep_next = true;
        return leave_to_other(swap, problem ? problem : "another request took its place");
}

static int restart_replicas(const Swap *swap) {
        int status = CTL_OK;

        for (size_t i = 0; i < swap->instances.n; i++) {
                const InstanceState *replica = swap->instances.items + i;
                _cleanup_(freep) char *problem = NULL;
                ServeResult result;

                if (!is_replica(swap, replica))
                        continue;
                if (run_unit(swap, replica->unit, UNIT_TRY_RESTART, swap->timeout, &result, &problem) < 0)
                        return CTL_FAILED;
                if (result != SERVE_ENDED)
                        continue;
                log_error("%s does not start with the new code: %s", replica->unit, problem);
                status = CTL_FAILED;
        }
        return status;
}

int hand_over(Swap *swap) {
        bool found = instance_runs(instance_find(&swap->instances, swap->s->id, INSTANCE_NEXT_NAME)), keep = false;
        bool next = !found && !has_replicas(swap);
        _cleanup_(instance_done) Instance i = {};
        int status;

        if (instance_init(&i, swap->s, INSTANCE_NEXT_NAME) < 0 || write_units(swap, next) < 0)
                return CTL_FAILED;
        status = next ? start_next(swap, &i) : CTL_OK;
        if (status == CTL_OK)
                status = restart_service(swap, &keep);
        if (status == CTL_OK)
                status = restart_replicas(swap);
        /* One that an earlier run has left goes only now, for it may be all that serves. */
        if (!keep && (next || found) && stop_next(swap, &i) != CTL_OK)
                status = CTL_FAILED;
        return status;
}
