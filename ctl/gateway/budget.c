/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "amount.h"
#include "basic/time-util.h"
#include "limit-rows.h"
#include "shared/log.h"
#include "shared/strv.h"

/* --- Setting --- */

static int take_name(const LedgerKey *key, void *userdata) {
        return strv_extend(userdata, key->name);
}

/* One that nobody has would hold nobody. */
static int check_subject(Ledger *ledger, const LimitText *limit) {
        _cleanup_(freep) char *directory = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        int r = 0;

        if (limit->amount.nano_usd == 0)
                return CTL_OK; /* a limit that is taken away may be of one that is gone */
        if (streq(limit->scope, "key"))
                r = ledger ? ledger_keys(ledger, take_name, &names) : 0;
        else if (streq(limit->scope, "provider")) {
                r = provider_directory(&directory);
                if (r >= 0)
                        r = provider_names(directory, &names);
        } else
                return CTL_OK;
        if (r < 0)
                return gateway_failed(r, "cannot look up whom the limit is for");
        return strv_contains(names, limit->subject) ? CTL_OK : gateway_unknown(limit->scope, limit->subject, names);
}

/* *text is what *ret points into; the caller frees it. */
static int read_limit(const Ctl *ctl, const GivenOption *option, char **text, LimitText *ret) {
        int r;

        *text = strdup(option->value);
        r = *text ? limit_parse(*text, ret) : -ENOMEM;
        if (r == -EINVAL || r == -ERANGE)
                return verb_usage(ctl, "--%s takes total=USD/WINDOW, or key:, user: or provider:NAME=USD/WINDOW, with a number above 0 "
                                       "of at most 9 decimals, or 'none', and minute, day or month; not '%s'",
                                  option_find(option->id)->name, option->value);
        return r < 0 ? gateway_no_memory() : CTL_OK;
}

/* Before anything is written: a ledger is not made for what cannot be. */
static int check_all(const Ctl *ctl) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int status;

        status = gateway_ledger_open(LEDGER_READ, &ledger);
        for (size_t i = 0; i < ctl->n_options && status == CTL_OK; i++) {
                _cleanup_(freep) char *text = NULL;
                LimitText limit = {};

                if (ctl->options[i].id != OPTION_SET && ctl->options[i].id != OPTION_SOFT)
                        continue;
                status = read_limit(ctl, ctl->options + i, &text, &limit);
                if (status == CTL_OK)
                        status = check_subject(ledger, &limit);
        }
        return status;
}

/* What is not named of the two stays. */
static int set_one(const Ctl *ctl, Ledger *ledger, const GivenOption *option) {
        _cleanup_(freep) char *text = NULL;
        _cleanup_(limits_done) Limits limits = {};
        const Limit *before;
        LedgerLimit new = {};
        LimitText limit = {};
        int status, r;

        status = read_limit(ctl, option, &text, &limit);
        if (status != CTL_OK)
                return status;
        r = limits_read(ledger, &limits);
        if (r < 0)
                return gateway_failed(r, "cannot read the limits");
        before = limits_find(&limits, limit.scope, limit.subject, limit.amount.window);
        if (before)
                new = (LedgerLimit) { .hard = before->l.hard, .soft = before->l.soft };
        new.scope = limit.scope;
        new.subject = limit.subject;
        new.window = limit.amount.window;
        *(option->id == OPTION_SET ? &new.hard : &new.soft) = limit.amount.nano_usd;
        r = ledger_set_limit(ledger, &new);
        return r < 0 ? gateway_failed(r, "cannot set the limit") : CTL_OK;
}

/* All or none. */
static int set_all(const Ctl *ctl, Ledger *ledger) {
        int status = CTL_OK, r;

        r = ledger_begin(ledger);
        if (r < 0)
                return gateway_failed(r, "cannot write into the ledger");
        for (size_t i = 0; i < ctl->n_options && status == CTL_OK; i++)
                if (ctl->options[i].id == OPTION_SET || ctl->options[i].id == OPTION_SOFT)
                        status = set_one(ctl, ledger, ctl->options + i);
        if (status != CTL_OK) {
                ledger_rollback(ledger);
                return status;
        }
        r = ledger_commit(ledger);
        return r < 0 ? gateway_failed(r, "cannot write into the ledger") : CTL_OK;
}

/* --- Showing --- */

/* What is spent in all is of interest where nothing limits it, too. */
static int add_totals(Ledger *ledger, Limits *limits) {
        static const char *const windows[] = { "day", "month" };

        for (size_t i = 0; i < ELEMENTSOF(windows) && ledger; i++) {
                LedgerLimit total = {};
                int r;

                if (limits_find(limits, "total", "", windows[i]))
                        continue;
                r = ledger_usage(ledger, "total", "", windows[i], now_realtime_usec(), &total);
                if (r >= 0) {
                        total.scope = "total";
                        total.subject = "";
                        total.window = windows[i];
                        r = limits_add(limits, &total);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_json(const Limits *limits) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        json_object *rows = NULL;
        int r;

        if (!json)
                return -ENOMEM;
        r = table_to_json(limit_columns, n_limit_columns, (const void *const *) limits->list, limits->n, &rows);
        if (r >= 0)
                r = json_set(json, "limits", rows);
        return r < 0 ? r : json_print(json);
}

static int print(const Limits *limits) {
        if (limits->n == 0)
                return puts("Nothing was spent, and there are no limits; 'toolooctl budget --set=total=5/day' sets one.") < 0 ? -EIO : 0;
        return table_print(limit_columns, n_limit_columns, (const void *const *) limits->list, limits->n, limits->n, NULL);
}

int gateway_budget(Ctl *ctl) {
        bool set = ctl->given[OPTION_SET] || ctl->given[OPTION_SOFT];
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        _cleanup_(limits_done) Limits limits = {};
        int status, r;

        status = set ? check_all(ctl) : CTL_OK;
        if (status == CTL_OK)
                status = gateway_ledger_open(set ? LEDGER_WRITE : LEDGER_READ, &ledger);
        if (status == CTL_OK && set)
                status = set_all(ctl, ledger);
        if (status != CTL_OK)
                return status;
        r = limits_read(ledger, &limits);
        if (r >= 0)
                r = add_totals(ledger, &limits);
        if (r >= 0 && ctl->json)
                r = print_json(&limits);
        else if (r >= 0 && !ctl->quiet)
                r = print(&limits);
        return r < 0 ? gateway_failed(r, "cannot show the limits") : CTL_OK;
}
