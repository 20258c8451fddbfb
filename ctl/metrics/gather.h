/* SPDX-License-Identifier: MIT */
#pragma once

#include "ask.h"
#include "merge.h"

/* A list that metricsd has for one service or for all of them. */
typedef struct Gather {
        const char *path;
        MergeList list;
        const char *from, *to, *kind; /* parameters of the question; NULL for none */
} Gather;

/* Asks for the services that are the operands, each by itself because the question names one, and makes one
 * answer of them. CTL_OK with *ret, or another exit status after a line. */
int gather(Metrics *m, const Gather *g, Answer *ret);
