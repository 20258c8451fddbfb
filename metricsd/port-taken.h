/* SPDX-License-Identifier: MIT */
#pragma once

#include "journal/line.h"
#include "watched.h"

struct Manager;

/* Who has the port of a service that failed? metricsd's own sandbox hides whose descriptor a listening socket is, so the
 * question is put to a unit outside of it (tooloo-port-owner@PORT.service), whose line in the journal is the answer. */

/* To be called after each change of w, before condition_update(). */
void port_taken_follow(struct Manager *m, Watched *w);
/* A line with TOOLOO_EVENT=port-owner. */
void port_taken_told(struct Manager *m, const JournalLine *line);
