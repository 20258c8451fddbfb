/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "ledger/ledger.h"

/* Tells when others have written into the ledger, by inotify on its directory. The kernel tells of the write, but what it
 * holds is to be seen only once the writer has made it durable and given the lock back, of which nothing tells: so the lock
 * is asked for until it is free, and only while somebody writes. */
typedef struct Watch Watch;

/* l must outlive it. changed is called from the loop, once for each watch_arm() at most. */
int watch_new(sd_event *event, Ledger *l, void (*changed)(void *userdata), void *userdata, Watch **ret);
Watch *watch_free(Watch *w);
TL_DEFINE_CLEANUP(Watch *, watch_free)

/* The next change is to be told: before what is to be told of is read. */
int watch_arm(Watch *w);
/* But not before so long: after it has been read. Without this nothing is told. */
int watch_wait(Watch *w, uint64_t usec);
