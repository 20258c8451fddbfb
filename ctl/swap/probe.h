/* SPDX-License-Identifier: MIT */
#pragma once

#include "turn.h"

/* Asks a port for its health, again and again. */
typedef struct Probe Probe;

/* unit: only an answer of one of its processes counts, because others accept at that port, too; NULL when nobody else does.
 * The strings must outlive it. */
int probe_new(Turn *turn, const char *unit, unsigned port, const char *path, Probe **ret);
Probe *probe_free(Probe *p);
TL_DEFINE_CLEANUP(Probe *, probe_free)

/* What can be done now. 1 once it has answered well, else 0. Negative errno when asking itself is not possible. */
int probe_step(Probe *p);

/* When to step again at the latest, monotonic usec. */
uint64_t probe_next(const Probe *p);

/* What the last question led to, for a sentence: "GET /health answers 404". The caller frees; NULL without memory. */
char *probe_problem(const Probe *p);
