/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "history-internal.h"

static int put_text(History *h, const char *name, const char *text) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_PUT_TEXT,
                          "INSERT INTO text (name, text) VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tt", name, text);
        return r < 0 ? r : statement_run(h, s);
}

int history_put_text(History *h, const char *name, const char *text, bool durable) {
        bool own;
        int r;

        if (name[0] == '\0' || strlen(name) > HISTORY_NAME_MAX)
                return -EINVAL;
        if (strlen(text) > HISTORY_TEXT_MAX)
                return -EFBIG;
        r = transaction_enter(h, &own);
        if (r < 0)
                return r;
        if (durable)
                transaction_make_durable(h);
        return transaction_leave(h, own, put_text(h, name, text));
}

int history_get_text(History *h, const char *name, char **ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const char *text;
        char *copy;
        int r;

        r = statement_get(h, STATEMENT_GET_TEXT, "SELECT text FROM text WHERE name = ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "t", name);
        if (r >= 0)
                r = statement_step(h, s);
        if (r <= 0)
                return r < 0 ? r : -ENODATA;
        text = statement_text(s, 0);
        copy = text ? strdup(text) : NULL;
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int put_alert(History *h, const char *id, uint64_t began, uint64_t resolved_at, const char *json) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_PUT_ALERT,
                          "INSERT INTO alert (id, began, resolved_at, json) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
                          "SET began = excluded.began, resolved_at = excluded.resolved_at, json = excluded.json", &s);
        if (r >= 0)
                r = statement_bind(h, s, "tuut", id, began, resolved_at, json);
        return r < 0 ? r : statement_run(h, s);
}

int history_put_alert(History *h, const char *id, uint64_t began, uint64_t resolved_at, const char *json) {
        bool own;
        int r;

        if (id[0] == '\0' || strlen(id) > HISTORY_NAME_MAX)
                return -EINVAL;
        if (strlen(json) > HISTORY_ALERT_MAX)
                return -EFBIG;
        r = transaction_enter(h, &own);
        if (r < 0)
                return r;
        transaction_make_durable(h);
        return transaction_leave(h, own, put_alert(h, id, began, resolved_at, json));
}

static int each_of(History *h, bool active, size_t limit,
                   int (*each)(const char *id, bool active, const char *json, void *userdata), void *userdata) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r, n = 0;

        if (active)
                r = statement_get(h, STATEMENT_ACTIVE_ALERTS,
                                  "SELECT id, json FROM alert WHERE resolved_at = 0 ORDER BY began DESC LIMIT ?", &s);
        else
                r = statement_get(h, STATEMENT_OLD_ALERTS,
                                  "SELECT id, json FROM alert WHERE resolved_at > 0 ORDER BY resolved_at DESC, began DESC "
                                  "LIMIT ?", &s);
        if (r >= 0)
                r = statement_bind(h, s, "u", (uint64_t) limit);
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                const char *id = statement_text(s, 0);
                const char *json = statement_text(s, 1);

                h->reading++;
                r = id && json ? each(id, active, json, userdata) : -ENOMEM;
                h->reading--;
                n++;
        }
        return r < 0 ? r : n;
}

int history_each_alert(History *h, size_t limit, int (*each)(const char *id, bool active, const char *json, void *userdata),
                       void *userdata) {
        int active, over;

        active = each_of(h, true, SIZE_MAX, each, userdata);
        if (active < 0)
                return active;
        over = each_of(h, false, limit, each, userdata);
        return over < 0 ? over : active + over;
}
