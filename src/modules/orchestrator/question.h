/* SPDX-License-Identifier: MIT */
#pragma once

#include "control-internal.h"
#include "shared/host-status.h"

/* What the hosts of the services say of themselves, all asked at once. A host that does not answer within a second is
 * not waited for. */
typedef struct HostAnswer {
        char *id;
        HostStatus host;
} HostAnswer;

typedef struct HostQuestion {
        HostAnswer *answers;
        size_t n;
} HostQuestion;

/* Asks those of the services that run, within the batch; *ret must outlive it. */
int host_question_ask(const Control *control, BusBatch *batch, HostQuestion *ret);
void host_question_done(HostQuestion *question);

/* NULL when it was not asked or has not answered. */
const HostStatus *host_question_find(const HostQuestion *question, const char *id);
