/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "basic/time-util.h"
#include "shared/log.h"
#include "terminal.h"

#define LINES 10
#define WAIT_USEC (300 * USEC_PER_MSEC)

/* 1 when one of the entries from here on is a program's, and not systemd's about it. */
static int find_words(sd_journal *j) {
        const void *data;
        size_t size;
        int r;

        do {
                r = sd_journal_get_data(j, "_SYSTEMD_USER_UNIT", &data, &size);
                if (r >= 0)
                        return 1;
                if (r == -ENOENT)
                        r = sd_journal_next(j);
        } while (r > 0);
        return r;
}

/* The last words of a program that has just ended may still be on their way. */
static int seek(sd_journal *j, uint64_t since) {
        uint64_t end = now_usec() + WAIT_USEC, now;
        int r, words;

        do {
                r = journal_seek(j, LINES, since);
                words = r > 0 ? find_words(j) : r;
                now = now_usec();
        } while (words == 0 && now < end && sd_journal_wait(j, end - now) >= 0);
        return words < 0 ? words : journal_seek(j, LINES, since);
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
