/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stddef.h>

/* A list in metricsd's answers that is in order of time, newest first. */
typedef struct MergeList {
        const char *list; /* the name of the array */
        const char *time; /* the name of the date in each entry; in UTC, so that its text is in order of time */
        const char *id;   /* the name of the number that tells two entries apart; NULL where none comes twice */
} MergeList;

/* Puts n answers to one question about several services together in the first of them: the newest limit of all
 * entries, none twice, "total" so many, and "complete" as long as all of them are. -ENOMEM, with the first half
 * changed. */
int merge_answers(const MergeList *l, json_object *const *answers, size_t n, size_t limit);
