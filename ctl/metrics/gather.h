/* SPDX-License-Identifier: MIT */
#pragma once

#include "ask.h"

/* A list that metricsd has for one service or for all of them. */
typedef struct Gather {
        const char *path;
        const char *list; /* the name of the array in the answer */
        const char *time; /* the name of the date by which it is ordered, newest first */
        const char *id;   /* the name of a number that tells two entries apart; NULL where none comes twice */
        const char *from, *to, *kind; /* parameters of the question; NULL for none */
} Gather;

/* Asks for the services that are the operands, each by itself because the question names one, and makes one answer of them as
 * metricsd would: newest first, nothing twice, and no more than it would give of one. CTL_OK with *ret, or another exit status
 * after a line. */
int gather(Metrics *m, const Gather *g, Answer *ret);
