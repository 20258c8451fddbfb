/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <stdio.h>

#include "ctl/table.h"
#include "ctl/text.h"
#include "shared/strv.h"

static void take_fault(const char *fault, void *userdata) {
        (void) strv_extend(userdata, fault); /* one that there is no memory for is counted all the same */
}

static void print(char *const *faults, size_t n) {
        STRV_FOREACH(fault, faults) {
                _cleanup_(freep) char *clean = text_clean(*fault, strlen(*fault));

                (void) puts(strna(clean));
        }
        if (n == 0)
                (void) puts("The ledger is in order.");
}

static int print_json(char *const *faults) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        int r;

        if (!json)
                return -ENOMEM;
        r = json_set(json, "faults", json_strv(faults));
        return r < 0 ? r : json_print(json);
}

int gateway_ledger_verify(Ctl *ctl) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        _cleanup_(strv_freep) char **faults = NULL;
        size_t n = 0;
        int status, r;

        status = gateway_ledger_open_existing(LEDGER_READ, &ledger);
        if (status != CTL_OK)
                return status;
        r = ledger_verify(ledger, take_fault, &faults, &n);
        if (r >= 0 && ctl->json)
                r = print_json(faults);
        else if (r >= 0 && !ctl->quiet)
                print(faults, n);
        if (r < 0)
                return gateway_failed(r, "cannot verify the ledger");
        return n > 0 ? CTL_FAILED : CTL_OK;
}

int gateway_ledger_rebuild(Ctl *ctl) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int status, r;

        status = gateway_ledger_open_existing(LEDGER_WRITE, &ledger);
        if (status != CTL_OK)
                return status;
        r = ledger_rebuild(ledger);
        if (r < 0)
                return gateway_failed(r, "cannot rebuild the ledger");
        ctl_say(ctl, "What is derived from the calls is made anew.");
        return CTL_OK;
}
