/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/gateway/prices.h"

static const char text[] =
        "{\"sample_spec\": {\"max_tokens\": \"LEGACY parameter\", \"input_cost_per_token\": 0.0000},\n"
        " \"one\": {\"input_cost_per_token\": 1.5e-07, \"output_cost_per_token\": 6e-07, \"cache_read_input_token_cost\": 7.5e-08,\n"
        "  \"cache_creation_input_token_cost\": 1.875e-07, \"output_cost_per_reasoning_token\": 1e-12, \"max_tokens\": 16384,\n"
        "  \"max_input_tokens\": 128000, \"max_output_tokens\": 16000, \"supports_function_calling\": true,\n"
        "  \"supports_vision\": true, \"supports_response_schema\": true, \"supports_reasoning\": true},\n"
        " \"gemini/two\": {\"input_cost_per_token\": 0.0000001, \"output_cost_per_token\": 3.00000000000049e-07,\n"
        "  \"max_tokens\": 8192, \"supports_vision\": false, \"input_cost_per_token_above_128k_tokens\": 2e-07},\n"
        " \"third\": {\"input_cost_per_token\": 3.3333333333333e-07, \"output_cost_per_token\": 6.6666666666667e-07},\n"
        " \"dearest\": {\"input_cost_per_token\": 0.1, \"output_cost_per_token\": 0},\n"
        " \"dearer\": {\"input_cost_per_token\": 0.100000000001, \"output_cost_per_token\": 0},\n"
        " \"below\": {\"input_cost_per_token\": -1e-07, \"output_cost_per_token\": 0},\n"
        " \"half\": {\"input_cost_per_token\": 1e-07},\n"
        " \"word\": {\"input_cost_per_token\": \"1e-07\", \"output_cost_per_token\": 0},\n"
        " \"list\": []}";

static char path[] = "/tmp/test-prices-XXXXXX";
static Prices prices;

static void setup(void) {
        _cleanup_(closep) int fd = mkstemp(path);
        _cleanup_(freep) char *why = NULL;

        cr_assert_geq(fd, 0);
        cr_assert_eq(write_all(fd, text, sizeof(text) - 1), 0);
        cr_assert_eq(prices_read(path, &prices, &why), 0, "%s", strna(why));
}

static void teardown(void) {
        prices_done(&prices);
        (void) unlink(path);
}

TestSuite(prices, .init = setup, .fini = teardown);

/* The caller ends *ret with provider_model_done(). */
static int apply(ProviderKind kind, const char *name, ProviderModel *ret, char **ret_why) {
        *ret = (ProviderModel) { .name = strdup("name"), .upstream = strdup(name) };
        return prices_apply(&prices, kind, ret, ret_why);
}

Test(prices, all_fields) {
        _cleanup_(provider_model_done) ProviderModel m = {};
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(apply(PROVIDER_OPENAI, "one", &m, &why), 0);
        cr_expect(m.price.known);
        cr_expect_eq(m.price.input, 150000);
        cr_expect_eq(m.price.output, 600000);
        cr_expect_eq(m.price.cached, 75000);
        cr_expect_eq(m.price.cache_write, 187500);
        cr_expect_eq(m.price.reasoning, 1);
        cr_expect_str_eq(m.price.source, strrchr(path, '/') + 1);
        cr_expect_eq(m.context_tokens, 128000);
        cr_expect_eq(m.max_output_tokens, 16000);
        cr_expect_eq(m.abilities, ABILITY_TOOLS | ABILITY_VISION | ABILITY_JSON | ABILITY_REASONING);
}

/* Under the kind's own prefix; the old name of a limit; a price that depends on the prompt's length is told. */
Test(prices, prefix_and_tiers) {
        _cleanup_(provider_model_done) ProviderModel m = {}, other = {};
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(apply(PROVIDER_GEMINI, "two", &m, &why), 1);
        cr_expect_eq(m.price.input, 100000);
        cr_expect_eq(m.price.output, 300000);
        cr_expect_eq(m.price.cached, -1);
        cr_expect_eq(m.price.reasoning, -1);
        cr_expect_eq(m.context_tokens, 0);
        cr_expect_eq(m.max_output_tokens, 8192);
        cr_expect_eq(m.abilities, 0);
        cr_expect_eq(apply(PROVIDER_OPENAI, "two", &other, &why), -ENOENT);
        cr_expect_not(other.price.known);
}

Test(prices, rounded_half_up_to_the_pico_dollar) {
        _cleanup_(provider_model_done) ProviderModel m = {};
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(apply(PROVIDER_OPENAI, "third", &m, &why), 0);
        cr_expect_eq(m.price.input, 333333);
        cr_expect_eq(m.price.output, 666667);
}

Test(prices, edges) {
        static const struct {
                const char *name, *why;
                int r;
        } cases[] = {
                { "dearest", NULL, 0 },
                { "dearer", "input_cost_per_token is no price", -EBADMSG },
                { "below", "input_cost_per_token is no price", -EBADMSG },
                { "half", "it has no output_cost_per_token", -EBADMSG },
                { "word", "input_cost_per_token is no price", -EBADMSG },
                { "sample_spec", "it has no output_cost_per_token", -EBADMSG },
                { "list", NULL, -ENOENT },
                { "nobody", NULL, -ENOENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(provider_model_done) ProviderModel m = {};
                _cleanup_(freep) char *why = NULL;

                cr_expect_eq(apply(PROVIDER_OPENAI, cases[i].name, &m, &why), cases[i].r, "%s", cases[i].name);
                cr_expect(cases[i].why ? why && startswith(why, cases[i].why) : !why, "%s: %s", cases[i].name, strna(why));
                cr_expect_eq(m.price.known, cases[i].r == 0, "%s", cases[i].name);
        }
}

Test(prices, what_is_no_price_file) {
        static const char *const texts[] = { "", "[]", "{\"a\":", "{\"a\":{}} b", "nothing" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(freep) char *why = NULL;
                Prices p = {};

                cr_assert_eq(write_file_atomic(path, texts[i], strlen(texts[i]), 0600), 0);
                cr_expect_eq(prices_read(path, &p, &why), -EBADMSG, "%s", texts[i]);
                cr_expect_not_null(why, "%s", texts[i]);
                cr_expect_null(p.json);
        }
        cr_assert_eq(unlink(path), 0);
        cr_expect_eq(prices_read(path, &prices, &(char *) { NULL }), -ENOENT);
}
