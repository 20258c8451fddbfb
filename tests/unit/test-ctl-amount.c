/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "ctl/gateway/amount.h"
#include "ledger/ledger.h"

Test(amount, parse) {
        static const struct {
                const char *text, *window;
                int64_t nano_usd;
                int r;
        } cases[] = {
                { "5/day", "day", 5000000000, 0 },
                { "0.10/minute", "minute", 100000000, 0 },
                { "1e2/month", "month", 100000000000, 0 },
                { "0.000000001/day", "day", 1, 0 },
                { "2305843009.213693951/day", "day", LEDGER_MONEY_MAX, 0 },
                { "none/month", "month", 0, 0 },
                { "2305843009.213693952/day", NULL, -1, -ERANGE },
                { "0/day", NULL, -1, -ERANGE },
                { "0.0000000005/day", NULL, -1, -ERANGE }, /* which would round to one */
                { "0.0000000015/day", NULL, -1, -ERANGE },
                { "-1/day", NULL, -1, -ERANGE },
                { "5", NULL, -1, -EINVAL },
                { "5/", NULL, -1, -EINVAL },
                { "/day", NULL, -1, -EINVAL },
                { "5/hour", NULL, -1, -EINVAL },
                { "5/Day", NULL, -1, -EINVAL },
                { "5 USD/day", NULL, -1, -EINVAL },
                { "5/day/day", NULL, -1, -EINVAL },
                { "", NULL, -1, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Amount a = { .nano_usd = -1 };

                cr_expect_eq(amount_parse(cases[i].text, &a), cases[i].r, "'%s'", cases[i].text);
                cr_expect_eq(a.nano_usd, cases[i].nano_usd, "'%s': %" PRId64, cases[i].text, a.nano_usd);
                cr_expect(cases[i].window ? a.window && streq(a.window, cases[i].window) : !a.window, "'%s'", cases[i].text);
        }
}

#define N16 "nnnnnnnnnnnnnnnn"
#define N128 N16 N16 N16 N16 N16 N16 N16 N16

Test(amount, limit) {
        static const struct {
                const char *text, *scope, *subject;
                int r;
        } cases[] = {
                { "total=100/month", "total", "", 0 },
                { "key:laptop=5/day", "key", "laptop", 0 },
                { "user:a=b:c=5/day", "user", "a=b:c", 0 },
                { "provider:mini=none/minute", "provider", "mini", 0 },
                { "user:" N128 "=1/day", "user", N128, 0 },
                { "user:" N128 "n=1/day", NULL, NULL, -EINVAL },
                { "total:x=1/day", NULL, NULL, -EINVAL },
                { "key=1/day", NULL, NULL, -EINVAL },
                { "key:=1/day", NULL, NULL, -EINVAL },
                { "all=1/day", NULL, NULL, -EINVAL },
                { "1/day", NULL, NULL, -EINVAL },
                { "total=0/day", NULL, NULL, -ERANGE },
                { "", NULL, NULL, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = strdup(cases[i].text);
                LimitText limit = {};

                cr_expect_eq(limit_parse(text, &limit), cases[i].r, "'%s'", cases[i].text);
                if (!cases[i].scope) {
                        cr_expect_null(limit.scope, "'%s'", cases[i].text);
                        continue;
                }
                cr_assert_not_null(limit.scope, "'%s'", cases[i].text);
                cr_expect_str_eq(limit.scope, cases[i].scope);
                cr_expect_str_eq(limit.subject, cases[i].subject);
        }
}
