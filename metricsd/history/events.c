/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "history-internal.h"

static const char *const kinds[_EVENT_KIND_MAX] = {
        [EVENT_STATE] = "state",
        [EVENT_RESTART] = "restart",
        [EVENT_RELOAD] = "reload",
        [EVENT_BUILD] = "build",
        [EVENT_ALERT] = "alert",
        [EVENT_REMEDIATION] = "remediation",
        [EVENT_MONITOR] = "monitor",
};

const char *event_kind_to_string(EventKind kind) {
        return (unsigned) kind < _EVENT_KIND_MAX ? kinds[kind] : NULL;
}

int event_kind_from_string(const char *name, EventKind *ret) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i], name)) {
                        *ret = (EventKind) i;
                        return 0;
                }
        return -EINVAL;
}

static int insert(History *h, TimelineEvent *event) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_ADD_EVENT,
                          "INSERT INTO event (at, service, kind, cause, text, detail, invocation_id, cursor) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "ututtttt", event->at, event->service, (uint64_t) event->kind, event->cause,
                                   event->text, event->detail, event->invocation_id, event->cursor);
        if (r >= 0)
                r = statement_run(h, s);
        if (r >= 0)
                event->id = sqlite3_last_insert_rowid(h->db);
        return r;
}

int history_add_event(History *h, TimelineEvent *event) {
        bool own;
        int r;

        if ((unsigned) event->kind >= _EVENT_KIND_MAX)
                return -EINVAL;
        if (string_too_long(event->service) || string_too_long(event->cause) || string_too_long(event->text) ||
            string_too_long(event->detail) || string_too_long(event->invocation_id) || string_too_long(event->cursor))
                return -EFBIG;
        r = transaction_enter(h, &own);
        return r < 0 ? r : transaction_leave(h, own, insert(h, event));
}

int history_each_event(History *h, const EventQuery *query, int (*each)(const TimelineEvent *event, void *userdata),
                       void *userdata) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r, n = 0;

        r = statement_get(h, STATEMENT_EVENTS,
                          "SELECT id, at, service, kind, cause, text, detail, invocation_id, cursor FROM event "
                          "WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR service IS NULL OR service = ?3) "
                          "AND (?4 = 0 OR ?4 >> kind & 1) ORDER BY at DESC, id DESC LIMIT ?5", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uutuu", query->from, query->to, query->service, (uint64_t) query->kinds,
                                   (uint64_t) query->limit);
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                h->reading++;
                r = each(&(TimelineEvent) {
                        .id = sqlite3_column_int64(s, 0),
                        .at = (uint64_t) sqlite3_column_int64(s, 1),
                        .service = statement_text(s, 2),
                        .kind = (EventKind) sqlite3_column_int(s, 3),
                        .cause = statement_text(s, 4),
                        .text = statement_text(s, 5),
                        .detail = statement_text(s, 6),
                        .invocation_id = statement_text(s, 7),
                        .cursor = statement_text(s, 8),
                }, userdata);
                h->reading--;
                n++;
        }
        return r < 0 ? r : n;
}
