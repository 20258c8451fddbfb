/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"
#include "line.h"

/* Errors of services that have not been written down yet, those about the same thing as one. Bounded: a service that finds a
 * new way to fail with each line must not fill the memory, nor take the others' room. */
typedef struct JournalGroups JournalGroups;

#define JOURNAL_GROUPS_MAX ((size_t) 1024)
#define JOURNAL_GROUPS_SERVICE_MAX ((size_t) 128)
#define JOURNAL_GROUP_TEXT_MAX ((size_t) 500) /* of message and sample each; what is cut ends in "..." */

/* No string is NULL but message_id and code_func. */
typedef struct JournalGroup {
        char *service;
        uint64_t fingerprint;
        char *message;    /* masked */
        char *sample;     /* the newest as it was */
        char *message_id, *code_func;
        char *cursor;     /* of the newest */
        int priority;     /* of the newest */
        uint64_t count;
        uint64_t first, last; /* realtime usec */
        struct JournalGroup *next, *next_in_bucket;
} JournalGroup;

int journal_groups_new(JournalGroups **ret);
JournalGroups *journal_groups_free(JournalGroups *groups);
TL_DEFINE_CLEANUP(JournalGroups *, journal_groups_free)

/* 1 when it is of a new group, 0 when of one that is there. -ENOBUFS when there is no room for a new one. */
int journal_groups_add(JournalGroups *groups, const char *service, const JournalLine *line);

/* In the order in which they came. NULL for none. */
const JournalGroup *journal_groups_first(const JournalGroups *groups);
const JournalGroup *journal_groups_find(const JournalGroups *groups, const char *service, uint64_t fingerprint);

/* They were written down. */
void journal_groups_clear(JournalGroups *groups);
