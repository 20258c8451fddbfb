/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "ledger/content.h"

/* Keeps what calls have said (ledger/content.h), and forgets it in time. The file is made when there is something to keep. */


typedef struct Contents Contents;

int contents_new(sd_event *event, const char *directory, Contents **ret);
Contents *contents_free(Contents *k);
TL_DEFINE_CLEANUP(Contents *, contents_free)

/* What cannot be kept is told to the journal; the call has had its answer. */
void contents_keep(Contents *k, const ContentEntry *entry);
