/* SPDX-License-Identifier: MIT */
#include "damage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "history-internal.h"
#include "shared/log.h"

#define ASIDE_MAX 100

int damage_check(History *h) {
        sqlite3_stmt *s = NULL;
        int code, r;

        code = sqlite3_prepare_v2(h->db, "PRAGMA quick_check(1)", -1, &s, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_step(s);
        if (code != SQLITE_ROW)
                r = history_error(h, code);
        else
                r = streq(strna(statement_text(s, 0)), "ok") ? 0 : -EBADMSG;
        (void) sqlite3_finalize(s);
        return r;
}

/* With its WAL, without which the newest of it could not be read. */
int damage_set_aside(History *h, char **ret_name) {
        char now[ISO8601_MAX];

        (void) format_iso8601(now, now_realtime_usec());
        for (unsigned n = 0; n < ASIDE_MAX; n++) {
                _cleanup_(freep) char *name = str_printf("%s.damaged-%s-%u", h->path, now, n);
                _cleanup_(freep) char *wal = str_printf("%s-wal", h->path), *wal_name = str_printf("%s-wal", name);

                if (!name || !wal || !wal_name)
                        return -ENOMEM;
                if (renameat2(AT_FDCWD, h->path, AT_FDCWD, name, RENAME_NOREPLACE) >= 0) {
                        (void) rename(wal, wal_name); /* there may be none */
                        log_error("%s is damaged; it is now %s, and a new one takes its place", h->path, name);
                        *ret_name = TAKE_PTR(name);
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

void damage_salvage(History *h, const char *name) {
}
