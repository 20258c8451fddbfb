/* SPDX-License-Identifier: MIT */
#include "ctl.h"

int verb_start(Ctl *ctl) {
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        if (!ctl->names)
                return ctl_start_fleet(ctl, false);
        status = ctl_refuse_masked(ctl, "start");
        return status != CTL_OK ? status : ctl_start_selected(ctl, NULL);
}
