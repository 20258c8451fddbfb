/* SPDX-License-Identifier: MIT */
#pragma once

/* What a request asks for, checked. Each answers 400 itself, naming the field and what was expected, and gives -EBADMSG
 * then: the handler returns 0. */

#include "foundation/http.h"
#include "ledger/ledger.h"

/* The ledger of the unit, opened (and made) by the first request that needs it, so that a trial of a module touches
 * nothing. After -EIO the request has its answer, 503. */
int use_ledger(HttpRequest *request, Ledger **ledger);
/* The same where there is no request. */
int open_unit_ledger(Ledger **ret);

/* --- The query. `usual` when it has none. --- */
int query_number(HttpRequest *request, const char *name, unsigned long usual, unsigned long min, unsigned long max,
                 unsigned long *ret);
/* One of the words, of which the last is NULL. */
int query_word(HttpRequest *request, const char *name, const char *usual, const char *const *words, const char **ret);
/* The name of a user, a key, a provider: what it says at most LEDGER_NAME_MAX bytes long, without control characters. */
int query_name(HttpRequest *request, const char *name, const char *usual, const char **ret);
/* The same for a parameter of the path. */
int param_name(HttpRequest *request, const char *name, const char **ret);

/* --- The body. Missing and null are the same: `usual`, or a 400 where that is NULL and the field is needed. --- */
int body_name(HttpRequest *request, json_object *body, const char *name, bool needed, const char **ret);
int body_text(HttpRequest *request, json_object *body, const char *name, bool needed, size_t max, const char **ret);
int body_word(HttpRequest *request, json_object *body, const char *name, const char *usual, const char *const *words,
              const char **ret);
int body_number(HttpRequest *request, json_object *body, const char *name, int64_t usual, int64_t min, int64_t max,
                int64_t *ret);
/* USD, rounded to the nano; `usual` is nano-USD. At least `min` nano, at most USD_MAX. */
#define USD_MAX INT64_C(1000000000)
int body_usd(HttpRequest *request, json_object *body, const char *name, int64_t usual, int64_t min, int64_t *ret);
