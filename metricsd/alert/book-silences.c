/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "basic/string-util.h"
#include "book-internal.h"

static void drop_ended(AlertBook *book, AlertTime now) {
        for (size_t i = book->n_silences; i-- > 0;)
                if (book->silences[i]->until <= now.realtime) {
                        alert_silence_free(book->silences[i]);
                        book_remove_at(book->silences, &book->n_silences, sizeof(AlertSilence *), i);
                }
}

/* One that has ended is none. */
static size_t index_of_silence(const AlertBook *book, const char *id, AlertTime now) {
        size_t i = 0;

        while (i < book->n_silences && (!streq(book->silences[i]->id, id) || book->silences[i]->until <= now.realtime))
                i++;
        return i;
}

const AlertSilence *alert_book_get_silence(const AlertBook *book, const char *id, AlertTime now) {
        size_t i = index_of_silence(book, id, now);

        return i < book->n_silences ? book->silences[i] : NULL;
}

int alert_book_try_silence(AlertBook *book, AlertTime now) {
        drop_ended(book, now);
        return book->n_silences >= BOOK_SILENCES_MAX ? -E2BIG : 0;
}

int alert_book_add_silence(AlertBook *book, AlertSilence **silence, AlertTime now, const AlertSilence **ret_silence) {
        uint64_t number = book->last_silence + 1;
        int r;

        r = alert_book_try_silence(book, now);
        if (r >= 0)
                r = str_replace_printf(&(*silence)->id, "silence-%" PRIu64, number);
        if (r >= 0)
                r = book_append(&book->silences, &book->n_silences, sizeof(AlertSilence *), silence);
        if (r < 0)
                return r;
        book->last_silence = number;
        r = book_save(book, now);
        if (r < 0) {
                book->n_silences--;
                book->last_silence--;
                return r;
        }
        *ret_silence = TAKE_PTR(*silence);
        return 0;
}

int alert_book_delete_silence(AlertBook *book, const char *id, AlertTime now) {
        size_t i = index_of_silence(book, id, now);
        AlertSilence *old;
        int r;

        if (i >= book->n_silences)
                return -ENOENT;
        old = book->silences[i];
        book_remove_at(book->silences, &book->n_silences, sizeof(AlertSilence *), i);
        r = book_save(book, now);
        if (r < 0) {
                book_put_back(book->silences, &book->n_silences, sizeof(AlertSilence *), i, &old);
                return r;
        }
        alert_silence_free(old);
        return 0;
}

const AlertSilence *alert_book_find_silence(const AlertBook *book, const char *rule, const char *service,
                                            uint64_t realtime) {
        const AlertSilence *found = NULL;

        for (size_t i = 0; i < book->n_silences; i++)
                if (alert_silence_covers(book->silences[i], rule, service, realtime) &&
                    (!found || book->silences[i]->until > found->until))
                        found = book->silences[i];
        return found;
}
