/* SPDX-License-Identifier: MIT */
#include "ctl/command-line.h"
#include "ctl/output.h"
#include "doctor.h"
#include "shared/log.h"

/* The report after the mending is of a second look, so that it shows what is, not what was hoped. */
static int examine(Ctl *ctl, Doctor *d, Repairs *repairs) {
        int r;

        r = doctor_run(d);
        if (r < 0 || !ctl->given[OPTION_FIX])
                return r;
        r = doctor_fix(d, repairs);
        if (r < 0)
                return r;
        doctor_done(d);
        return doctor_run(d);
}

int verb_doctor(Ctl *ctl) {
        _cleanup_(repairs_done) Repairs repairs = {};
        _cleanup_(doctor_done) Doctor d = { .ctl = ctl };
        const Repairs *done = ctl->given[OPTION_FIX] ? &repairs : NULL;
        const char *unknown = doctor_unknown_check(ctl->names);
        int r;

        if (unknown)
                return verb_usage(ctl, "there is no check '%s'; 'toolooctl doctor --json' names them", unknown);
        r = examine(ctl, &d, &repairs);
        if (r >= 0 && ctl->json)
                r = doctor_print_json(&d, done);
        else if (r >= 0 && !ctl->quiet)
                r = doctor_print(&d, done, ctl->given[OPTION_ALL]);
        if (r < 0) {
                (void) log_errno(r, "cannot look for faults");
                return CTL_FAILED;
        }
        return doctor_worst(&d) >= LEVEL_WARNING ? CTL_FAILED : CTL_OK;
}
