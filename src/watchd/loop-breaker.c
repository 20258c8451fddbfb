/* SPDX-License-Identifier: MIT */
#include "watchd/loop-breaker.h"

bool loop_breaker_is_near(const LoopBreaker *b, uint64_t now, bool running, uint64_t ended) {
        return running || (ended > 0 && now < ended + b->grace);
}

void loop_breaker_note(LoopBreaker *b, bool near) {
        if (near)
                b->own = true;
        else
                b->foreign = true;
}

void loop_breaker_started(LoopBreaker *b) {
        b->row = b->own && !b->foreign ? b->row + 1 : 0;
        b->own = b->foreign = false;
}

uint64_t loop_breaker_hold(const LoopBreaker *b, uint64_t ended) {
        if (!b->own || b->foreign || b->row < LOOP_BREAKER_FREE)
                return 0;
        return ended + b->grace + (b->wait << (b->row - LOOP_BREAKER_FREE));
}

bool loop_breaker_is_loop(const LoopBreaker *b) {
        return b->own && !b->foreign && b->row >= LOOP_BREAKER_LIMIT;
}

void loop_breaker_reset(LoopBreaker *b) {
        b->row = 0;
        b->own = b->foreign = false;
}
