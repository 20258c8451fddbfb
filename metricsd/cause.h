/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Why a service runs anew. Pure. */
typedef struct RunEnd {
        const char *result;  /* systemd's word for how the run before ended, "" for not known */
        bool automatic;      /* systemd's restart policy brought it back */
        bool by_metricsd;    /* an alert's action on it is under way */
        bool for_change;     /* toolooctl has said that it restarts it for a changed file */
} RunEnd;

/* "crash", "oom", "watchdog", "person", "metricsd", "reload": the timeline's words. */
const char *restart_cause(const RunEnd *end);
/* A clause for a sentence that begins with "was restarted". */
const char *restart_cause_words(const char *cause);
