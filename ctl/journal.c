/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <pwd.h>

LogSource log_source_of(const Ctl *ctl, const Service *s) {
        return (LogSource) { s->id, s->unit, s->socket, (unsigned) (s - ctl->registry->services) };
}

static int add_match(sd_journal *j, const char *field, const char *value) {
        _cleanup_(freep) char *match = NULL;

        if (!value)
                return 0;
        match = str_printf("%s=%s", field, value);
        return match ? sd_journal_add_match(j, match, 0) : -ENOMEM;
}

/* Alternatives, as "journalctl --user-unit=" has them: what the unit's processes logged, what the user's manager said
 * about it, what systemd-coredump did. Root's user units share the system's journal with all other users', therefore
 * the user's id; matches of one field are alternatives, those of different fields are not. */
static int add_matches(sd_journal *j, const LogSource *sources, size_t n) {
        static const char *const fields[] = { "_SYSTEMD_USER_UNIT", "USER_UNIT", "COREDUMP_USER_UNIT" };
        char uid[sizeof("4294967295")];
        int r = 0;

        (void) snprintf(uid, sizeof(uid), "%u", getuid());
        for (size_t f = 0; f < ELEMENTSOF(fields) && r >= 0; f++) {
                for (size_t i = 0; i < n && r >= 0; i++) {
                        r = add_match(j, fields[f], sources[i].unit);
                        if (r >= 0)
                                r = add_match(j, fields[f], sources[i].socket);
                }
                /* systemd-coredump runs as the user, or as root. */
                if (r >= 0)
                        r = add_match(j, streq(fields[f], "COREDUMP_USER_UNIT") ? "COREDUMP_UID" : "_UID", uid);
                if (r >= 0)
                        r = sd_journal_add_disjunction(j);
        }
        return r;
}

/* Not with the flag for the current user's files alone: root's user units log to the system's journal. */
int journal_open(const LogSource *sources, size_t n, sd_journal **ret) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        /* Files that may not be read are passed over without an error. */
        if (sd_journal_has_persistent_files(j) == 0 && sd_journal_has_runtime_files(j) == 0)
                return -ENODATA;
        r = add_matches(j, sources, n);
        if (r >= 0)
                *ret = TAKE_PTR(j);
        return r;
}

char *journal_advice(void) {
        const struct passwd *pw = getpwuid(getuid());

        if (getuid() == 0)
                return strdup("there is no journal: see 'systemctl status systemd-journald'");
        return str_printf("no journal can be read: join the group that may ('sudo usermod -aG systemd-journal %s', then "
                          "log in anew), or have it kept on disk, where each user has one ('sudo mkdir -p "
                          "/var/log/journal && sudo systemctl restart systemd-journald')", pw ? pw->pw_name : "USER");
}

static int seek_since(sd_journal *j, uint64_t since) {
        int r;

        r = since > 0 ? sd_journal_seek_realtime_usec(j, since) : sd_journal_seek_head(j);
        return r < 0 ? r : sd_journal_next(j);
}

int journal_seek(sd_journal *j, uint64_t lines, uint64_t since) {
        uint64_t time;
        int r;

        if (lines == LINES_ALL)
                return seek_since(j, since);
        r = sd_journal_seek_tail(j);
        if (r >= 0)
                r = sd_journal_previous_skip(j, MAX(lines, UINT64_C(1)));
        if (r < 0)
                return r;
        /* Nothing promises that sd_journal_next() finds from the tail what is logged later. */
        if (r == 0)
                return seek_since(j, 0);
        if (lines == 0)
                return 0;
        r = sd_journal_get_realtime_usec(j, &time);
        if (r < 0)
                return r;
        return time < since ? seek_since(j, since) : 1;
}
