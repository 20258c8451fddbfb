/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl.h"
#include "journal.h"

/* What happens in the fleet, as "toolooctl events" shows it. */

typedef enum EventKind {
        EVENT_STATE,  /* a service is in another state */
        EVENT_JOB,    /* a job of systemd has ended: a start, a stop, ... */
        EVENT_RELOAD, /* a reload of its module has ended */
        EVENT_HEALTH, /* metricsd finds it another way than before */
} EventKind;

/* Strings are the caller's; NULL for what is not known or not to be had of that kind. */
typedef struct Event {
        uint64_t time; /* realtime usec */
        const char *id;
        EventKind kind;
        const char *text;   /* for people */
        const char *from;   /* of a state or health: the one before */
        const char *to;     /* the one now */
        const char *job;    /* "start", "stop", "restart", "reload", ... */
        const char *result; /* of a job: "done", "failed", ...; of a reload: "reloaded", "rejected", "rolled-back" */
        uint64_t generation;
} Event;

/* A line, or a JSON object, on stdout, at once. -EPIPE when nobody reads any more, another negative errno when it cannot be
 * written or there is no memory. */
int event_print(const Ctl *ctl, const Event *event);

/* The last lines events (LINES_ALL for all) of the selected services that the journal has, from since on (0 for all).
 * As event_print(), or as journal_open(). */
int events_print_past(const Ctl *ctl, uint64_t lines, uint64_t since);
