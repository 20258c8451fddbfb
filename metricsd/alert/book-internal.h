/* SPDX-License-Identifier: MIT */
#pragma once

#include "book.h"
#include "field.h"

/* book-json.c, for book.c alone. */

/* The document of what is in the arrays; not all of it need be in the book already. NULL without memory. */
json_object *book_to_json(const AlertBook *book, AlertTime now);
/* Fills an empty book. -EBADMSG, *ret_problem saying what is wrong with the document; -ENOMEM. */
int book_from_json(AlertBook *book, json_object *document, AlertTime now, char **ret_problem);

void book_log_trim(AlertBook *book, AlertTime now);
void book_drop_contents(AlertBook *book);
int book_append(void *array, size_t *n, size_t size, const void *element);
