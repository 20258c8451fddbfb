/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "pager.h"
#include "service-status.h"
#include "shared/log.h"
#include "status-output.h"

int verb_status(Ctl *ctl) {
        _cleanup_(status_report_done) StatusReport report = {};
        int status, r;

        ctl->brief = !ctl->json && !ctl->names;
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
