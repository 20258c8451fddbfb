/* SPDX-License-Identifier: MIT */
#include "ledger-internal.h"

static bool text_valid(const char *s) {
        size_t n = strnlen(s, LEDGER_SETTING_MAX + 1);

        return n > 0 && n <= LEDGER_SETTING_MAX;
}

static int put(Ledger *l, const char *name, const char *value) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        if (value)
                r = statement_get(l, STATEMENT_SET_SETTING, "INSERT INTO setting (name, value) VALUES (?1, ?2)"
                                  " ON CONFLICT (name) DO UPDATE SET value = excluded.value", &s);
        else
                r = statement_get(l, STATEMENT_DELETE_SETTING, "DELETE FROM setting WHERE name = ?1", &s);
        if (r >= 0)
                r = value ? statement_bind(l, s, "tt", name, value) : statement_bind(l, s, "t", name);
        return r < 0 ? r : statement_run(l, s);
}

int ledger_set_setting(Ledger *l, const char *name, const char *value) {
        bool own;
        int r;

        if (!text_valid(name) || (value && !text_valid(value)))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, put(l, name, value));
}

int ledger_setting(Ledger *l, const char *name, char **ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        char *value = NULL;
        int r;

        r = statement_get(l, STATEMENT_SETTING, "SELECT value FROM setting WHERE name = ?1", &s);
        if (r >= 0)
                r = statement_bind(l, s, "t", name);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        if (r > 0) {
                const char *text = statement_text(s, 0);

                value = text ? strdup(text) : NULL;
                if (!value)
                        return -ENOMEM;
        }
        *ret = value;
        return 0;
}
