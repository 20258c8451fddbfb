/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "config.h"
#include "ctl/command.h"
#include "gateway.h"

/* Each with its comma. */
#define OPTIONS(...) (const int[]) { __VA_ARGS__ 0 }
#define SETTINGS                                                                                                              \
        OPTION_BASE_URL, OPTION_MODEL, OPTION_ABILITY, OPTION_PRICE_INPUT, OPTION_PRICE_OUTPUT, OPTION_PRICE_CACHED,          \
        OPTION_PRICE_CACHE_WRITE, OPTION_PRICE_REASONING, OPTION_PRICES, OPTION_MAX_CONCURRENCY, OPTION_KEY_FILE,             \
        OPTION_NO_KEY, OPTION_DRY_RUN,

static const Command provider_commands[] = {
        { "list", gateway_provider_list, 0, 0, "no name", OPTIONS(OPTION_JSON,) },
        { "show", gateway_provider_show, 1, 1, "the name of a provider", OPTIONS(OPTION_JSON,) },
        { "add", gateway_provider_add, 1, 1, "the name that the provider is to have", OPTIONS(OPTION_KIND, SETTINGS) },
        { "edit", gateway_provider_edit, 1, 1, "the name of a provider", OPTIONS(SETTINGS) },
        { "remove", gateway_provider_remove, 1, 1, "the name of a provider", OPTIONS(OPTION_YES,) },
        { "test", gateway_provider_test, 1, 2, "the name of a provider, and that of a model of it", OPTIONS(OPTION_JSON,) },
};

static const Command key_commands[] = {
        { "list", gateway_key_list, 0, 0, "no name", OPTIONS(OPTION_JSON,) },
        { "create", gateway_key_create, 1, 1, "the name that the key is to have", OPTIONS(OPTION_USER, OPTION_BUDGET, OPTION_JSON,) },
        { "revoke", gateway_key_revoke, 1, 1, "the name of a key", OPTIONS() },
};

static const Command ledger_commands[] = {
        { "export", gateway_ledger_export, 0, 0, "no name", OPTIONS(OPTION_FORMAT, OPTION_FROM, OPTION_TO,) },
        { "verify", gateway_ledger_verify, 0, 0, "no name", OPTIONS(OPTION_JSON,) },
        { "rebuild", gateway_ledger_rebuild, 0, 0, "no name", OPTIONS() },
        { "content", gateway_ledger_content, 0, 1, "the id of a request", OPTIONS() },
};

static int run(Ctl *ctl, const Command *commands, size_t n) {
        const Command *c = command_take(ctl, commands, n);

        return c ? c->run(ctl) : CTL_USAGE;
}

static int verb_provider(Ctl *ctl) {
        return run(ctl, provider_commands, ELEMENTSOF(provider_commands));
}

static int verb_key(Ctl *ctl) {
        return run(ctl, key_commands, ELEMENTSOF(key_commands));
}

static int verb_ledger(Ctl *ctl) {
        return run(ctl, ledger_commands, ELEMENTSOF(ledger_commands));
}

static const VerbRun runs[] = {
        { "provider", verb_provider },
        { "key", verb_key },
        { "budget", gateway_budget },
        { "ledger", verb_ledger },
};

int main(int argc, char **argv) {
        Ctl ctl = {};

        (void) signal(SIGPIPE, SIG_IGN); /* a reader that has gone is no crash */
        return command_line_run(&ctl, GATEWAY_PROGRAM, runs, ELEMENTSOF(runs), argc, argv);
}
