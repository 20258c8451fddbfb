/* SPDX-License-Identifier: MIT */

/* What provider is to prefer: /api/v1/providers/policy, /switch and /recommend. Wishes are settings in the ledger, where
 * provider reads them for each call; it goes by them among those that can take the call at all. */

#include "budget.h"

#include <inttypes.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "ledger/content.h"
#include "shared/provider-file.h"
#include "shared/strv.h"

#define CONCURRENCY_MAX 4096
#define LIMIT_USUAL 10
#define LIMIT_MAX 1000
#define DAYS_USUAL 7
#define DAYS_MAX 366
#define CALLS_LEAST 5

static const char *const criticalities[] = { "low", "normal", "high", NULL };

/* --- GET, POST /api/v1/providers/policy {maxConcurrency, criticality, storeContent} --- */

static int reply_policy(HttpRequest *request, Ledger *l) {
        _cleanup_(freep) char *concurrency = NULL, *criticality = NULL, *preferred = NULL, *store = NULL;
        Answer a = answer_new(), policy = answer_new();
        int r;

        r = ledger_setting(l, LEDGER_SETTING_MAX_CONCURRENCY, &concurrency);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_CRITICALITY, &criticality);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_PREFERRED, &preferred);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_STORE_CONTENT, &store);
        if (r < 0)
                policy.error = r;
        answer_add(&policy, "maxConcurrency", concurrency ? json_object_new_int64(strtoll(concurrency, NULL, 10)) : NULL);
        answer_text(&policy, "criticality", criticality ? criticality : "normal");
        answer_text(&policy, "preferredProvider", preferred);
        answer_add(&policy, "storeContent", json_object_new_int64(store ? strtoll(store, NULL, 10) : 0));
        answer_object(&a, "policy", &policy);
        answer_text(&a, "meaning", "maxConcurrency: calls of each provider at a time, where its own limit is not lower;"
                    " criticality: low weighs the price more, high leaves price out of the choice; preferredProvider: asked"
                    " first while it can take the call; storeContent: days for which prompts and answers are kept in a file"
                    " of their own, 0: not at all");
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

int get_policy(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;

        return use_ledger(request, &budget->ledger) < 0 ? 0 : reply_policy(request, budget->ledger);
}

/* 0 takes it away, -1 leaves it. */
static int set_number(Ledger *l, const char *name, int64_t n) {
        char text[32];

        (void) snprintf(text, sizeof(text), "%" PRIi64, n);
        return n < 0 ? 0 : ledger_set_setting(l, name, n > 0 ? text : NULL);
}

/* criticality: NULL leaves it. */
static int set_policy(Ledger *l, int64_t concurrency, const char *criticality, int64_t store) {
        int r;

        r = ledger_begin(l);
        if (r < 0)
                return r;
        r = set_number(l, LEDGER_SETTING_MAX_CONCURRENCY, concurrency);
        if (r >= 0)
                r = set_number(l, LEDGER_SETTING_STORE_CONTENT, store);
        if (r >= 0 && criticality)
                r = ledger_set_setting(l, LEDGER_SETTING_CRITICALITY, criticality);
        if (r >= 0)
                r = ledger_commit(l);
        if (r < 0)
                ledger_rollback(l);
        return r;
}

int post_policy(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        const char *criticality = NULL;
        bool has_concurrency, has_criticality, has_store;
        Budget *budget = userdata;
        int64_t concurrency = -1, store = -1;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        has_concurrency = json_object_object_get_ex(body, "maxConcurrency", NULL);
        has_criticality = json_object_object_get_ex(body, "criticality", NULL);
        has_store = json_object_object_get_ex(body, "storeContent", NULL);
        if (!has_concurrency && !has_criticality && !has_store)
                return http_reply_error(request, 400, "INVALID_FIELD", "maxConcurrency, criticality or storeContent is expected");
        if ((has_concurrency && body_number(request, body, "maxConcurrency", 0, 1, CONCURRENCY_MAX, &concurrency) < 0) ||
            (has_store && body_number(request, body, "storeContent", 0, 0, CONTENT_DAYS_MAX, &store) < 0) ||
            (has_criticality && body_word(request, body, "criticality", "normal", criticalities, &criticality) < 0) ||
            use_ledger(request, &budget->ledger) < 0)
                return 0;
        r = set_policy(budget->ledger, concurrency, criticality, store);
        if (r < 0)
                return r;
        budget_changed(budget);
        return reply_policy(request, budget->ledger);
}

/* --- Who could take a call --- */

/* NULL when it can, else why not. */
static int why_not(Ledger *l, const char *directory, const char *name, const char *model, const char **ret) {
        _cleanup_(provider_file_done) ProviderFile file = { .name = NULL };
        _cleanup_(freep) char *why = NULL;
        bool exhausted = false;
        int r;

        *ret = NULL;
        r = provider_file_read(directory, name, &file, &why);
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT)
                *ret = "there is no such provider any more";
        else if (r < 0)
                *ret = "its file is not valid";
        else if (!file.enabled)
                *ret = "it is disabled";
        else if (model && !provider_file_find_model(&file, model))
                *ret = "the provider has no such model any more";
        if (*ret)
                return 0;
        r = ledger_provider_exhausted(l, name, 1, now_realtime_usec(), &exhausted);
        if (r >= 0 && exhausted)
                *ret = "its budget, or the total one, is used up";
        return r;
}

/* --- GET /api/v1/providers/recommend?days&limit --- */

#define SCORES                                                                                                           \
        "WITH figure AS (SELECT provider, model, count(*) AS calls, sum(" SUCCEEDED ") AS successes,"                    \
        " sum(" JUDGED ") AS judged, avg(CASE WHEN " SUCCEEDED " THEN total END) AS latency, " COST_PER_1K " AS per1k,"  \
        " sum(price IS NOT NULL) = count(*) AS priced FROM attempt WHERE at >= ?1 AND " DONE                             \
        " GROUP BY provider, model), part AS (SELECT *, coalesce(max(0, 100 - latency / 10000.0), 0) AS speed,"          \
        " 100.0 * successes / judged AS success, max(0, 100 - 10 * coalesce(per1k, 0) / 1e9) AS thrift"                  \
        " FROM figure WHERE judged >= ?2)"                                                                               \
        " SELECT provider, model, 0.4 * speed + 0.4 * success + 0.2 * thrift AS \"score:number\","                       \
        " speed AS \"latencyScore:number\", success AS \"successScore:number\", thrift AS \"costScore:number\","         \
        " latency AS \"avgLatency:ms\", 1.0 * successes / judged AS \"successRate:number\","                             \
        " per1k AS \"costPer1kTokens:usd\", priced AS \"priced:bool\", calls AS requests"                                \
        " FROM part ORDER BY 3 DESC, provider, model"

static const char score_formula[] =
        "score = 0.4 x max(0, 100 - avgLatency / 10) + 0.4 x 100 x successRate + 0.2 x max(0, 100 - 10 x costPer1kTokens);"
        " models with"
        " fewer than 5 calls that tell are left out";

/* The candidates go into one list, the others with their reason into the other. */
static int sort_out(Ledger *l, sqlite3_stmt *s, json_object *good, json_object *out) {
        _cleanup_(freep) char *directory = NULL;
        int r = provider_directory(&directory);

        while (r >= 0 && (r = ledger_next(s)) > 0) {
                json_object *row = row_to_json(s);
                const char *why;

                r = row ? why_not(l, directory, json_object_get_string(json_object_object_get(row, "provider")),
                                  json_object_get_string(json_object_object_get(row, "model")), &why) : -ENOMEM;
                if (r >= 0 && ((why && !json_add(row, "reason", json_object_new_string(why))) ||
                               json_object_array_add(why ? out : good, row) < 0))
                        r = -ENOMEM;
                if (r < 0)
                        json_object_put(row);
        }
        return r;
}

static int candidates(Ledger *l, unsigned long days, json_object *good, json_object *out) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int64_t since = (int64_t) now_realtime_usec() - (int64_t) days * USEC_PER_DAY;
        int r;

        r = good && out ? ledger_ask(l, &s, SCORES, "ii", since, (int64_t) CALLS_LEAST) : -ENOMEM;
        return r < 0 ? r : sort_out(l, s, good, out);
}

static void cut(json_object *list, unsigned long limit) {
        size_t n = json_object_array_length(list);

        if (n > limit)
                (void) json_object_array_del_idx(list, limit, n - limit);
}

int get_recommend(HttpRequest *request, void *userdata) {
        json_object *good, *out;
        unsigned long days, limit;
        Budget *budget = userdata;
        Answer a;
        int r;

        if (query_number(request, "days", DAYS_USUAL, 1, DAYS_MAX, &days) < 0 ||
            query_number(request, "limit", LIMIT_USUAL, 1, LIMIT_MAX, &limit) < 0 ||
                    use_ledger(request, &budget->ledger) < 0)
                return 0;
        good = json_object_new_array();
        out = json_object_new_array();
        a = answer_new();
        r = candidates(budget->ledger, days, good, out);
        if (r < 0)
                a.error = r;
        else {
                cut(good, limit);
                cut(out, limit);
                answer_add(&a, "recommendation", json_object_get(json_object_array_get_idx(good, 0)));
                if (json_object_array_length(good) == 0)
                        answer_text(&a, "hint", "no provider that could be called has 5 calls in that time");
        }
        answer_add(&a, "candidates", good);
        answer_add(&a, "leftOut", out);
        answer_number(&a, "days", (int64_t) days);
        answer_text(&a, "formula", score_formula);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

/* --- POST /api/v1/providers/switch {provider} --- */

/* The best that is not the one that is preferred already. *ret is NULL where there is none. */
static int choose_other(Ledger *l, const char *now, char **ret) {
        _cleanup_(json_object_putp) json_object *good = json_object_new_array(), *out = json_object_new_array();
        int r = candidates(l, DAYS_USUAL, good, out);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(good); i++) {
                const char *name = json_object_get_string(json_object_object_get(json_object_array_get_idx(good, i),
                                                                                 "provider"));

                if (now && streq(now, name))
                        continue;
                *ret = strdup(name);
                return *ret ? 0 : -ENOMEM;
        }
        return r;
}

static int reply_switched(HttpRequest *request, const char *provider, const char *previous) {
        Answer a = answer_new();
        int r;

        answer_text(&a, "provider", provider);
        answer_text(&a, "previous", previous);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

/* 0 when it can be preferred, 1 when the request has its answer. */
static int check_choice(HttpRequest *request, Ledger *l, const char *name) {
        _cleanup_(strv_freep) char **names = NULL;
        _cleanup_(freep) char *directory = NULL, *list = NULL;
        const char *why;
        int r;

        r = provider_directory(&directory);
        if (r >= 0)
                r = provider_names(directory, &names);
        if (r < 0)
                return r;
        if (!strv_contains(names, name)) {
                list = strv_join(names, ", ");
                if (!list)
                        return -ENOMEM;
                (void) http_reply_error(request, 404, "UNKNOWN_PROVIDER", "provider: there is no %s; %s%s", name,
                                        *list ? "there are: " : "'toolooctl provider add' makes one", list);
                return 1;
        }
        r = why_not(l, directory, name, NULL, &why);
        if (r < 0 || !why)
                return r;
        (void) http_reply_error(request, 409, "PROVIDER_UNAVAILABLE", "%s cannot be switched to: %s", name, why);
        return 1;
}

static int switch_to(HttpRequest *request, Budget *budget, const char *name, const char *previous) {
        int r = name ? check_choice(request, budget->ledger, name) : 0;

        if (r != 0)
                return MIN(r, 0);
        r = ledger_set_setting(budget->ledger, LEDGER_SETTING_PREFERRED, name);
        if (r < 0)
                return r;
        budget_changed(budget);
        return reply_switched(request, name, previous);
}

/* null takes the preference away; without the field the best other one is taken. */
int post_switch(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(freep) char *previous = NULL, *other = NULL;
        Budget *budget = userdata;
        const char *name;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (body_name(request, body, "provider", false, &name) < 0 || use_ledger(request, &budget->ledger) < 0)
                return 0;
        r = ledger_setting(budget->ledger, LEDGER_SETTING_PREFERRED, &previous);
        if (r >= 0 && !json_object_object_get_ex(body, "provider", NULL)) {
                r = choose_other(budget->ledger, previous, &other);
                if (r >= 0 && !other)
                        return http_reply_error(request, 409, "NO_ALTERNATIVE",
                                                "there is no other provider with 5 calls in 7 days; name one in"
                                                " \"provider\"");
                name = other;
        }
        return r < 0 ? r : switch_to(request, budget, name, previous);
}
