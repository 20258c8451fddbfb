/* SPDX-License-Identifier: MIT */
#include "collectors-http.h"

#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "manager.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

static json_object *last_success(const Account *a) {
        char text[ISO8601_MAX];

        return a->last_success > 0 ? json_object_new_string(format_iso8601(text, a->last_success)) : NULL;
}

static json_object *account_json(const Account *a) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (json && json_add(json, "name", json_object_new_string(a->name)) &&
            json_add(json, "ok", json_object_new_boolean(account_is_ok(a))) &&
            json_add(json, "error", account_is_ok(a) ? NULL : json_object_new_string(a->error)) &&
            json_add(json, "runs", json_object_new_uint64(a->runs)) &&
            json_add(json, "failures", json_object_new_uint64(a->failures)) &&
            json_add(json, "cpuMs", json_rounded((double) a->cpu / (double) (USEC_PER_MSEC * NSEC_PER_USEC))) &&
            json_add(json, "lastSuccess", last_success(a)))
                return TAKE_PTR(json);
        return NULL;
}

static json_object *accounts_json(const Manager *m) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();
        const Account *account;

        for (size_t i = 0; array && (account = manager_account(m, i)); i++) {
                json_object *json = account_json(account);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static json_object *history_json(Manager *m) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        const char *problem = history_problem(m->history);
        const HistoryFigures *f = manager_figures(m);
        double each = f && f->samples > 0 ? (double) f->blob_bytes / (double) f->samples : -1;

        if (json && json_add(json, "ok", json_object_new_boolean(!problem)) &&
            json_add(json, "problem", problem ? json_object_new_string(problem) : NULL) &&
            json_add(json, "fileBytes", f ? json_object_new_uint64(f->file_bytes) : NULL) &&
            json_add(json, "samples", f ? json_object_new_uint64(f->samples) : NULL) &&
            json_add(json, "bytesPerSample", each < 0 ? NULL : json_rounded(each)))
                return TAKE_PTR(json);
        return NULL;
}

static json_object *self_json(const Self *self) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        double ratio = self_cpu_ratio(self);
        uint64_t memory = self_memory(self);

        if (json && json_add(json, "cpuPercent", ratio < 0 ? NULL : json_rounded(ratio * 100)) &&
            json_add(json, "memory", memory == UINT64_MAX ? NULL : json_object_new_uint64(memory)))
                return TAKE_PTR(json);
        return NULL;
}

int collectors_http_get(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        Manager *m = state;

        if (!json || !json_add(json, "collectors", accounts_json(m)) || !json_add(json, "history", history_json(m)) ||
            !json_add(json, "self", self_json(&m->self)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(json));
}
