/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/journal.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "swap.h"

/* What took this long on trial gets twice that at the real socket, where other processes take its time as well. */
#define PATIENCE_MIN_USEC (3 * USEC_PER_SEC)

static int write_units(const Swap *swap, TrialPorts *ports) {
        sd_bus *bus = swap->ctl->bus;
        int r;

        r = instance_write(bus, swap->s, INSTANCE_TRIAL, INSTANCE_TRIAL_NAME);
        if (r >= 0)
                r = instance_write_socket(bus, swap->s, ports);
        return r < 0 ? r : bus_reload_unit_files(bus);
}

int trial_clean(const Swap *swap) {
        _cleanup_(instance_done) Instance i = {};
        int r;

        r = instance_init(&i, swap->s, INSTANCE_TRIAL_NAME);
        if (r >= 0) {
                r = swap_jobs(swap, UNIT_STOP, (const char *const[]) { i.socket }, 1);
                if (r >= 0)
                        r = swap_jobs(swap, UNIT_STOP, (const char *const[]) { i.unit }, 1);
                if (r >= 0)
                        r = unit_reset_failed(swap->ctl->bus, (char *[]) { i.unit, i.socket, NULL });
                instance_remove(swap->s, INSTANCE_TRIAL_NAME);
        }
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int say(const Swap *swap, ServeResult result, const char *problem) {
        char span[TIMESPAN_MAX];

        switch (result) {
        case SERVE_OK:
                return CTL_OK;
        case SERVE_STOPPED:
                log_error("%s keeps its old code: somebody stopped the trial of the new one", swap->s->id);
                break;
        case SERVE_INTERRUPTED:
                log_error("interrupted: %s keeps its old code", swap->s->id);
                break;
        case SERVE_LATE:
                log_error("%s keeps its old code: the new one was not healthy within %s (TimeoutStartSec=): %s", swap->s->id,
                          format_timespan(span, swap->timeout), problem);
                break;
        case SERVE_ENDED:
                log_error("%s keeps its old code: of the new one %s", swap->s->id, problem);
                break;
        }
        return CTL_FAILED;
}

static int try(Swap *swap, const Instance *i, unsigned port, ServeResult *ret, char **ret_problem) {
        _cleanup_(freep) char *waiting = str_printf("the new code of %s to be healthy", swap->s->id);
        Serve what = {
                .unit = i->unit,
                .verb = UNIT_START,
                .port = port,
                .health = swap_health_path(swap),
                .interruptible = true,
                .quiet = swap->ctl->quiet,
                .waiting = waiting,
                .end = now_usec() + swap->timeout,
        };
        int r;

        if (!waiting)
                return log_errno(-ENOMEM, "cannot wait for %s", i->unit);
        r = swap_jobs(swap, UNIT_START, (const char *const[]) { i->socket }, 1);
        if (r < 0)
                return r;
        r = serve_run(swap->turn, &what, ret, ret_problem);
        return r < 0 ? log_errno(r, "cannot wait for %s", i->unit) : 0;
}

int trial_run(Swap *swap) {
        _cleanup_(trial_ports_done) TrialPorts ports = {};
        _cleanup_(instance_done) Instance i = {};
        _cleanup_(freep) char *problem = NULL;
        uint64_t begun, since = now_realtime_usec();
        ServeResult result = SERVE_ENDED;
        int r, status;

        r = instance_init(&i, swap->s, INSTANCE_TRIAL_NAME);
        if (r >= 0)
                r = write_units(swap, &ports);
        begun = now_usec();
        if (r >= 0)
                r = try(swap, &i, trial_port(&ports, swap->s->port), &result, &problem);
        swap->patience = MAX(2 * (now_usec() - begun), PATIENCE_MIN_USEC);
        status = trial_clean(swap);
        if (r < 0)
                return CTL_FAILED;
        if (result != SERVE_OK && swap_was_stopped(swap))
                status = CTL_FAILED;
        else if (say(swap, result, problem) != CTL_OK) {
                status = CTL_FAILED;
                if (problem && !swap->ctl->quiet)
                        journal_print_last(&(LogSource) { .id = swap->s->id, .unit = i.unit }, since);
        }
        if (status != CTL_OK)
                (void) bus_reload_unit_files(swap->ctl->bus);
        return status;
}
