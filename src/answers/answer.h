/* SPDX-License-Identifier: MIT */
#pragma once

/* A JSON object that is made piece by piece. The first error stays, what follows it does nothing, and who sends it is
 * told. */

#include "answers/rows.h"
#include "foundation/http.h"

typedef struct Answer {
        json_object *json;
        int error;
} Answer;

Answer answer_new(void);
void answer_done(Answer *a);

/* Takes over value; NULL is null. */
void answer_add(Answer *a, const char *key, json_object *value);
void answer_text(Answer *a, const char *key, const char *value);
void answer_number(Answer *a, const char *key, int64_t value);
void answer_bool(Answer *a, const char *key, bool value);
/* Takes over inner, with its error. */
void answer_object(Answer *a, const char *key, Answer *inner);
/* What SQL gives, see rows.h. */
void answer_rows(Answer *a, const char *key, Ledger *l, const char *sql, const char *types, ...);
/* The first row: an object of that name; with NULL its columns become a's own. Nothing is added where there is none. */
void answer_row(Answer *a, const char *key, Ledger *l, const char *sql, const char *types, ...);

/* Replies 200 with ok:true and what is in it, and empties it. Its error where it has one: the server says 500. */
int answer_send(HttpRequest *request, Answer *a);
