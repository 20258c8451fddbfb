/* SPDX-License-Identifier: MIT */
#include "answers/input.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/string-util.h"
#include "shared/log.h"

/* --- The ledger --- */

int open_unit_ledger(Ledger **ret) {
        _cleanup_(freep) char *directory = ledger_directory_of_unit();

        return directory ? ledger_open(directory, LEDGER_WRITE, ret) : -ENOENT;
}

int use_ledger(HttpRequest *request, Ledger **ledger) {
        int r;

        if (*ledger)
                return 0;
        r = open_unit_ledger(ledger);
        if (r >= 0)
                return 0;
        log_errno(r, "Cannot open the ledger");
        (void) http_reply_error(request, 503, "STORAGE_FAILED", "the ledger cannot be opened: %s", strerror(-r));
        return -EIO;
}

/* --- Checks --- */

/* What is no UTF-8 could not be said again in JSON. */
static bool name_valid(const char *s) {
        char clean[LEDGER_NAME_MAX + 1];
        size_t n = 0;

        while ((unsigned char) s[n] >= ' ' && s[n] != 0x7f)
                n++;
        if (n == 0 || n > LEDGER_NAME_MAX || s[n] != '\0')
                return false;
        memcpy(clean, s, n + 1);
        utf8_clean(clean, n);
        return streq(clean, s);
}

static int refuse_name(HttpRequest *request, const char *code, const char *name) {
        (void) http_reply_error(request, 400, code, "%s: a text of 1 to %d bytes without control characters is expected",
                                name,
                                LEDGER_NAME_MAX);
        return -EBADMSG;
}

static bool is_word(const char *s, const char *const *words) {
        while (*words && !streq(s, *words))
                words++;
        return *words;
}

static int refuse_word(HttpRequest *request, const char *code, const char *name, const char *const *words) {
        char list[256];
        size_t n = 0;

        for (size_t i = 0; words[i] && n < sizeof(list); i++)
                n += (size_t) snprintf(list + n, sizeof(list) - n, "%s%s", i == 0 ? "" : words[i + 1] ? ", "
                                       : " or ", words[i]);
        (void) http_reply_error(request, 400, code, "%s: %s is expected", name, list);
        return -EBADMSG;
}

/* --- The query --- */

int query_number(HttpRequest *request, const char *name, unsigned long usual, unsigned long min, unsigned long max,
                 unsigned long *ret) {
        const char *s = http_request_query(request, name);

        if (!s) {
                *ret = usual;
                return 0;
        }
        if (parse_uint(s, min, max, ret) >= 0)
                return 0;
        (void) http_reply_error(request, 400, "INVALID_QUERY", "%s: a whole number in %lu..%lu is expected", name, min, max);
        return -EBADMSG;
}

int query_word(HttpRequest *request, const char *name, const char *usual, const char *const *words, const char **ret) {
        const char *s = http_request_query(request, name);

        if (s && !is_word(s, words))
                return refuse_word(request, "INVALID_QUERY", name, words);
        *ret = s ? s : usual;
        return 0;
}

int query_name(HttpRequest *request, const char *name, const char *usual, const char **ret) {
        const char *s = http_request_query(request, name);

        if (s && !name_valid(s))
                return refuse_name(request, "INVALID_QUERY", name);
        *ret = s ? s : usual;
        return 0;
}

int param_name(HttpRequest *request, const char *name, const char **ret) {
        const char *s = http_request_param(request, name);

        if (!s || !name_valid(s))
                return refuse_name(request, "INVALID_PARAMETER", name);
        *ret = s;
        return 0;
}

/* --- The body --- */

static json_object *field_of(json_object *body, const char *name) {
        json_object *field;

        return json_object_object_get_ex(body, name, &field) ? field : NULL;
}

/* NULL for what is no text, or one with a NUL in it. */
static const char *text_of(json_object *field) {
        const char *s;

        if (!json_object_is_type(field, json_type_string))
                return NULL;
        s = json_object_get_string(field);
        return strlen(s) == (size_t) json_object_get_string_len(field) ? s : NULL;
}

int body_name(HttpRequest *request, json_object *body, const char *name, bool needed, const char **ret) {
        json_object *field = field_of(body, name);
        const char *s = field ? text_of(field) : NULL;

        if (field ? !s || !name_valid(s) : needed)
                return refuse_name(request, "INVALID_FIELD", name);
        *ret = s;
        return 0;
}

int body_text(HttpRequest *request, json_object *body, const char *name, bool needed, size_t max, const char **ret) {
        json_object *field = field_of(body, name);
        const char *s = field ? text_of(field) : NULL;

        if (field ? !s || !*s || strlen(s) > max : needed) {
                (void) http_reply_error(request, 400, "INVALID_FIELD", "%s: a text of 1 to %zu bytes is expected", name,
                                        max);
                return -EBADMSG;
        }
        *ret = s;
        return 0;
}

int body_word(HttpRequest *request, json_object *body, const char *name, const char *usual, const char *const *words,
              const char **ret) {
        json_object *field = field_of(body, name);
        const char *s = field ? text_of(field) : usual;

        if (!s || !is_word(s, words))
                return refuse_word(request, "INVALID_FIELD", name, words);
        *ret = s;
        return 0;
}

/* json-c cuts a whole number that is too large off at INT64_MAX. */
int body_number(HttpRequest *request, json_object *body, const char *name, int64_t usual, int64_t min, int64_t max,
                int64_t *ret) {
        json_object *field = field_of(body, name);
        int64_t n = field ? json_object_get_int64(field) : usual;

        if (field && (!json_object_is_type(field, json_type_int) || n < min || n > max)) {
                (void) http_reply_error(request, 400, "INVALID_FIELD",
                                        "%s: a whole number in %" PRIi64 "..%" PRIi64 " is expected", name, min, max);
                return -EBADMSG;
        }
        *ret = n;
        return 0;
}

/* json-c keeps a number's text, in which every nano is. */
int body_usd(HttpRequest *request, json_object *body, const char *name, int64_t usual, int64_t min, int64_t *ret) {
        json_object *field = field_of(body, name);
        int64_t nano = usual;
        bool good = true;

        if (field)
                good = (json_object_is_type(field, json_type_int) || json_object_is_type(field, json_type_double)) &&
                        parse_decimal(json_object_get_string(field), 9, USD_MAX * INT64_C(1000000000), &nano) >= 0 &&
                                nano >= min;
        if (!good) {
                (void) http_reply_error(request, 400, "INVALID_FIELD", "%s: USD in %s..%" PRIi64 " are expected", name,
                                        min > 0 ? "0.000000001" : "0", USD_MAX);
                return -EBADMSG;
        }
        *ret = nano;
        return 0;
}
