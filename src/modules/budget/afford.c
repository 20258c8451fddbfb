/* SPDX-License-Identifier: MIT */

/* POST /api/v1/budget/can-afford: whether a call that costs at most so much would be let through now. It reserves nothing,
 * so the answer may be another one by the time of the call. */

#include "budget.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/provider-file.h"

#define TOKENS_MAX INT64_C(1000000000)

typedef struct Question {
        const char *provider, *model, *key, *user;
        int64_t amount;
        bool priced;
        json_object *refusals;
} Question;

/* --- What it costs --- */

/* Today's price, from the provider's file. */
static int cost_of_tokens(Question *q, int64_t in, int64_t out) {
        const LedgerTokens tokens = { .in = in, .out = out, .reported = true };
        _cleanup_(freep) char *directory = NULL, *why = NULL;
        _cleanup_(provider_file_done) ProviderFile file = { .name = NULL };
        const ProviderModel *model;
        LedgerPrice price;
        int r;

        r = provider_directory(&directory);
        if (r >= 0)
                r = provider_file_read(directory, q->provider, &file, &why);
        if (r < 0)
                return r;
        model = provider_file_find_model(&file, q->model);
        if (!model)
                return -ENOENT;
        q->priced = model->price.known;
        if (!q->priced)
                return 0;
        price = (LedgerPrice) { .provider = q->provider, .model = q->model, .input = model->price.input,
                                .output = model->price.output, .cached = model->price.cached,
                                .cache_write = model->price.cache_write, .reasoning = model->price.reasoning };
        return ledger_cost(&price, &tokens, &q->amount);
}

static int refuse(HttpRequest *request, const char *field, const char *expected) {
        (void) http_reply_error(request, 400, "INVALID_FIELD", "%s: %s", field, expected);
        return -EBADMSG;
}

/* Of tokens, where no amount is given. */
static int read_tokens(HttpRequest *request, json_object *body, Question *q) {
        int64_t in, out;
        int r;

        q->amount = 0;
        if (!q->provider || !q->model)
                return refuse(request, "amount", "USD are expected, or provider, model and tokens");
        if (body_number(request, body, "inputTokens", 0, 0, TOKENS_MAX, &in) < 0 ||
            body_number(request, body, "outputTokens", 0, 0, TOKENS_MAX, &out) < 0)
                return -EBADMSG;
        r = cost_of_tokens(q, in, out);
        if (r == -ENOENT || r == -EBADMSG || r == -EINVAL)
                return refuse(request, "model", "one that the provider's file has is expected");
        if (r == -EOVERFLOW)
                return refuse(request, "inputTokens", "fewer are expected, for these cost more than can be counted");
        return r;
}

static int read_question(HttpRequest *request, json_object *body, Question *q) {
        if (body_name(request, body, "provider", false, &q->provider) < 0 ||
            body_name(request, body, "model", false, &q->model) < 0 || body_name(request, body, "key", false, &q->key) < 0 ||
            body_name(request, body, "user", false, &q->user) < 0 ||
                    body_usd(request, body, "amount", -1, 0, &q->amount) < 0)
                return -EBADMSG;
        q->priced = true;
        return q->amount < 0 ? read_tokens(request, body, q) : 0;
}

/* --- Who would object --- */

static bool falls_under(const Question *q, const LedgerLimit *limit) {
        const char *subject = streq(limit->scope, "key") ? q->key : streq(limit->scope, "user") ? q->user
                : streq(limit->scope, "provider") ? q->provider : "";

        return subject && streq(subject, limit->subject);
}

static int ask_limit(const LedgerLimit *limit, void *userdata) {
        Question *q = userdata;
        Answer one;

        if (limit->hard == 0 || !falls_under(q, limit) || limit->hard - limit->settled - limit->reserved >= q->amount)
                return 0;
        one = answer_new();
        add_limit(&one, limit);
        if (one.error >= 0 && json_object_array_add(q->refusals, one.json) >= 0)
                return 0;
        answer_done(&one);
        return -ENOMEM;
}

static int reply(HttpRequest *request, Question *q, int error) {
        Answer a = answer_new();
        int r;

        if (error < 0)
                a.error = error;
        answer_bool(&a, "canAfford", q->refusals && json_object_array_length(q->refusals) == 0);
        answer_add(&a, "amount", json_usd(q->amount));
        answer_bool(&a, "priced", q->priced);
        answer_add(&a, "refusedBy", TAKE_PTR(q->refusals));
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

int post_can_afford(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        Question q = { .amount = 0 };
        Budget *budget = userdata;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        r = read_question(request, body, &q);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (use_ledger(request, &budget->ledger) < 0)
                return 0;
        q.refusals = json_object_new_array();
        r = q.refusals ? ledger_limits(budget->ledger, now_realtime_usec(), ask_limit, &q) : -ENOMEM;
        return reply(request, &q, r);
}
