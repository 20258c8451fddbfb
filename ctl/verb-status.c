/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "service-status.h"
#include "shared/log.h"
#include "status-output.h"

int verb_status(Ctl *ctl) {
        _cleanup_(build_status_done) BuildStatus build = {};
        ServiceStatus *list = NULL;
        int status, r;

        status = ctl_select(ctl, CTL_STATUS_UNKNOWN);
        /* JSON is made even of nothing, for whoever reads it on the other side of a pipe. */
        if (status == CTL_FAILED || (ctl->n_selected == 0 && !ctl->json))
                return status;
        r = service_status_query(ctl->bus, ctl->selected, ctl->n_selected, &list, &build);
        if (r >= 0) {
                if (ctl->json)
                        r = status_print_json(list, ctl->n_selected, &build);
                else if (!ctl->quiet && ctl->n_selected == 1 && ctl->names)
                        r = status_print_one(list, &build);
                else if (!ctl->quiet)
                        r = status_print_table(list, ctl->n_selected, &build);
        }
        for (size_t i = 0; i < ctl->n_selected && status == CTL_OK; i++)
                if (!service_is_active(ctl->selected[i]))
                        status = CTL_NOT_ACTIVE;
        service_status_free_many(list, r < 0 && !list ? 0 : ctl->n_selected);
        if (r < 0) {
                (void) log_errno(r, "cannot show the status");
                return CTL_FAILED;
        }
        return status;
}
