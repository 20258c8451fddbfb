/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "basic/macro.h"

/* How many calls a provider is given at a time. Those that wait do so in lanes, one for each key and user, which get on
 * in turn: who sends a thousand calls at once keeps nobody else from his first. */

typedef struct SlotLane SlotLane;

/* Part of what wants a slot. */
typedef struct Slot {
        void (*granted)(void *userdata);
        void *userdata;
        bool running;
        SlotLane *lane; /* while it waits */
        TAILQ_ENTRY(Slot) entries;
} Slot;

struct SlotLane {
        int64_t key;
        char *user;
        TAILQ_HEAD(SlotList, Slot) slots;
        TAILQ_ENTRY(SlotLane) entries;
};

typedef struct Slots {
        unsigned max, max_waiting;
        unsigned running, waiting;
        TAILQ_HEAD(SlotLaneList, SlotLane) lanes; /* whose turn is next comes first */
} Slots;

void slots_init(Slots *s, unsigned max, unsigned max_waiting);
/* Another limit from now on: those that run go on, and what waits sees it when one of them ends. */
static inline void slots_limit(Slots *s, unsigned max) {
        s->max = max;
}
static inline bool slots_full(const Slots *s) {
        return s->running >= s->max && s->waiting >= s->max_waiting;
}
/* 1: it has one. 0: it waits, and granted will be called. -ENOBUFS: too many wait; -ENOMEM. */
int slots_enter(Slots *s, Slot *slot, int64_t key, const char *user);
/* It has or waits for one no more; one that has none of the two is fine. The next is told from within. */
void slots_leave(Slots *s, Slot *slot);
