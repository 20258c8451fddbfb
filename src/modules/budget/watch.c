/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <sys/inotify.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* A transaction takes about that long. */
#define LOCKED_USEC (10 * USEC_PER_MSEC)

struct Watch {
        sqlite3 *db; /* of its own: its version changes with everybody else's commits, and it never waits */
        sd_event_source *inotify, *timer;
        int64_t version;
        uint64_t quiet_until;
        bool armed;
        void (*changed)(void *userdata);
        void *userdata;
};

Watch *watch_free(Watch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->inotify);
        sd_event_source_disable_unref(w->timer);
        (void) sqlite3_close(w->db);
        free(w);
        return NULL;
}

static int read_version(Watch *w, int64_t *ret) {
        sqlite3_stmt *s = NULL;
        int code;

        code = sqlite3_prepare_v2(w->db, "PRAGMA data_version", -1, &s, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_step(s);
        if (code == SQLITE_ROW)
                *ret = sqlite3_column_int64(s, 0);
        (void) sqlite3_finalize(s);
        return code == SQLITE_ROW ? 0 : -EIO;
}

/* True while somebody is in the middle of writing. */
static bool is_locked(Watch *w) {
        if (sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
                return (sqlite3_errcode(w->db) & 0xff) == SQLITE_BUSY;
        (void) sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
        return false;
}

static int start_timer(Watch *w, uint64_t usec) {
        int r = sd_event_source_set_time_relative(w->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Watch *w = userdata;
        int64_t version;

        if (is_locked(w))
                return start_timer(w, LOCKED_USEC);
        if (read_version(w, &version) >= 0 && version == w->version)
                return 0;
        w->armed = false;
        w->changed(w->userdata);
        return 0;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        Watch *w = userdata;
        uint64_t now = now_usec();
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(w->timer, &enabled);
        if (!w->armed || enabled != SD_EVENT_OFF)
                return 0;
        return start_timer(w, w->quiet_until > now ? w->quiet_until - now : LOCKED_USEC);
}

int watch_arm(Watch *w) {
        int r = read_version(w, &w->version);

        if (r >= 0)
                w->armed = true;
        return r;
}

/* The timer looks once in any case: a write that was under way told nobody who was not armed. */
int watch_wait(Watch *w, uint64_t usec) {
        w->quiet_until = now_usec() + usec;
        return start_timer(w, usec);
}

static int open_database(Watch *w, Ledger *l, char **ret_directory) {
        const char *path = sqlite3_db_filename(ledger_database(l), "main");
        const char *slash = path ? strrchr(path, '/') : NULL;

        if (!slash)
                return -EINVAL;
        *ret_directory = strndup(path, (size_t) (slash - path));
        if (!*ret_directory)
                return -ENOMEM;
        return sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK ? 0 : -EIO;
}

int watch_new(sd_event *event, Ledger *l, void (*changed)(void *userdata), void *userdata, Watch **ret) {
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof(Watch));
        _cleanup_(freep) char *directory = NULL;
        int r;

        if (!w)
                return -ENOMEM;
        w->changed = changed;
        w->userdata = userdata;
        r = open_database(w, l, &directory);
        if (r >= 0)
                r = sd_event_add_inotify(event, &w->inotify, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO, on_inotify, w);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return log_errno(r, "Cannot follow the ledger");
        *ret = TAKE_PTR(w);
        return 0;
}
