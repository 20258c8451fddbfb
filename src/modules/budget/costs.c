/* SPDX-License-Identifier: MIT */

/* GET /api/v1/providers/costs: what was paid to whom, by provider, model and UTC day. */

#include "budget.h"

#include "basic/time-util.h"

#define DAYS_USUAL 30
#define DAYS_MAX 366
#define ROWS_MAX "1000"

/* A call of a model without a price cost nobody knows what, and counts as nothing: how many of them there are is said
 * beside. */
#define SUMS                                                                                                             \
        "coalesce(sum(cost), 0) AS \"cost:usd\", count(*) AS requests, coalesce(sum(price IS NULL), 0) AS unpriced,"     \
        " coalesce(sum(tokens_in), 0) AS tokensIn, coalesce(sum(tokens_out), 0) AS tokensOut,"                           \
        " coalesce(sum(tokens_cached), 0) AS tokensCached, " COST_PER_1K " AS \"costPer1kTokens:usd\""
#define SINCE " FROM attempt WHERE at >= ?1 AND " DONE

int get_costs(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;
        unsigned long days;
        int64_t since;
        Answer a;
        int r;

        if (query_number(request, "days", DAYS_USUAL, 1, DAYS_MAX, &days) < 0 || use_ledger(request, &budget->ledger) < 0)
                return 0;
        since = ((int64_t) now_realtime_usec() / USEC_PER_DAY - (int64_t) days + 1) * USEC_PER_DAY;
        a = answer_new();
        answer_number(&a, "days", (int64_t) days);
        answer_add(&a, "since", json_time((uint64_t) since));
        answer_row(&a, "total", budget->ledger, "SELECT " SUMS SINCE, "i", since);
        answer_rows(&a, "providers", budget->ledger,
                    "SELECT provider AS name, " SUMS SINCE " GROUP BY provider ORDER BY sum(cost) DESC, provider"
                    " LIMIT " ROWS_MAX,
                    "i", since);
        answer_rows(&a, "models", budget->ledger,
                    "SELECT provider, model, " SUMS SINCE " GROUP BY provider, model ORDER BY sum(cost) DESC, provider,"
                                                          " model"
                    " LIMIT " ROWS_MAX, "i", since);
        answer_rows(&a, "daily", budget->ledger,
                    "SELECT at / " DAY " AS \"day:date\", provider, sum(cost) AS \"cost:usd\", count(*) AS requests" SINCE
                    " GROUP BY 1, provider ORDER BY 1, provider", "i", since);
        answer_text(&a, "formula", "sums of the attempts that were sent and have ended since that UTC day began; an attempt"
                                   " without a"
                    " known price (unpriced) counts 0; costPer1kTokens = 1000 x cost / tokens in and out");
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}
