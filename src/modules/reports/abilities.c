/* SPDX-License-Identifier: MIT */
#include "kinds.h"

/* GET /api/v1/reports/capabilities: what providers and their models have shown that they can do, in calls of the period. */

static json_object *model_to_json(const Part *part) {
        json_object *json = json_object_new_object();
        const Figures *f = &part->figures;

        put_text(json, "provider", part->provider);
        put_text(json, "model", part->model);
        put(json, "calls", json_object_new_uint64(figures_calls(f)));
        put(json, "streamedCalls", json_object_new_uint64(f->streams));
        put(json, "callsWithUsage", json_object_new_uint64(f->reported));
        put(json, "promptCache", json_object_new_boolean(f->tokens_cached > 0));
        put(json, "cachedTokens", json_object_new_uint64(f->tokens_cached));
        put(json, "reasoning", json_object_new_boolean(f->tokens_reasoning > 0));
        put(json, "reasoningTokens", json_object_new_uint64(f->tokens_reasoning));
        put(json, "unsupportedCalls", json_object_new_uint64(f->errors[ERROR_UNSUPPORTED]));
        put(json, "priced", json_object_new_boolean(f->priced > 0));
        put(json, "successRate", number_share(figures_success_rate(f)));
        put(json, "avgTimeToFirstByte", number_ms(figures_ttft_ms(f)));
        return json;
}

int make_abilities(const Question *q, Answer *ret) {
        _cleanup_(sum_done) Sum sum = SUM_INIT;
        int r;

        r = sum_calls(q, &q->window, true, &sum);
        if (r < 0)
                return r;
        ret->json = json_object_new_object();
        ret->rows = json_object_new_array();
        for (size_t i = 0; i < sum.n; i++)
                push(ret->rows, model_to_json(sum.parts + i));
        put(ret->json, "capabilities", json_object_get(ret->rows));
        put_text(ret->json, "basis", "what calls of this period have shown: promptCache and reasoning say that tokens of "
                                     "that kind were reported, unsupportedCalls that it could not do what was asked");
        put(ret->json, "window", window_to_json(&q->window));
        put_hint(ret->json, q, &sum);
        return 0;
}
