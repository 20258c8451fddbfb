/* SPDX-License-Identifier: MIT */
#include "wishes.h"

#include <limits.h>

#include "basic/string-util.h"
#include "choose.h"

void wishes_done(Wishes *w) {
        free(w->preferred);
}

static double weight_of(const char *criticality) {
        if (criticality && streq(criticality, "low"))
                return CHOOSE_PRICE_FREE;
        return criticality && streq(criticality, "high") ? 0 : CHOOSE_PRICE;
}

int wishes_read(Ledger *l, Wishes *ret) {
        _cleanup_(freep) char *preferred = NULL, *criticality = NULL, *concurrency = NULL;
        unsigned long n = UINT_MAX;
        int r;

        r = ledger_setting(l, LEDGER_SETTING_PREFERRED, &preferred);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_CRITICALITY, &criticality);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_MAX_CONCURRENCY, &concurrency);
        if (r < 0)
                return r;
        /* Nothing but budget writes it; what is no number limits nothing. */
        if (concurrency)
                (void) parse_uint(concurrency, 1, UINT_MAX, &n);
        *ret = (Wishes) { .preferred = TAKE_PTR(preferred), .price_weight = weight_of(criticality), .concurrency = (unsigned) n };
        return 0;
}
