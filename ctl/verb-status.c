/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "pager.h"
#include "service-status.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "status-output.h"

/* Before all else: the answer comes, and the memory of the processes that it names is read, while systemd lists its units. */
static int ask_runs(Ctl *ctl, Runs *runs) {
        int r = bus_open_user(&ctl->bus);

        if (r < 0)
                return r;
        r = runs_ask(runs, ctl->bus);
        return r < 0 ? log_errno(r, "cannot show the status") : 0;
}

int verb_status(Ctl *ctl) {
        _cleanup_(status_report_done) StatusReport report = {};
        int status, r;

        ctl->brief = !ctl->json && !ctl->names;
        r = ctl->brief ? ask_runs(ctl, &report.runs) : 0;
        if (r < 0)
                return CTL_FAILED;
        status = ctl_select(ctl, CTL_STATUS_UNKNOWN);
        /* JSON is made even of nothing, for whoever reads it on the other side of a pipe. */
        if (status == CTL_FAILED || (ctl->n_selected == 0 && !ctl->json))
                return status;
        report.brief = ctl->brief;
        r = service_status_query(ctl->bus, ctl->selected, ctl->n_selected, &report);
        if (r >= 0) {
                pager_open(ctl);
                if (ctl->json)
                        r = status_print_json(&report, ctl->registry);
                else if (!ctl->quiet && ctl->n_selected == 1 && ctl->names)
                        r = status_print_one(&report);
                else if (!ctl->quiet)
                        r = status_print_table(&report, ctl->registry);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot show the status");
                return CTL_FAILED;
        }
        for (size_t i = 0; i < ctl->n_selected && status == CTL_OK; i++)
                if (!service_is_active(ctl->selected[i]))
                        status = CTL_NOT_ACTIVE;
        return status;
}
