/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/time-util.h"
#include "ctl/terminal.h"
#include "limit-rows.h"
#include "shared/strv.h"

typedef struct Row {
        LedgerKey key;
        char **budget; /* "0.5 of 5/day" */
} Row;

typedef struct Keys {
        Row **rows;
        size_t n;
        Limits limits;
} Keys;

static void keys_done(Keys *k) {
        for (size_t i = 0; i < k->n; i++) {
                strv_free(k->rows[i]->budget);
                free(k->rows[i]);
        }
        free(k->rows);
        limits_done(&k->limits);
}

static int take_key(const LedgerKey *key, void *userdata) {
        Keys *k = userdata;
        Row **rows = reallocarray(k->rows, k->n + 1, sizeof(Row *)), *row = calloc(1, sizeof(*row));

        if (rows)
                k->rows = rows;
        if (!rows || !row) {
                free(row);
                return -ENOMEM;
        }
        row->key = *key;
        rows[k->n++] = row;
        return 0;
}

static int describe_budget(const Limits *limits, Row *row) {
        char used[DECIMAL_MAX], hard[DECIMAL_MAX];
        int r = 0;

        for (size_t i = 0; i < limits->n && r >= 0; i++) {
                const LedgerLimit *l = &limits->list[i]->l;
                _cleanup_(freep) char *text = NULL;

                if (!streq(l->scope, "key") || !streq(l->subject, row->key.name) || l->hard == 0)
                        continue;
                text = str_printf("%s of %s/%s", format_decimal(used, l->settled + l->reserved, MONEY_PLACES),
                                  format_decimal(hard, l->hard, MONEY_PLACES), l->window);
                r = text ? strv_extend(&row->budget, text) : -ENOMEM;
        }
        return r;
}

static int gather(Keys *k) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int status, r;

        status = gateway_ledger_open(LEDGER_READ, &ledger);
        if (status != CTL_OK)
                return status;
        r = ledger ? ledger_keys(ledger, take_key, k) : 0;
        if (r >= 0)
                r = limits_read(ledger, &k->limits);
        for (size_t i = 0; i < k->n && r >= 0; i++)
                r = describe_budget(&k->limits, k->rows[i]);
        return r < 0 ? gateway_failed(r, "cannot read the keys") : CTL_OK;
}

static Value get_name(const void *row) {
        return value_string(((const Row *) row)->key.name);
}

static Value get_user(const void *row) {
        const char *user = ((const Row *) row)->key.user;

        return value_string(*user ? user : NULL);
}

static Value get_state(const void *row) {
        return value_string(((const Row *) row)->key.revoked > 0 ? "revoked" : "good");
}

static const char *state_color(const void *row) {
        return ((const Row *) row)->key.revoked > 0 ? ANSI_GREY : NULL;
}

static Value get_created(const void *row) {
        return value_number(VALUE_TIME, ((const Row *) row)->key.created, true);
}

static Value get_revoked(const void *row) {
        const LedgerKey *key = &((const Row *) row)->key;

        return value_number(VALUE_TIME, key->revoked, key->revoked > 0);
}

static Value get_budget(const void *row) {
        const Row *r = row;

        return r->budget ? value_list(r->budget) : value_unknown();
}

static const Column columns[] = {
        { "KEY", "name", get_name },
        { "USER", "user", get_user, COLUMN_SHRINKS, .drop = 1 },
        { "STATE", "state", get_state, .color = state_color },
        { "CREATED", "created", get_created, .drop = 2 },
        { "REVOKED", "revoked", get_revoked, .drop = 3 },
        { "SPENT", NULL, get_budget, COLUMN_SHRINKS },
};

/* Each key has its limits, as "budget" shows them. */
static int add_limits(json_object *row, const Limits *limits, const char *name) {
        _cleanup_(freep) const void **own = calloc(limits->n + 1, sizeof(void *));
        json_object *array = NULL;
        size_t n = 0;
        int r;

        if (!own)
                return -ENOMEM;
        for (size_t i = 0; i < limits->n; i++)
                if (streq(limits->list[i]->scope, "key") && streq(limits->list[i]->subject, name))
                        own[n++] = limits->list[i];
        r = table_to_json(limit_columns, n_limit_columns, own, n, &array);
        return r < 0 ? r : json_set(row, "limits", array);
}

static int print_json(const Keys *k) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        json_object *rows = NULL;
        int r;

        if (!json)
                return -ENOMEM;
        r = table_to_json(columns, ELEMENTSOF(columns), (const void *const *) k->rows, k->n, &rows);
        if (r >= 0)
                r = json_set(json, "keys", rows);
        for (size_t i = 0; i < k->n && r >= 0; i++)
                r = add_limits(json_object_array_get_idx(rows, i), &k->limits, k->rows[i]->key.name);
        return r < 0 ? r : json_print(json);
}

int gateway_key_list(Ctl *ctl) {
        _cleanup_(keys_done) Keys k = {};
        int status, r = 0;

        status = gather(&k);
        if (status != CTL_OK)
                return status;
        if (ctl->json)
                r = print_json(&k);
        else if (!ctl->quiet && k.n == 0)
                r = puts("There are no keys; 'toolooctl key create NAME' makes one.") < 0 ? -EIO : 0;
        else if (!ctl->quiet)
                r = table_print(columns, ELEMENTSOF(columns), (const void *const *) k.rows, k.n, k.n, NULL);
        return r < 0 ? gateway_failed(r, "cannot show the keys") : CTL_OK;
}
