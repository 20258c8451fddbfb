/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "amount.h"
#include "basic/time-util.h"
#include "ctl/table.h"
#include "gateway.h"
#include "shared/log.h"
#include "shared/strv.h"

/* --- create --- */

/* Says what is wrong with the command line, before there is a ledger because of it. */
static int check_create(const Ctl *ctl) {
        const char *user = ctl->given[OPTION_USER];

        if (!service_id_valid(ctl->names[0]))
                return verb_usage(ctl, "'%s' cannot be a key's name: a small letter, then small letters, digits and '-', 32 at most",
                                  ctl->names[0]);
        if (user && (!*user || strlen(user) > LEDGER_NAME_MAX))
                return verb_usage(ctl, "--user takes a name of 1 to %d bytes", LEDGER_NAME_MAX);
        for (size_t i = 0; i < ctl->n_options; i++) {
                Amount amount;

                if (ctl->options[i].id == OPTION_BUDGET &&
                    (amount_parse(ctl->options[i].value, &amount) < 0 || amount.nano_usd == 0))
                        return verb_usage(ctl, "--budget takes USD/WINDOW, such as 5/day or 0.10/minute (or month), not '%s'",
                                          ctl->options[i].value);
        }
        return CTL_OK;
}

/* The key and its limits, or nothing. Negative errno. */
static int create(const Ctl *ctl, Ledger *ledger, char text[static LEDGER_KEY_TEXT_MAX]) {
        const char *name = ctl->names[0];
        int r;

        r = ledger_begin(ledger);
        if (r < 0)
                return r;
        r = ledger_create_key(ledger, name, ctl->given[OPTION_USER], now_realtime_usec(), text);
        for (size_t i = 0; i < ctl->n_options && r >= 0; i++) {
                Amount amount;

                if (ctl->options[i].id != OPTION_BUDGET)
                        continue;
                r = amount_parse(ctl->options[i].value, &amount);
                if (r >= 0)
                        r = ledger_set_limit(ledger, &(LedgerLimit) { .scope = "key", .subject = name, .window = amount.window,
                                                                      .hard = amount.nano_usd });
        }
        if (r >= 0)
                return ledger_commit(ledger);
        ledger_rollback(ledger);
        return r;
}

static int print_new(const Ctl *ctl, const char *text) {
        _cleanup_(json_putp) json_object *json = ctl->json ? json_object_new_object() : NULL;
        const char *user = ctl->given[OPTION_USER];
        int r;

        if (!ctl->json) {
                (void) puts(text); /* also with --quiet: it is the one time that it can be seen */
                (void) fflush(stdout);
                if (!ctl->quiet && isatty(STDERR_FILENO))
                        (void) fprintf(stderr, "Keep it: it is not shown again. Clients send it as their API key.\n");
                return 0;
        }
        if (!json || json_set(json, "name", json_object_new_string(ctl->names[0])) < 0 ||
            json_set(json, "key", json_object_new_string(text)) < 0)
                return -ENOMEM;
        r = json_object_object_add(json, "user", user ? json_object_new_string(user) : NULL);
        return r < 0 ? -ENOMEM : json_print(json);
}

int gateway_key_create(Ctl *ctl) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        char text[LEDGER_KEY_TEXT_MAX] = "";
        int status, r;

        status = check_create(ctl);
        if (status == CTL_OK)
                status = gateway_ledger_open(LEDGER_WRITE, &ledger);
        if (status != CTL_OK)
                return status;
        r = create(ctl, ledger, text);
        if (r == -EEXIST) {
                log_error("there is, or was, a key '%s' already: take another name", ctl->names[0]);
                return CTL_FAILED;
        }
        if (r >= 0)
                r = print_new(ctl, text);
        explicit_bzero(text, sizeof(text));
        return r < 0 ? gateway_failed(r, "cannot make the key") : CTL_OK;
}

/* --- revoke --- */

static int take_name(const LedgerKey *key, void *userdata) {
        return key->revoked > 0 ? 0 : strv_extend(userdata, key->name);
}

static int unknown_key(Ledger *ledger, const char *name) {
        _cleanup_(strv_freep) char **names = NULL;

        if (ledger)
                (void) ledger_keys(ledger, take_name, &names);
        return gateway_unknown("key", name, names);
}

int gateway_key_revoke(Ctl *ctl) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL, *old = NULL;
        const char *name = ctl->names[0];
        int status, r;

        status = gateway_ledger_open(LEDGER_READ, &old);
        if (status != CTL_OK)
                return status;
        if (!old)
                return unknown_key(NULL, name);
        status = gateway_ledger_open(LEDGER_WRITE, &ledger);
        if (status != CTL_OK)
                return status;
        r = ledger_revoke_key(ledger, name, now_realtime_usec());
        if (r == -ENOENT)
                return unknown_key(ledger, name);
        if (r < 0 && r != -EALREADY)
                return gateway_failed(r, "cannot revoke the key");
        ctl_say(ctl, "%s is revoked: calls with it are refused from now on", name);
        return CTL_OK;
}
