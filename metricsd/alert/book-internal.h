/* SPDX-License-Identifier: MIT */
#pragma once

#include "book.h"
#include "field.h"

/* Shared by the files of the book alone. */

/* --- book.c --- */

/* Stores the book as it is. */
int book_save(AlertBook *book, AlertTime now);
void book_drop_contents(AlertBook *book);
int book_append(void *array, size_t *n, size_t size, const void *element);
void book_remove_at(void *array, size_t *n, size_t size, size_t i);
/* Puts back what book_remove_at() has taken out: there is room for it. */
void book_put_back(void *array, size_t *n, size_t size, size_t i, const void *element);

/* --- book-log.c --- */

void book_log_done(AlertLog *log);
void book_log_trim(AlertLog *log, AlertTime now);
void book_efficacy_done(AlertEfficacy *e);
/* What is known of a rule's tries is no more. */
void book_forget_efficacy(AlertBook *book, const char *rule);

/* --- book-json.c --- */

/* The document of what is in the arrays; not all of it need be in the book already. NULL without memory. */
json_object *book_to_json(const AlertBook *book, AlertTime now);
/* Fills an empty book. -EBADMSG for a text that is not one JSON object, -EINVAL with *ret_problem saying what is wrong
 * with it; -ENOMEM. */
int book_from_json(AlertBook *book, const char *text, AlertTime now, char **ret_problem);
