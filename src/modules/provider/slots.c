/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include "basic/string-util.h"

void slots_init(Slots *s, unsigned max, unsigned max_waiting) {
        *s = (Slots) { .max = max, .max_waiting = max_waiting };
        TAILQ_INIT(&s->lanes);
}

static SlotLane *find_lane(Slots *s, int64_t key, const char *user) {
        SlotLane *lane;

        TAILQ_FOREACH(lane, &s->lanes, entries)
                if (lane->key == key && streq(lane->user, user))
                        return lane;
        lane = calloc(1, sizeof(SlotLane));
        if (!lane)
                return NULL;
        lane->user = strdup(user);
        if (!lane->user) {
                free(lane);
                return NULL;
        }
        lane->key = key;
        TAILQ_INIT(&lane->slots);
        TAILQ_INSERT_TAIL(&s->lanes, lane, entries);
        return lane;
}

static void drop_lane(Slots *s, SlotLane *lane) {
        TAILQ_REMOVE(&s->lanes, lane, entries);
        free(lane->user);
        free(lane);
}

int slots_enter(Slots *s, Slot *slot, int64_t key, const char *user) {
        SlotLane *lane;

        if (s->running < s->max && s->waiting == 0) {
                slot->running = true;
                s->running++;
                return 1;
        }
        if (s->waiting >= s->max_waiting)
                return -ENOBUFS;
        lane = find_lane(s, key, strempty(user));
        if (!lane)
                return -ENOMEM;
        TAILQ_INSERT_TAIL(&lane->slots, slot, entries);
        slot->lane = lane;
        s->waiting++;
        return 0;
}

static void stop_waiting(Slots *s, Slot *slot) {
        SlotLane *lane = slot->lane;

        slot->lane = NULL;
        TAILQ_REMOVE(&lane->slots, slot, entries);
        s->waiting--;
        if (TAILQ_EMPTY(&lane->slots))
                drop_lane(s, lane);
}

static void grant_next(Slots *s) {
        while (s->running < s->max && s->waiting > 0) {
                SlotLane *lane = TAILQ_FIRST(&s->lanes);
                Slot *slot = TAILQ_FIRST(&lane->slots);

                /* To the end: the others come first now. */
                TAILQ_REMOVE(&s->lanes, lane, entries);
                TAILQ_INSERT_TAIL(&s->lanes, lane, entries);
                stop_waiting(s, slot);
                slot->running = true;
                s->running++;
                slot->granted(slot->userdata);
        }
}

void slots_leave(Slots *s, Slot *slot) {
        if (slot->lane)
                stop_waiting(s, slot);
        if (!slot->running)
                return;
        slot->running = false;
        s->running--;
        grant_next(s);
}
