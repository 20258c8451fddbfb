/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <string.h>
#include <xxhash.h>

#include "basic/macro.h"
#include "mask.h"

/* With its NUL, so that what ends one part does not begin the next. */
static uint64_t add(uint64_t hash, const char *s) {
        return XXH64(s, strlen(s) + 1, hash);
}

uint64_t journal_fingerprint(const JournalLine *line, FingerprintText ret_masked) {
        uint64_t hash;

        (void) message_mask(line->message, MIN(strlen(line->message), JOURNAL_MESSAGE_MAX), ret_masked);
        hash = add(0, line->message_id ? line->message_id : "");
        hash = add(hash, line->code_func ? line->code_func : "");
        return add(hash, ret_masked);
}
