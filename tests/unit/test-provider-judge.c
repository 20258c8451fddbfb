/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "modules/provider/judge.h"

#define S UINT64_C(1000000)

typedef struct Case {
        const char *error;
        unsigned status;
        uint64_t retry_after;
        bool special;
        unsigned told;
        bool again, elsewhere, counts;
        uint64_t cool;
} Case;

Test(provider_judge, each_failure) {
        static const Case cases[] = {
                { "connect", 0, 0, false, 502, true, true, true, 0 },
                { "cut", 200, 0, false, 502, true, true, true, 0 },
                { "error-event", 200, 0, false, 502, true, true, true, 0 },
                { "malformed", 200, 0, false, 502, false, true, true, 0 },
                { "timeout-connect", 0, 0, false, 504, false, true, true, 0 },
                { "timeout-first-byte", 0, 0, false, 504, false, true, true, 0 },
                { "timeout-idle", 200, 0, false, 504, false, true, true, 0 },
                { "unsupported", 0, 0, false, 400, false, true, false, 0 },
                { "http-500", 500, 0, false, 502, true, true, true, 0 },
                { "http-502", 502, 0, false, 502, true, true, true, 0 },
                { "http-504", 504, 0, false, 504, true, true, true, 0 },
                { "http-408", 408, 0, false, 504, true, true, true, 0 },
                { "http-503", 503, 0, false, 503, true, true, true, 0 },
                { "http-529", 529, 0, false, 503, true, true, true, 0 },
                { "http-503", 503, 3 * S, false, 503, true, true, true, 3 * S },
                { "http-503", 503, 60 * S, false, 503, false, true, true, 60 * S },
                { "http-429", 429, 0, false, 429, true, true, false, JUDGE_COOL_BUSY },
                { "http-429", 429, 5 * S, false, 429, true, true, false, 5 * S },
                { "http-429", 429, 6 * S, false, 429, false, true, false, 6 * S },
                { "http-429", 429, 86400 * S, false, 429, false, true, false, JUDGE_COOL_MAX },
                { "http-401", 401, 0, false, 502, false, true, false, JUDGE_COOL_REFUSED },
                { "http-403", 403, 0, false, 502, false, true, false, JUDGE_COOL_REFUSED },
                { "http-404", 404, 0, false, 404, false, true, false, JUDGE_COOL_REFUSED },
                { "http-400", 400, 0, false, 400, false, false, false, 0 },
                { "http-400", 400, 0, true, 400, false, true, false, 0 },
                { "http-413", 413, 0, false, 413, false, false, false, 0 },
                { "http-302", 302, 0, false, 502, false, true, true, 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const Case *c = cases + i;
                Verdict v = judge_failure(c->error, c->status, c->retry_after, c->special);

                cr_expect_eq(v.status, c->told, "%s: %u", c->error, v.status);
                cr_expect_eq(v.again, c->again, "%s: again", c->error);
                cr_expect_eq(v.elsewhere, c->elsewhere, "%s: elsewhere", c->error);
                cr_expect_eq(v.counts, c->counts, "%s: counts", c->error);
                cr_expect_eq(v.cool, c->cool, "%s: cool", c->error);
                cr_expect(!v.again || v.wait <= JUDGE_WAIT_MAX, "%s: wait", c->error);
        }
}
