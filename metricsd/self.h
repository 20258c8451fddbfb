/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* What metricsd itself uses. All zero is a valid start. */

/* At one moment. */
typedef struct SelfMark {
        uint64_t at;  /* monotonic usec */
        uint64_t cpu; /* nsec */
} SelfMark;

typedef struct Self {
        uint64_t started; /* realtime usec */
        SelfMark before, last; /* a minute apart, as soon as it has run for that long */
        uint64_t pss; /* bytes; UINT64_MAX before the first tick, and where the kernel does not say */
} Self;

#define SELF_CPU_UNKNOWN (-1.0)

void self_start(Self *self);
/* To be called every few seconds. Once a minute it looks at the memory, for which the kernel walks through all of it. */
void self_tick(Self *self);

/* nsec since the process began. */
uint64_t self_cpu(void);
/* Share of one core, 0..1 (or a little more, with threads), over the last one or two minutes, or since it began. */
double self_cpu_ratio(const Self *self);

/* Bytes; UINT64_MAX where the kernel does not say. */
typedef struct SelfSize {
        uint64_t virtual, resident;
} SelfSize;
void self_size(SelfSize *ret);

/* Descriptors that are open, and how many may be; UINT64_MAX for not known. */
uint64_t self_open_files(void);
uint64_t self_max_files(void);

/* Bytes that are its own, its shares of what it shares included: the last PSS, resident where there is none. */
uint64_t self_memory(const Self *self);
