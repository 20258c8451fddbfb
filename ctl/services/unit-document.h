/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "basic/macro.h"

/* A unit file that is changed and otherwise left as its owner wrote it: comments, order and unknown settings stay. */
typedef struct UnitDocument {
        char **lines; /* without their newlines; NULL for none */
} UnitDocument;

void unit_document_done(UnitDocument *d);

#define UNIT_DOCUMENT_LINES_MAX 4000

/* Takes text over line by line; *ret is all zero before. -E2BIG for more lines than that, -ENOMEM. */
int unit_document_parse(const char *text, UnitDocument *ret);

/* The whole text; NULL without memory. The caller frees. */
char *unit_document_format(const UnitDocument *d);

/* Gives key of a section these values, one line each, in place of all that it had; NULL or none takes it out. A key that is
 * new comes at the end of its section, below its comment ("" for none), and a new section at the end of the file. A comment
 * that was written so goes with its key. -ENOMEM leaves it as it was. */
int unit_document_set(UnitDocument *d, const char *section, const char *key, char *const *values, const char *comment);

/* The same for the lines of key whose value match says is meant, the others stay. */
typedef int (*unit_document_match_t)(const char *value, void *userdata);
int unit_document_set_some(UnitDocument *d, const char *section, const char *key, char *const *values,
                           const char *comment, unit_document_match_t match, void *userdata);

/* Appends the values that key has, in the order of their lines, a continued line as one. -ENOMEM. */
int unit_document_get(const UnitDocument *d, const char *section, const char *key, char ***values);
