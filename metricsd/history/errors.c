/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "history-internal.h"

/* How many there were of it: 0 for a new one. */
static int update(History *h, const ErrorGroup *group) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_UPDATE_ERROR,
                          "UPDATE error SET sample = ?3, cursor = ?4, priority = ?5, count = count + ?6, "
                          "first = min(first, ?7), last = ?8 WHERE service = ?1 AND fingerprint = ?2", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tittuuuu", group->service, (int64_t) group->fingerprint, group->sample,
                                   group->cursor, (uint64_t) group->priority, group->count, group->first, group->last);
        if (r >= 0)
                r = statement_run(h, s);
        return r < 0 ? r : sqlite3_changes(h->db);
}

static int insert(History *h, const ErrorGroup *group) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_ADD_ERROR,
                          "INSERT INTO error (service, fingerprint, message, sample, message_id, code_func, priority, "
                          "count, first, last, cursor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tittttuuuut", group->service, (int64_t) group->fingerprint, group->message,
                                   group->sample, group->message_id, group->code_func, (uint64_t) group->priority,
                                   group->count, group->first, group->last, group->cursor);
        return r < 0 ? r : statement_run(h, s);
}

static int make_room(History *h, const char *service) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_LIMIT_ERRORS,
                          "DELETE FROM error WHERE rowid IN (SELECT rowid FROM error WHERE service = ?1 "
                          "ORDER BY last DESC LIMIT -1 OFFSET ?2)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tu", service, (uint64_t) ERROR_GROUPS_MAX - 1);
        return r < 0 ? r : statement_run(h, s);
}

static int add(History *h, const ErrorGroup *group) {
        int r;

        r = update(h, group);
        if (r != 0)
                return MIN(r, 0);
        r = make_room(h, group->service);
        return r < 0 ? r : insert(h, group);
}

int history_add_error(History *h, const ErrorGroup *group) {
        bool own;
        int r;

        if (!group->service || group->service[0] == '\0' || group->priority < 0)
                return -EINVAL;
        if (string_too_long(group->service) || string_too_long(group->message) || string_too_long(group->sample) ||
            string_too_long(group->message_id) || string_too_long(group->code_func) || string_too_long(group->cursor))
                return -EFBIG;
        r = transaction_enter(h, &own);
        return r < 0 ? r : transaction_leave(h, own, add(h, group));
}

int history_each_error(History *h, const char *service, size_t limit,
                       int (*each)(const ErrorGroup *group, void *userdata), void *userdata) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r, n = 0;

        r = statement_get(h, STATEMENT_ERRORS,
                          "SELECT service, fingerprint, message, sample, message_id, code_func, priority, count, first, "
                          "last, cursor FROM error WHERE ?1 IS NULL OR service = ?1 ORDER BY last DESC LIMIT ?2", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tu", service, (uint64_t) limit);
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                h->reading++;
                r = each(&(ErrorGroup) {
                        .service = statement_text(s, 0),
                        .fingerprint = (uint64_t) sqlite3_column_int64(s, 1),
                        .message = statement_text(s, 2),
                        .sample = statement_text(s, 3),
                        .message_id = statement_text(s, 4),
                        .code_func = statement_text(s, 5),
                        .priority = sqlite3_column_int(s, 6),
                        .count = (uint64_t) sqlite3_column_int64(s, 7),
                        .first = (uint64_t) sqlite3_column_int64(s, 8),
                        .last = (uint64_t) sqlite3_column_int64(s, 9),
                        .cursor = statement_text(s, 10),
                }, userdata);
                h->reading--;
                n++;
        }
        return r < 0 ? r : n;
}
