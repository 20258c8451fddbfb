/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "shared/strv.h"

/* Matches name units, and an instance has a name that nobody knows before it runs. So whoever follows a service that may have
 * some reads all that this user's processes log, and takes what it wants; but what was logged before is read by names, for
 * that may be little in a journal that is large. */

static int add_matches(sd_journal *j, const LogQuery *q) {
        int r;

        r = journal_match_user(j, "_UID");
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = journal_match_user(j, "COREDUMP_UID");
        return r < 0 ? r : journal_match_priorities(j, q->priorities);
}

static bool has_instances(const LogQuery *q) {
        for (size_t i = 0; i < q->n_sources; i++)
                if (q->sources[i].has_instances)
                        return true;
        return false;
}


bool log_source_has_instance(const LogSource *s, const char *unit) {
        const char *rest = s->has_instances ? startswith(unit, "tooloo-") : NULL;

        rest = rest ? startswith(rest, s->id) : NULL;
        return rest && *rest == '@' && endswith(rest, ".service");
}

/* Whether the unit is an instance of one of the sources. */
static bool is_instance(const LogQuery *q, const char *unit) {
        for (size_t i = 0; i < q->n_sources; i++)
                if (log_source_has_instance(q->sources + i, unit))
                        return true;
        return false;
}

/* The manager has said something about every unit that ever ran. */
int journal_instances(sd_journal *j, const LogQuery *q, char ***ret) {
        _cleanup_(strv_freep) char **instances = NULL;
        const size_t skip = strlen("USER_UNIT=");
        const void *data;
        size_t size;
        int r;

        r = has_instances(q) ? sd_journal_query_unique(j, "USER_UNIT") : 0;
        while (r >= 0 && has_instances(q) && (r = sd_journal_enumerate_available_unique(j, &data, &size)) > 0) {
                _cleanup_(freep) char *unit = size > skip ? strndup((const char *) data + skip, size - skip) : NULL;

                if (unit && is_instance(q, unit))
                        r = strv_extend(&instances, unit);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(instances);
        return 0;
}

/* The place of the last entry of all, with its time; 0 when there is none. */
static int find_tail(sd_journal *j, char **ret_cursor, uint64_t *ret_time) {
        int r;

        r = sd_journal_seek_tail(j);
        if (r >= 0)
                r = sd_journal_previous(j);
        if (r > 0)
                r = sd_journal_get_realtime_usec(j, ret_time);
        return r <= 0 ? r : sd_journal_get_cursor(j, ret_cursor);
}

void wide_journal_done(WideJournal *w) {
        sd_journal_close(w->journal);
        free(w->tail);
}

int wide_journal_open(const LogQuery *q, WideJournal *ret) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r;

        if (!has_instances(q))
                return 0;
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = add_matches(j, q);
        if (r >= 0)
                r = sd_journal_get_fd(j); /* before anything is read, so that a new journal file is not missed */
        if (r >= 0)
                r = find_tail(j, &ret->tail, &ret->tail_time);
        if (r >= 0)
                ret->journal = TAKE_PTR(j);
        return r < 0 ? r : 0;
}

int wide_journal_follow(WideJournal *w, sd_journal *j) {
        _cleanup_(freep) char *read_last = NULL;
        const char *from = w->tail;
        uint64_t time;
        int r;

        if (sd_journal_get_realtime_usec(j, &time) >= 0 && time >= w->tail_time) {
                r = sd_journal_get_cursor(j, &read_last);
                if (r < 0)
                        return r;
                from = read_last;
        }
        r = from ? sd_journal_seek_cursor(w->journal, from) : sd_journal_seek_head(w->journal);
        if (r >= 0)
                r = sd_journal_next(w->journal);
        if (r <= 0 || !from)
                return r;
        r = sd_journal_test_cursor(w->journal, from);
        return r < 0 ? r : r == 0;
}
