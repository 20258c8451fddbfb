/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

/* Why a service is down, or not well: from what systemd, the service host, metricsd and the journal say to one verdict.
 * Pure: nobody is asked here. */

typedef enum WhyKind {
        WHY_HEALTHY,
        WHY_RUNNING,            /* whether it is healthy nobody says */
        WHY_STARTING,
        WHY_STOPPING,
        WHY_ASLEEP,             /* has not run yet, and the next connection starts it */
        WHY_NEVER_STARTED,
        WHY_STOPPED,            /* somebody asked systemd for it */
        WHY_ENDED,              /* by itself, without an error */
        WHY_MASKED,
        WHY_BAD_UNIT_FILE,
        WHY_MISSING_EXECUTABLE,
        WHY_SANDBOX,            /* systemd could not prepare its process for another reason */
        WHY_PORT_TAKEN,
        WHY_SOCKET_FAILED,
        WHY_DEPENDENCY_FAILED,
        WHY_CONDITION,          /* of its unit file does not hold */
        WHY_CRASHED,
        WHY_START_LIMIT,        /* crashed until systemd gave up */
        WHY_OOM_KILLED,
        WHY_WATCHDOG,
        WHY_START_TIMEOUT,
        WHY_STOP_TIMEOUT,
        WHY_NO_READY,           /* answers, but does not tell systemd so */
        WHY_WEDGED,             /* runs, and does not answer */
        WHY_DEGRADED,           /* answers wrongly or late */
        WHY_MODULE_REJECTED,    /* serves its old code */
        _WHY_MAX,
} WhyKind;

/* "healthy", "port-taken" and so on, as --json has it. */
const char *why_kind_to_string(WhyKind kind);

/* Strings are the caller's; NULL for what is not known. */
typedef struct WhyFacts {
        const char *id, *unit;
        const char *socket; /* its unit, NULL where there is none */

        /* systemd's words */
        const char *load_state, *load_error, *active_state, *sub_state, *fragment_path;
        const char *result, *status_text;
        uint32_t code, status; /* ExecMainCode= and ExecMainStatus=: CLD_EXITED and 3, CLD_KILLED and 11 */
        uint32_t pid;
        uint32_t restarts;     /* automatic ones since a start by hand */
        uint32_t burst;        /* StartLimitBurst= */
        bool has_run;          /* in this boot, as far as systemd and the journal know */
        bool was_ready;        /* its last run came as far as that */
        const char *socket_state, *socket_result;

        /* The journal's: the last job of the unit, and whether systemd has said that it gives up. */
        const char *job_type, *job_result;
        bool gave_up;

        const char *port_owner; /* somebody else has its port: "port 3005 is taken by PID 59 (python3)" */

        /* A unit that it cannot do without and that does not run: its name, its state in one word, why. */
        const char *dependency, *dependency_state, *dependency_reason;

        /* The host of a module */
        bool host_hangs;
        uint64_t generation;
        const char *host_problem; /* why its last reload was rejected or rolled back; "" or NULL for none */

        /* metricsd's */
        const char *health, *problem;
        const char *condition; /* see metricsd/condition.h */
} WhyFacts;

/* Whose words in the journal say why. */
typedef enum WhyWords { WHY_WORDS_NONE, WHY_WORDS_OWN, WHY_WORDS_SYSTEMDS } WhyWords;

typedef struct WhyVerdict {
        WhyKind kind;
        bool well;
        WhyWords words;
        char *text;    /* a clause after "ID is down: ", "ID is not well: ", ... */
        char *advice;  /* what is to be done before the command; NULL for nothing */
        char *command; /* what mends it; NULL for nothing to mend */
} WhyVerdict;

/* -ENOMEM leaves *ret alone. */
int why_judge(const WhyFacts *facts, WhyVerdict *ret);
void why_verdict_done(WhyVerdict *v);

/* "is down", "is not well", "is well", "starts", ... */
const char *why_heading(WhyKind kind);

/* True where what the service needs may be the reason, so that it is worth a word. */
bool why_blames_others(WhyKind kind);
