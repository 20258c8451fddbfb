/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "watched.h"

/* The figures at the head of the dashboard. */

typedef struct Tally {
        unsigned healthy, degraded, offline, total; /* total is the sum of the others */
} Tally;

/* Those of registry.h without control, in the order of API.md. */
enum { CATEGORIES = 4 };
extern const char *const summary_categories[CATEGORIES];

/* All zero is a valid start. */
typedef struct Summary {
        Tally all;
        Tally categories[CATEGORIES];
        unsigned n_times; /* of the services whose last probe was answered; without any the figures below mean nothing */
        double sum_ms, min_ms, max_ms;
} Summary;

/* What runs but has not answered yet counts as offline: nobody has seen it online. */
void summary_add(Summary *s, const Watched *w);

/* healthy of total in tenths of a percent, rounded down so that 1000 means all of them; negative when there are none. */
int tally_permille(const Tally *t);

/* Average response time in ms; negative when there is none. */
double summary_average(const Summary *s);
