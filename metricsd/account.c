/* SPDX-License-Identifier: MIT */
#include "account.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

#define LOG_USEC (60 * USEC_PER_SEC)

static Account *charged;
static uint64_t since; /* nsec of CPU */

/* Unlike the other clocks this one needs a system call: half a microsecond. */
static uint64_t cpu_now(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* fails for bad arguments alone */
        return (uint64_t) t.tv_sec * USEC_PER_SEC * NSEC_PER_USEC + (uint64_t) t.tv_nsec;
}

Account *account_charge(Account *account) {
        Account *before = charged;
        uint64_t now;

        if (account == before)
                return before;
        now = cpu_now();
        if (before)
                before->cpu += now - since;
        charged = account;
        since = now;
        return before;
}

void account_ok(Account *account) {
        account->runs++;
        account->last_success = now_realtime_usec();
        *account->error = '\0';
}

void account_failed_as_said(Account *account, const char *why) {
        account->runs++;
        account->failures++;
        (void) snprintf(account->error, sizeof(account->error), "%s", why);
        utf8_clean(account->error, strlen(account->error)); /* a character may have been cut in two */
}

void account_failed(Account *account, const char *format, ...) {
        uint64_t now = now_usec();
        va_list ap;

        account->runs++;
        account->failures++;
        va_start(ap, format);
        (void) vsnprintf(account->error, sizeof(account->error), format, ap);
        va_end(ap);
        utf8_clean(account->error, strlen(account->error)); /* a character may have been cut in two */
        if (account->logged_at > 0 && now < account->logged_at + LOG_USEC)
                return;
        account->logged_at = now;
        log_warning("%s: %s", account->name, account->error);
}
