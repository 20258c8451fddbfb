/* SPDX-License-Identifier: MIT */
#include "answers/answer.h"

#include <json-c/json_object_iterator.h>

#include "foundation/json-util.h"
#include "shared/log.h"

Answer answer_new(void) {
        json_object *json = json_object_new_object();

        return (Answer) { .json = json, .error = json ? 0 : -ENOMEM };
}

void answer_done(Answer *a) {
        json_object_put(a->json);
        a->json = NULL;
}

void answer_add(Answer *a, const char *key, json_object *value) {
        if (a->error < 0)
                json_object_put(value);
        else if (!json_add(a->json, key, value))
                a->error = -ENOMEM;
}

void answer_text(Answer *a, const char *key, const char *value) {
        answer_add(a, key, value ? json_object_new_string(value) : NULL);
}

void answer_number(Answer *a, const char *key, int64_t value) {
        answer_add(a, key, json_object_new_int64(value));
}

void answer_bool(Answer *a, const char *key, bool value) {
        answer_add(a, key, json_object_new_boolean(value));
}

void answer_object(Answer *a, const char *key, Answer *inner) {
        if (inner->error < 0 && a->error >= 0)
                a->error = inner->error;
        answer_add(a, key, inner->json);
        inner->json = NULL;
}

void answer_rows(Answer *a, const char *key, Ledger *l, const char *sql, const char *types, ...) {
        json_object *list = NULL;
        va_list ap;
        int r;

        if (a->error < 0)
                return;
        va_start(ap, types);
        r = ledger_rows_v(l, &list, sql, types, ap);
        va_end(ap);
        if (r < 0)
                a->error = r;
        else
                answer_add(a, key, list);
}

/* json-c has no way to move a field, but its values are counted. */
static void take_fields(Answer *a, json_object *row) {
        struct json_object_iterator i = json_object_iter_begin(row), end = json_object_iter_end(row);

        for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
                answer_add(a, json_object_iter_peek_name(&i), json_object_get(json_object_iter_peek_value(&i)));
        json_object_put(row);
}

void answer_row(Answer *a, const char *key, Ledger *l, const char *sql, const char *types, ...) {
        json_object *row = NULL;
        va_list ap;
        int r;

        if (a->error < 0)
                return;
        va_start(ap, types);
        r = ledger_row_v(l, &row, sql, types, ap);
        va_end(ap);
        if (r < 0 && r != -ENOENT)
                a->error = r;
        else if (row && key)
                answer_add(a, key, row);
        else if (row)
                take_fields(a, row);
}

int answer_send(HttpRequest *request, Answer *a) {
        answer_bool(a, "ok", true);
        if (a->error < 0)
                return log_errno(a->error, "Cannot answer from the ledger");
        return http_reply_json(request, 200, TAKE_PTR(a->json));
}
