/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/journal.h"
#include "doctor.h"
#include "shared/journal-access.h"
#include "user.h"

static int find_unreadable(Doctor *d) {
        return doctor_find(d, LEVEL_WARNING, "journal", strdup("no journal can be read"),
                           strdup("logs, errors, and the reasons in alerts come from there"), journal_advice());
}

/* What one's own processes have logged; 1 when there is something. */
static int find_own(sd_journal *j) {
        char match[64];
        int r;

        (void) snprintf(match, sizeof(match), "_UID=%u", getuid());
        r = sd_journal_add_match(j, match, 0);
        if (r >= 0)
                r = sd_journal_seek_tail(j);
        return r < 0 ? r : sd_journal_previous(j);
}

int check_journal(Doctor *d) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r;

        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        if (sd_journal_has_persistent_files(j) == 0 && sd_journal_has_runtime_files(j) == 0)
                return find_unreadable(d);
        r = find_own(j);
        if (r == 0)
                return doctor_find(d, LEVEL_WARNING, "journal", strdup("the journal has nothing of what you run"),
                                   strdup("logs, errors, and the reasons in alerts come from there"),
                                   strdup("systemctl status systemd-journald; 'journalctl --user -n 5' should show lines"));
        if (r >= 0 && sd_journal_has_persistent_files(j) == 0)
                r = doctor_find(d, LEVEL_NOTE, "journal", strdup("the journal is kept in memory only"),
                                strdup("what was logged before a reboot, a crash of the machine too, is gone"),
                                strdup("sudo mkdir -p /var/log/journal && sudo systemctl restart systemd-journald"));
        if (r >= 0 && !journal_sees_notices())
                r = doctor_find(d, LEVEL_NOTE, "journal", strdup("journald's notices of dropped messages cannot be read"),
                                strdup("when a service logs so much that lines are dropped, the counts of errors do not say so"),
                                str_printf("sudo usermod -aG systemd-journal %s, then log in again", user_name()));
        return r;
}
