/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <pwd.h>

#include "shared/strv.h"

LogSource log_source_of(const Ctl *ctl, const Service *s) {
        return (LogSource) {
                .id = s->id,
                .unit = s->unit,
                .socket = s->socket,
                /* A module is swapped within its process. */
                .has_instances = s->on_change != ON_CHANGE_RELOAD,
                .number = (unsigned) (s - ctl->registry->services),
        };
}

int journal_match(sd_journal *j, const char *field, const char *value) {
        _cleanup_(freep) char *match = NULL;

        if (!value)
                return 0;
        match = str_printf("%s=%s", field, value);
        return match ? sd_journal_add_match(j, match, 0) : -ENOMEM;
}

int journal_match_user(sd_journal *j, const char *field) {
        char uid[sizeof("4294967295")];

        (void) snprintf(uid, sizeof(uid), "%u", getuid());
        return journal_match(j, field, uid);
}

int journal_match_priorities(sd_journal *j, unsigned priorities) {
        int r = priorities ? sd_journal_add_conjunction(j) : 0;

        for (unsigned i = 0; r >= 0 && i < 8; i++) {
                char number[2] = { (char) ('0' + i) };

                if (priorities & 1u << i)
                        r = journal_match(j, "PRIORITY", number);
        }
        return r;
}

static int match_units(sd_journal *j, const LogQuery *q, const char *field, char *const *instances) {
        int r = 0;

        for (size_t i = 0; i < q->n_sources && r >= 0; i++) {
                r = journal_match(j, field, q->sources[i].unit);
                if (r >= 0)
                        r = journal_match(j, field, q->sources[i].socket);
        }
        for (char *const *i = instances; i && *i && r >= 0; i++)
                r = journal_match(j, field, *i);
        return r;
}

/* Alternatives, as "journalctl --user-unit=" has them: what the unit's processes logged, what the user's manager said
 * about it, what systemd-coredump did. Root's user units share the system's journal with all other users', therefore
 * the user's id; matches of one field are alternatives, those of different fields are not. */
static int add_matches(sd_journal *j, const LogQuery *q, char *const *instances) {
        static const char *const fields[] = { "_SYSTEMD_USER_UNIT", "USER_UNIT", "COREDUMP_USER_UNIT" };
        int r = 0;

        for (size_t f = 0; f < ELEMENTSOF(fields) && r >= 0; f++) {
                r = match_units(j, q, fields[f], instances);
                /* systemd-coredump runs as the user, or as root. */
                if (r >= 0)
                        r = journal_match_user(j, streq(fields[f], "COREDUMP_USER_UNIT") ? "COREDUMP_UID" : "_UID");
                if (r >= 0)
                        r = sd_journal_add_disjunction(j);
        }
        return r < 0 ? r : journal_match_priorities(j, q->priorities);
}

/* Not with the flag for the current user's files alone: root's user units log to the system's journal. */
int journal_open_query(const LogQuery *q, sd_journal **ret) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        _cleanup_(strv_freep) char **instances = NULL;
        int r;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        /* Files that may not be read are passed over without an error. */
        if (sd_journal_has_persistent_files(j) == 0 && sd_journal_has_runtime_files(j) == 0)
                return -ENODATA;
        r = journal_instances(j, q, &instances);
        if (r >= 0)
                r = add_matches(j, q, instances);
        if (r >= 0)
                *ret = TAKE_PTR(j);
        return r;
}

int journal_open(const LogSource *sources, size_t n, sd_journal **ret) {
        return journal_open_query(&(LogQuery) { .sources = sources, .n_sources = n }, ret);
}

char *journal_advice(void) {
        const struct passwd *pw = getpwuid(getuid());

        if (getuid() == 0)
                return strdup("there is no journal: see 'systemctl status systemd-journald'");
        return str_printf("no journal can be read: join the group that may ('sudo usermod -aG systemd-journal %s', then "
                          "log in anew), or have it kept on disk, where each user has one ('sudo mkdir -p "
                          "/var/log/journal && sudo systemctl restart systemd-journald')", pw ? pw->pw_name : "USER");
}

static int seek_from(sd_journal *j, uint64_t since) {
        int r;

        r = since > 0 ? sd_journal_seek_realtime_usec(j, since) : sd_journal_seek_head(j);
        return r < 0 ? r : sd_journal_next(j);
}

/* To the last entry that is not later than the query's end. Nothing promises that sd_journal_next() finds from the tail
 * what is logged later, where there is none. */
static int seek_end(sd_journal *j, const LogQuery *q) {
        int r;

        r = q->until == 0 ? sd_journal_seek_tail(j) : sd_journal_seek_realtime_usec(j, q->until + 1);
        if (r >= 0)
                r = sd_journal_previous(j);
        return r == 0 ? seek_from(j, 0) : r;
}

/* Whether every entry that the matches let through is wanted, but for its time. */
static bool matches_say_all(const LogQuery *q) {
        for (size_t i = 0; i < q->n_sources; i++)
                if (q->sources[i].from > 0 || q->sources[i].until > 0)
                        return false;
        return !q->pattern;
}

/* From the last entry back to the lines-th of those wanted. Where there are fewer, to the first. */
static int step_back(sd_journal *j, const LogQuery *q, uint64_t lines) {
        uint64_t found = 0;
        int r;

        for (;;) {
                r = log_entry_wanted(j, q);
                if (r < 0 || (found += (uint64_t) r) == lines)
                        return r < 0 ? r : 1;
                r = sd_journal_previous(j);
                if (r < 0)
                        return r;
                if (r == 0)
                        return seek_from(j, q->since);
        }
}

int journal_seek_query(sd_journal *j, const LogQuery *q, uint64_t lines) {
        uint64_t time;
        int r;

        if (lines == LINES_ALL)
                return seek_from(j, q->since);
        r = seek_end(j, q);
        if (r <= 0 || lines == 0)
                return r < 0 ? r : 0;
        r = matches_say_all(q) ? sd_journal_previous_skip(j, lines - 1) : step_back(j, q, lines);
        if (r >= 0)
                r = sd_journal_get_realtime_usec(j, &time);
        if (r < 0)
                return r;
        return time < q->since ? seek_from(j, q->since) : 1;
}

int journal_seek(sd_journal *j, uint64_t lines, uint64_t since) {
        return journal_seek_query(j, &(LogQuery) { .since = since }, lines);
}
