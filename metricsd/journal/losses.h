/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the journal was not seen, or not kept, of late. */

#define JOURNAL_LOSSES_MAX 16 /* the oldest goes */

typedef struct JournalLoss {
        char *why;     /* a sentence; NULL: none */
        char *service; /* NULL: of all of them */
        uint64_t at;   /* realtime usec */
        bool kept;     /* it was written down */
        bool earlier;  /* by a run of metricsd before this one */
} JournalLoss;

/* All zero is a valid start. */
typedef struct JournalLosses {
        JournalLoss all[JOURNAL_LOSSES_MAX];
        size_t next;
} JournalLosses;

/* All strings are copied. -ENOMEM leaves it as it is. */
int journal_losses_add(JournalLosses *losses, const JournalLoss *loss);
void journal_losses_done(JournalLosses *losses);

/* True when this run has found the same already since then. */
bool journal_losses_has(const JournalLosses *losses, const char *service, const char *why, uint64_t since);

/* The newest since then that concerns the service (NULL: any); NULL for none. */
const JournalLoss *journal_losses_since(const JournalLosses *losses, const char *service, uint64_t since);
