/* SPDX-License-Identifier: MIT */
#pragma once

#include "collector.h"
#include "journal-collector.h"
#include "journal/losses.h"
#include "journal/reader.h"
#include "manager.h"

/* Shared by journal-collector.c and journal-keep.c alone. */

struct JournalCollector {
        Manager *manager;
        Account *account;
        JournalReader *reader; /* NULL until the fleet is known, for lines of services that nobody knows count for nothing */
        JournalGroups *groups;
        JournalLosses losses;
        uint64_t held; /* since when (monotonic) the list of services has not been the newest; 0 while it is */
        bool has_place; /* the history knows from where to read on, or is to be told with the next tick */
        journal_event_t event;
        void *userdata;
        /* The service of the line before, which is mostly that of the next. */
        char last_unit[64];
        Watched *last;
};

/* Lines of all services are missing. */
void journal_lose(JournalCollector *c, const char *why, uint64_t at);

/* From where to read on, with what is known of losses before; NULL for a first start. The caller frees. */
char *journal_load_place(JournalCollector *c);
/* Before the first line is read: a first start begins with what comes after it, and from then on none is to be missed,
 * whenever the first tick is. */
void journal_keep_place(JournalCollector *c);
