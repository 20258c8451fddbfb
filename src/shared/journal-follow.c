/* SPDX-License-Identifier: MIT */
#include "shared/journal-follow.h"

#include "basic/string-util.h"

static int search_anew(sd_journal *journal) {
        _cleanup_(freep) char *cursor = NULL;
        int r;

        r = sd_journal_get_cursor(journal, &cursor);
        if (r == -EADDRNOTAVAIL) /* nothing has been read yet */
                return 0;
        if (r >= 0)
                r = sd_journal_seek_cursor(journal, cursor);
        if (r >= 0)
                r = sd_journal_next(journal);
        if (r > 0)
                r = sd_journal_test_cursor(journal, cursor);
        if (r == 0) /* it has gone: what stood behind it comes next */
                r = sd_journal_seek_cursor(journal, cursor);
        return r < 0 ? r : 0;
}

int journal_process(sd_journal *journal) {
        int news = sd_journal_process(journal), r;

        if (news < 0 || news == SD_JOURNAL_NOP)
                return news;
        r = search_anew(journal);
        return r < 0 ? r : news;
}
