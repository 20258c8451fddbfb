/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "basic/time-util.h"
#include "shared/log.h"
#include "terminal.h"

#define LINES 10
#define WAIT_USEC (300 * USEC_PER_MSEC)

/* The last words of a program that has just ended may still be on their way. */
static int seek(sd_journal *j, uint64_t since) {
        int r = journal_seek(j, LINES, since);

        if (r == 0 && sd_journal_wait(j, WAIT_USEC) > 0)
                r = journal_seek(j, LINES, since);
        return r;
}

void journal_print_last(const LogSource *source, uint64_t since) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        LogStyle style = { .colors = terminal_colors() };
        int r;

        r = journal_open(source, 1, &j);
        if (r >= 0)
                r = seek(j, since);
        while (r > 0) {
                r = log_entry_print(j, source, 1, &style);
                if (r >= 0)
                        r = sd_journal_next(j);
        }
        if (r == -ENODATA) {
                _cleanup_(freep) char *advice = journal_advice();

                log_warning("%s", strna(advice));
        } else if (r < 0)
                (void) log_errno(r, "cannot read the journal");
}
