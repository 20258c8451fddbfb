/* SPDX-License-Identifier: MIT */
#include "provider-options.h"

#include "prices.h"
#include "shared/log.h"

/* The models that options are about: those that --model names, else all. */
typedef struct Chosen {
        ProviderFile *f;
        bool list[PROVIDER_MODELS_MAX];
} Chosen;

static bool price_given(const Ctl *ctl) {
        return ctl->given[OPTION_PRICE_INPUT] || ctl->given[OPTION_PRICE_OUTPUT] || ctl->given[OPTION_PRICE_CACHED] ||
                ctl->given[OPTION_PRICE_CACHE_WRITE] || ctl->given[OPTION_PRICE_REASONING];
}

bool provider_options_given(const Ctl *ctl) {
        return ctl->given[OPTION_MODEL] || ctl->given[OPTION_BASE_URL] || ctl->given[OPTION_MAX_CONCURRENCY] ||
                ctl->given[OPTION_PRICES] || ctl->given[OPTION_ABILITY] || price_given(ctl);
}

/* "NAME" or "NAME=UPSTREAM". */
static int choose_model(const Ctl *ctl, Chosen *chosen, const char *text) {
        size_t n = strcspn(text, "=");
        _cleanup_(freep) char *name = strndup(text, n);
        const char *upstream = text[n] == '=' ? text + n + 1 : NULL, *expected;
        const ProviderModel *found;
        ProviderModel *model;
        size_t i;
        int r;

        if (!name)
                return gateway_no_memory();
        expected = provider_model_name_fault(name);
        if (!expected && upstream)
                expected = provider_model_name_fault(upstream);
        if (expected)
                return verb_usage(ctl, "--model does not take '%s': %s", text, expected);
        r = provider_file_add_model(chosen->f, name, &model);
        if (r == -E2BIG)
                return verb_usage(ctl, "a provider has at most %d models", PROVIDER_MODELS_MAX);
        found = provider_file_find_model(chosen->f, name);
        if ((r < 0 && r != -EEXIST) || !found)
                return gateway_no_memory();
        i = (size_t) (found - chosen->f->models);
        if (chosen->list[i])
                return verb_usage(ctl, "--model gives '%s' twice", name);
        chosen->list[i] = true;
        return upstream && str_replace(&chosen->f->models[i].upstream, upstream) < 0 ? gateway_no_memory() : CTL_OK;
}

static int choose_models(const Ctl *ctl, Chosen *chosen) {
        int status = CTL_OK;

        for (size_t i = 0; i < ctl->n_options && status == CTL_OK; i++)
                if (ctl->options[i].id == OPTION_MODEL)
                        status = choose_model(ctl, chosen, ctl->options[i].value);
        for (size_t i = 0; i < chosen->f->n_models && !ctl->given[OPTION_MODEL]; i++)
                chosen->list[i] = true;
        return status;
}

/* --- Prices and abilities --- */

static int apply_file(const Chosen *chosen, const char *path) {
        _cleanup_(prices_done) Prices prices = {};
        _cleanup_(freep) char *why = NULL;
        int r;

        r = prices_read(path, &prices, &why);
        for (size_t i = 0; i < chosen->f->n_models && r >= 0; i++) {
                ProviderModel *m = chosen->f->models + i;

                if (!chosen->list[i])
                        continue;
                r = prices_apply(&prices, chosen->f->kind, m, &why);
                if (r > 0)
                        log_warning("%s has other prices for long prompts of %s; they are not counted with", path, m->name);
                if (r == -ENOENT) {
                        log_error("%s has no model '%s'", path, m->upstream);
                        return CTL_FAILED;
                }
                if (why) {
                        log_error("%s: %s: %s", path, m->upstream, why);
                        return CTL_FAILED;
                }
        }
        if (r >= 0)
                return CTL_OK;
        if (why)
                log_error("%s: %s", path, why);
        else
                (void) log_errno(r, "cannot read %s", path);
        return CTL_FAILED;
}

static int read_price(const Ctl *ctl, int option, int64_t *ret) {
        const char *text = ctl->given[option];

        if (!text || provider_price_parse(text, ret) >= 0)
                return CTL_OK;
        return verb_usage(ctl, "--%s takes USD per million tokens, a number from 0 to 100000 with at most 6 decimals, not '%s'",
                          option_find(option)->name, text);
}

/* One that has no price yet needs both, of prompts and of answers. */
static int apply_prices(const Ctl *ctl, ProviderModel *m) {
        ProviderPrice p = m->price;

        if (!price_given(ctl))
                return CTL_OK;
        if (!p.known) {
                p = (ProviderPrice) { .known = true, .cached = -1, .cache_write = -1, .reasoning = -1 };
                if (!ctl->given[OPTION_PRICE_INPUT] || !ctl->given[OPTION_PRICE_OUTPUT])
                        return verb_usage(ctl, "a price needs --price-input and --price-output");
        }
        if (read_price(ctl, OPTION_PRICE_INPUT, &p.input) != CTL_OK || read_price(ctl, OPTION_PRICE_OUTPUT, &p.output) != CTL_OK ||
            read_price(ctl, OPTION_PRICE_CACHED, &p.cached) != CTL_OK ||
            read_price(ctl, OPTION_PRICE_CACHE_WRITE, &p.cache_write) != CTL_OK ||
            read_price(ctl, OPTION_PRICE_REASONING, &p.reasoning) != CTL_OK)
                return CTL_USAGE;
        m->price = p;
        return str_replace(&m->price.source, "given") < 0 ? gateway_no_memory() : CTL_OK;
}

static int read_abilities(const Ctl *ctl, unsigned *ret) {
        unsigned abilities = 0;

        for (size_t i = 0; i < ctl->n_options; i++) {
                int ability;

                if (ctl->options[i].id != OPTION_ABILITY)
                        continue;
                ability = provider_ability_from_string(ctl->options[i].value);
                if (ability < 0)
                        return verb_usage(ctl, "--ability takes tools, vision, json or reasoning, not '%s'", ctl->options[i].value);
                abilities |= (unsigned) ability;
        }
        *ret = abilities;
        return CTL_OK;
}

/* What is given by hand goes before what the file says. */
static int apply_to_models(const Ctl *ctl, const Chosen *chosen) {
        unsigned abilities = 0;
        int status;

        status = read_abilities(ctl, &abilities);
        if (status == CTL_OK && ctl->given[OPTION_PRICES])
                status = apply_file(chosen, ctl->given[OPTION_PRICES]);
        for (size_t i = 0; i < chosen->f->n_models && status == CTL_OK; i++) {
                if (!chosen->list[i])
                        continue;
                chosen->f->models[i].abilities |= abilities;
                status = apply_prices(ctl, chosen->f->models + i);
        }
        return status;
}

/* --- The provider itself --- */

static int apply_url(const Ctl *ctl, ProviderFile *f) {
        const char *url = ctl->given[OPTION_BASE_URL], *expected = url ? provider_url_fault(url) : NULL;

        if (expected)
                return verb_usage(ctl, "--base-url does not take it: %s", expected);
        return url && provider_file_set_base_url(f, url) < 0 ? gateway_no_memory() : CTL_OK;
}

int provider_options_apply(const Ctl *ctl, ProviderFile *f) {
        const char *concurrency = ctl->given[OPTION_MAX_CONCURRENCY];
        Chosen chosen = { .f = f };
        unsigned long number = f->max_concurrency;
        int status;

        if (concurrency && parse_uint(concurrency, 1, PROVIDER_CONCURRENCY_MAX, &number) < 0)
                return verb_usage(ctl, "--max-concurrency takes a number from 1 to %u, not '%s'", PROVIDER_CONCURRENCY_MAX,
                                  concurrency);
        f->max_concurrency = (unsigned) number;
        status = apply_url(ctl, f);
        if (status == CTL_OK)
                status = choose_models(ctl, &chosen);
        if (status == CTL_OK && f->n_models == 0)
                return verb_usage(ctl, "a provider needs a model: give --model=NAME, once for each");
        return status != CTL_OK ? status : apply_to_models(ctl, &chosen);
}
