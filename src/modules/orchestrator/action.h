/* SPDX-License-Identifier: MIT */
#pragma once

#include "control-internal.h"
#include "shared/host-status.h"
#include "shared/unit-failure.h"
#include "shared/unit-jobs.h"

/* One start, stop, restart or reload, from the request to its answer: the jobs (action.c), then the questions that the
 * answer needs, then the answer (action-reply.c). */

typedef enum Verb { VERB_START, VERB_STOP, VERB_RESTART, VERB_RELOAD } Verb;

const char *verb_to_string(Verb verb);

/* The unit as it is when the jobs are over. Strings may be NULL. */
typedef struct Aftermath {
        char *load_state;
        char *active_state;
        char *sub_state;
        char *socket_state;
        char *status_text;
        uint32_t pid;
        HostStatus host;
} Aftermath;

typedef struct Action {
        Task task;
        Verb verb;
        /* Of the service, which may leave the list meanwhile. */
        char *id;
        char *unit;
        char *socket; /* NULL for none */
        unsigned port;
        /* Whoever carries the request ends by it, so the answer comes before the act. */
        bool answer_first;

        uint64_t begun;   /* monotonic usec */
        uint64_t timeout; /* usec */
        unsigned n_over;  /* of a stop: jobs, of the socket and of the service in turn */
        UnitJobs *jobs;
        const UnitJob *bad; /* the job that decides, of those in jobs; NULL when all went well */

        /* Why the unit failed, in one sentence, and systemd's word for it; NULL as long as that is not known. */
        UnitFailure *failure;
        char *reason;
        char *reason_result;

        BusBatch batch;
        Aftermath after;
        bool after_known;
} Action;

/* Asks what the answer needs and gives it. Ends the action, now or later. */
void action_finish(Action *action);

/* 202: asked for, and the answer does not wait. Ends the action. */
void action_reply_queued(Action *action);
