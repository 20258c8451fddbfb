/* SPDX-License-Identifier: MIT */
#include "ctl.h"

int verb_stop(Ctl *ctl) {
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        return ctl->names ? ctl_stop_selected(ctl) : ctl_stop_fleet(ctl);
}
