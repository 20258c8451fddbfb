/* SPDX-License-Identifier: MIT */
#pragma once

/* All figures come from the ledger's requests, attempts and events, by SQL. A user is request.user or event.user; requests
 * without one count in totals alone. Days are UTC's and counted from 1970, weeks begin on Monday. A user is active on a day
 * with a request or an event (a badge, which is given to a user, is none of these). */

#include "answers/answer.h"
#include "answers/input.h"
#include "host/module-abi.h"

typedef struct Analytics {
        Service *service;
        Ledger *ledger; /* NULL until the first request */
} Analytics;

#define DAY "86400000000"
/* A request that its client gave up (499) says nothing of how it would have gone. */
#define SUCCEEDED "(status BETWEEN 200 AND 299)"
#define SUCCESS_RATE "1.0 * sum(" SUCCEEDED ") / nullif(sum(status IS NOT NULL AND status <> 499), 0)"
#define SUCCESS_FORMULA \
        "successRate = requests answered with 2xx / requests that ended, without those that the client gave up"

#define ACTIVITY \
        "activity AS (SELECT user, at / " DAY " AS day, session, 1 AS call FROM request WHERE user IS NOT NULL" \
        " UNION ALL SELECT user, at / " DAY ", NULL, 0 FROM event WHERE user IS NOT NULL AND kind <> 'badge')"

int64_t day_of_today(void);

/* What the handlers are made of; each adds its fields to an answer. */
void add_user_metrics(Answer *a, Ledger *l, const char *user);
/* engagement: null for a user that nothing is known of, who then gets a hint. */
void add_engagement(Answer *a, Ledger *l, const char *user);
void add_streak(Answer *a, Ledger *l, const char *user);
void add_hint_if_unknown(Answer *a, Ledger *l, const char *user);
void add_top_performers(Answer *a, Ledger *l, unsigned long limit);
void add_global(Answer *a, Ledger *l);
/* metric: one of trend_metrics. */
extern const char *const trend_metrics[];
void add_trend(Answer *a, Ledger *l, const char *user, const char *metric, unsigned long days);
void add_retention(Answer *a, Ledger *l, unsigned long weeks);
void add_badges(Answer *a, Ledger *l, const char *user);
void add_badge_leaderboard(Answer *a, Ledger *l, unsigned long limit);

/* Handlers that are more than these. */
int post_award(HttpRequest *request, void *userdata);
