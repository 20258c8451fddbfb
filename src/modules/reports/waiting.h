/* SPDX-License-Identifier: MIT */
#pragma once

/* Reports wait here for the tally to be up to date. It gets there in steps of some milliseconds, between which the loop
 * goes on, and all that wait by then are answered from the same tally. */

#include <systemd/sd-event.h>

#include "follow.h"
#include "question.h"

typedef struct Waiting Waiting;

int waiting_new(sd_event *event, Waiting **ret);
Waiting *waiting_free(Waiting *w);
TL_DEFINE_CLEANUP(Waiting *, waiting_free)

/* For handlers: replies, or does so later. */
int waiting_ask(Waiting *w, HttpRequest *request, const ReportKind *kind);
int waiting_current(HttpRequest *request, Waiting *w);
