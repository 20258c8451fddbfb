/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/string-util.h"

#define COST_PLACES 9

int answer_new(unsigned status, const char *content_type, char *body, size_t size, Answer **ret) {
        Answer *a = calloc(1, sizeof(Answer));

        if (!a) {
                free(body);
                return -ENOMEM;
        }
        *a = (Answer) { .n_ref = 1, .status = status, .content_type = content_type, .body = body, .size = size };
        *ret = a;
        return 0;
}

static int error_body(WireFormat api, unsigned status, const char *type, const char *code, const char *message, char **ret,
                      size_t *ret_size) {
        json_object *json = wire_error(api, status, type, code, message);
        const char *text;
        char *body = NULL;

        if (!json)
                return -ENOMEM;
        text = json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_size);
        if (text)
                body = strdup(text);
        json_object_put(json);
        if (!body)
                return -ENOMEM;
        *ret = body;
        return 0;
}

int answer_error(WireFormat api, unsigned status, const char *type, const char *code, Answer **ret, const char *format,
                 ...) {
        _cleanup_(freep) char *message = NULL;
        char *body = NULL;
        size_t size = 0;
        va_list ap;
        int r;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        r = message ? error_body(api, status, type, code, message, &body, &size) : -ENOMEM;
        return r < 0 ? r : answer_new(status, wire_content_type(api, false), body, size, ret);
}

Answer *answer_ref(Answer *a) {
        a->n_ref++;
        return a;
}

Answer *answer_unref(Answer *a) {
        if (!a || --a->n_ref > 0)
                return NULL;
        free(a->body);
        free(a->provider);
        free(a->model);
        free(a);
        return NULL;
}

int answer_set_origin(Answer *a, const char *provider, const char *model) {
        int r = str_replace(&a->provider, provider);

        return r < 0 ? r : str_replace(&a->model, model);
}

int answer_add_headers(HttpRequest *request, const char *provider, const char *model, const char *cache) {
        int r = 0;

        if (provider)
                r = http_reply_header(request, "X-Tooloo-Provider", provider);
        if (r >= 0 && model)
                r = http_reply_header(request, "X-Tooloo-Model", model);
        if (r >= 0 && cache)
                r = http_reply_header(request, "X-Tooloo-Cache", cache);
        return r;
}

static int add_numbers(const Answer *a, HttpRequest *request, bool free_of_charge) {
        char text[DECIMAL_MAX];
        int r = 0;

        if (a->priced || free_of_charge)
                r = http_reply_header(request, "X-Tooloo-Cost",
                                      format_decimal(text, free_of_charge ? 0 : a->cost, COST_PLACES));
        if (r >= 0 && a->retry_after > 0) {
                (void) snprintf(text, sizeof(text), "%" PRIu64, (a->retry_after + USEC_PER_SEC - 1) / USEC_PER_SEC);
                r = http_reply_header(request, "Retry-After", text);
        }
        return r;
}

int answer_send(const Answer *a, HttpRequest *request, const char *cache) {
        bool again = cache && (streq(cache, "hit") || streq(cache, "joined"));
        int r;

        r = answer_add_headers(request, a->provider, a->model, cache && streq(cache, "none") ? NULL : cache);
        if (r >= 0)
                (void) add_numbers(a, request, again && a->status < 400);
        /* Without its headers the answer is still one. */
        return http_reply(request, a->status, a->content_type, a->body, a->size);
}
