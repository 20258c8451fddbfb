/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

/* What a collector costs, and whether it works. */

#define ACCOUNT_ERROR_MAX 200

/* All zero but for its name is a valid start. */
typedef struct Account {
        const char *name;
        uint64_t cpu;          /* nsec that the program has spent in it */
        uint64_t runs;         /* that are over: questions answered, changes taken over */
        uint64_t failures;     /* of these: it could not do its work. That a service is not well is no failure */
        uint64_t last_success; /* realtime usec, 0 for never */
        uint64_t logged_at;    /* monotonic usec of the last line in the journal, 0 for never */
        char error[ACCOUNT_ERROR_MAX + 1]; /* why the last run failed, one line; "" when it did not */
} Account;

/* What the program computes from now on is charged to that account, up to the next call or the next turn of the event loop;
 * NULL for nobody. Returns whose it was, to be given back to:
 *
 *         Account *before = account_charge(&mine);
 *         ...
 *         (void) account_charge(before);
 *
 * Where one collector calls what is another's, each pays its own part. For one thread alone. */
Account *account_charge(Account *account);

static inline void account_chargep(Account **before) {
        (void) account_charge(*before);
}

/* The same up to the end of the block. */
#define ACCOUNT_CHARGE(account) \
        _unused_ _cleanup_(account_chargep) Account *account_before = account_charge(account)

/* Ends a run. A failure is one line in the journal, but no more than one a minute. */
void account_ok(Account *account);
void account_failed(Account *account, const char *format, ...) _printf_(2, 3);
/* The same for one that has said why itself. */
void account_failed_as_said(Account *account, const char *why);

static inline bool account_is_ok(const Account *account) {
        return *account->error == '\0';
}
