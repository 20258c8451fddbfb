/* SPDX-License-Identifier: MIT */
#include "shared/breaker.h"

#include "basic/macro.h"

BreakerVerdict breaker_ask(Breaker *b, uint64_t now, uint64_t *ret_wait) {
        if (b->open_for == 0)
                return BREAKER_LET;
        if (now < b->open_until) {
                *ret_wait = b->open_until - now;
                return BREAKER_REFUSE;
        }
        if (b->probing) {
                *ret_wait = BREAKER_OPEN_FIRST;
                return BREAKER_REFUSE;
        }
        b->probing = true;
        return BREAKER_PROBE;
}

void breaker_success(Breaker *b, bool probe) {
        /* One that was let through before it opened says nothing of now. */
        if (b->open_for > 0 && !probe)
                return;
        *b = (Breaker) {};
}

void breaker_failure(Breaker *b, bool probe, uint64_t now) {
        if (b->open_for > 0 && !probe)
                return;
        if (probe) {
                b->probing = false;
                b->open_for = MIN(MAX(b->open_for, BREAKER_OPEN_FIRST / 2) * 2, BREAKER_OPEN_MAX);
        } else {
                if (++b->failures < BREAKER_FAILURES)
                        return;
                b->open_for = BREAKER_OPEN_FIRST;
        }
        b->open_until = now + b->open_for;
}

void breaker_forget(Breaker *b, bool probe) {
        if (probe)
                b->probing = false;
}

void breaker_half_open(Breaker *b) {
        b->open_until = 0;
}

BreakerState breaker_state(const Breaker *b, uint64_t now) {
        if (b->open_for == 0)
                return BREAKER_CLOSED;
        return now < b->open_until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

const char *breaker_state_to_string(BreakerState state) {
        static const char *const names[] = { "closed", "open", "half-open" };

        return names[state];
}
