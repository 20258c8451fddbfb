/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "service-status.h"
#include "why-judge.h"
#include "why-log.h"

/* The last change before a service went down, or was found unwell. */
typedef struct WhyChange {
        uint64_t at;   /* realtime usec, 0 for none */
        char *kind;    /* "reload", "restart", "build", "start", "unit-file" */
        char *service; /* whose, "" for the fleet's */
        char *cause;   /* "person", "change", ... or "" */
        char *text;
} WhyChange;

/* All that is to be known of one service. facts points into the rest, and into the service. */
typedef struct Why {
        const Service *service;
        WhyFacts facts;
        uint64_t since; /* realtime usec of its present state, 0 for not known */
        uint64_t until; /* realtime usec: what was changed before this may be the reason */
        WhyChange change;
        WhyLine *lines; /* of the journal, in the order of time */
        size_t n_lines;
        int journal_error; /* 0, or why there are none: -ENODATA for no journal that may be read */

        StatusReport report; /* of this service alone: metricsd's word, and the host's */
        char *load_error, *result, *status_text, *socket_result, *port_owner, *condition, *explanation;
        char *dependency, *dependency_state, *dependency_reason;
        char **required; /* units */
        char **requisite, **bound;
        sd_id128_t invocation;
        uint64_t inactive_exit, active_enter, state_change; /* realtime usec */
} Why;

/* Negative errno when systemd cannot be asked. The caller frees with why_done(), also after a failure. */
int why_gather(const Ctl *ctl, const Service *service, Why *ret);
void why_done(Why *why);

/* why-journal.c: the lines, and what they say. A journal that cannot be read fails nothing. */
int why_read_journal(Why *why);
