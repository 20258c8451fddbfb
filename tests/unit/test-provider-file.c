/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/provider-file.h"
#include "shared/strv.h"

#define WHOLE                                                                                                                 \
        "{\"kind\":\"openai\",\"baseUrl\":\"http://127.0.0.1:9/v1/\",\"models\":[{\"name\":\"gpt-4o-mini\",\"upstream\":\"gpt\"," \
        "\"abilities\":[\"json\",\"tools\"],\"contextTokens\":128000,\"maxOutputTokens\":16384,\"price\":{\"input\":0.15,"     \
        "\"output\":0.60,\"cachedInput\":0.075,\"cacheWrite\":null,\"reasoning\":1e-6,\"source\":\"given\"}},{\"name\":\"b\"}]," \
        "\"credential\":true,\"maxConcurrency\":3,\"maxQueue\":0,\"timeouts\":{\"connectMs\":1,\"firstByteMs\":3600000},"      \
        "\"enabled\":false}"

static int parse(const char *text, ProviderFile *ret, char **ret_why) {
        return provider_file_parse("name", text, strlen(text), ret, ret_why);
}

static void expect_whole(const ProviderFile *f) {
        const ProviderModel *m = f->models;

        cr_assert_str_eq(f->name, "name");
        cr_expect_eq(f->kind, PROVIDER_OPENAI);
        cr_expect_str_eq(f->base_url, "http://127.0.0.1:9/v1");
        cr_assert_eq(f->n_models, 2);
        cr_expect_str_eq(m->name, "gpt-4o-mini");
        cr_expect_str_eq(m->upstream, "gpt");
        cr_expect_eq(m->abilities, ABILITY_JSON | ABILITY_TOOLS);
        cr_expect_eq(m->context_tokens, 128000);
        cr_expect_eq(m->max_output_tokens, 16384);
        cr_expect(m->price.known);
        cr_expect_eq(m->price.input, 150000);
        cr_expect_eq(m->price.output, 600000);
        cr_expect_eq(m->price.cached, 75000);
        cr_expect_eq(m->price.cache_write, -1);
        cr_expect_eq(m->price.reasoning, 1);
        cr_expect_str_eq(m->price.source, "given");
        cr_expect_str_eq(m[1].upstream, "b");
        cr_expect_not(m[1].price.known);
        cr_expect(f->credential);
        cr_expect_not(f->enabled);
        cr_expect_eq(f->max_concurrency, 3);
        cr_expect_eq(f->max_queue, 0);
        cr_expect_eq(f->connect_usec, USEC_PER_MSEC);
        cr_expect_eq(f->first_byte_usec, 3600 * USEC_PER_SEC);
        cr_expect_eq(f->idle_usec, 60 * USEC_PER_SEC);
}

Test(provider_file, whole) {
        _cleanup_(provider_file_done) ProviderFile f = {}, again = {};
        _cleanup_(freep) char *why = NULL;
        json_object *json;

        cr_assert_eq(parse(WHOLE, &f, &why), 0, "%s", strna(why));
        expect_whole(&f);
        cr_expect_eq(provider_file_find_model(&f, "b"), f.models + 1);
        cr_expect_null(provider_file_find_model(&f, "gpt"));
        json = provider_file_to_json(&f);
        cr_assert_not_null(json);
        cr_assert_eq(parse(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY), &again, &why), 0, "%s", strna(why));
        expect_whole(&again);
        (void) json_object_put(json);
}

Test(provider_file, defaults) {
        static const char *const urls[] = { "https://api.openai.com/v1", "https://api.anthropic.com", "http://127.0.0.1:11434",
                                            "https://generativelanguage.googleapis.com" };

        for (int kind = 0; kind < _PROVIDER_KIND_MAX; kind++) {
                _cleanup_(freep) char *text = str_printf("{\"kind\":\"%s\",\"models\":[{\"name\":\"m\"}]}",
                                                         provider_kind_to_string((ProviderKind) kind)), *why = NULL;
                _cleanup_(provider_file_done) ProviderFile f = {};

                cr_assert_eq(parse(text, &f, &why), 0, "%s", strna(why));
                cr_expect_eq((int) f.kind, kind);
                cr_expect_str_eq(f.base_url, urls[kind]);
                cr_expect_eq(f.max_concurrency, 16);
                cr_expect_eq(f.max_queue, 256);
                cr_expect(f.enabled);
                cr_expect_not(f.credential);
                cr_expect_eq(f.connect_usec, 5 * USEC_PER_SEC);
                cr_expect_eq(f.first_byte_usec, 60 * USEC_PER_SEC);
        }
}

#define KIND "\"kind\":\"ollama\""
#define MODELS "\"models\":[{\"name\":\"m\"}]"
#define MODEL(fields) "{" KIND ",\"models\":[{\"name\":\"m\"," fields "}]}"
#define FILE_WITH(fields) "{" KIND "," MODELS "," fields "}"
#define PRICE(fields) MODEL("\"price\":{" fields "}")
#define M16 "mmmmmmmmmmmmmmmm"
#define M128 M16 M16 M16 M16 M16 M16 M16 M16

/* NULL: it is good. */
Test(provider_file, edges) {
        static const struct {
                const char *text, *why;
        } cases[] = {
                { "", "line 1: this is no JSON" },
                { "{" KIND ",\n" MODELS ",\n", "line 3: this is no JSON (it ends too early)" },
                { "{" KIND ",\n" MODELS "} x", "line 2: this is no JSON" },
                { "[]", "an object is expected" },
                { "null", "this is no JSON" },
                { "{" MODELS "}", "kind: openai, anthropic, ollama or gemini is expected" },
                { "{\"kind\":\"llama\"," MODELS "}", "kind: " },
                { "{\"kind\":1," MODELS "}", "kind: a text is expected" },
                { "{" KIND "}", "models: an array of 1 to 256" },
                { "{" KIND ",\"models\":[]}", "models: an array of 1 to 256" },
                { "{" KIND ",\"models\":[{}]}", "models[0].name: 1 to 128" },
                { "{" KIND ",\"models\":[{\"name\":\"m\"},{\"name\":\"m\"}]}", "models[1].name: 'm' is there already" },
                { "{" KIND ",\"models\":[{\"name\":\"" M128 "\"}]}", NULL },
                { "{" KIND ",\"models\":[{\"name\":\"" M128 "m\"}]}", "models[0].name: 1 to 128" },
                { "{" KIND ",\"models\":[{\"name\":\"a b\"}]}", "models[0].name: 1 to 128" },
                { "{" KIND ",\"models\":[{\"name\":\"a\\u0000b\"}]}", "models[0].name: a text is expected" },
                { MODEL("\"upstream\":\"\""), "models[0].upstream: 1 to 128" },
                { MODEL("\"prices\":{}"), "models[0].prices: there is no such field" },
                { MODEL("\"abilities\":[\"tools\",\"smell\"]"), "models[0].abilities[1]: tools, vision" },
                { MODEL("\"abilities\":\"tools\""), "models[0].abilities: an array is expected" },
                { MODEL("\"contextTokens\":0"), "models[0].contextTokens: a whole number from 1 to 1000000000" },
                { MODEL("\"contextTokens\":1000000000"), NULL },
                { MODEL("\"contextTokens\":1000000001"), "models[0].contextTokens: " },
                { MODEL("\"contextTokens\":1.5"), "models[0].contextTokens: " },
                { PRICE("\"input\":0,\"output\":0"), NULL },
                { PRICE("\"input\":100000,\"output\":99999.999999"), NULL },
                { PRICE("\"input\":100000.000001,\"output\":0"), "models[0].price.input: USD per million tokens" },
                { PRICE("\"input\":0.0000001,\"output\":0"), "models[0].price.input: USD per million tokens" },
                { PRICE("\"input\":1,\"output\":-1"), "models[0].price.output: USD" },
                { PRICE("\"input\":1,\"output\":\"1\""), "models[0].price.output: USD" },
                { PRICE("\"input\":1"), "models[0].price.output: it is missing" },
                { PRICE("\"output\":1"), "models[0].price.input: it is missing" },
                { PRICE("\"input\":1,\"output\":1,\"reasoning\":NaN"), "models[0].price.reasoning: USD" },
                { PRICE("\"input\":1,\"output\":1,\"cached\":1"), "models[0].price.cached: there is no such field" },
                { MODEL("\"price\":null"), NULL },
                { MODEL("\"price\":1"), "models[0].price: an object is expected" },
                { FILE_WITH("\"maxConcurrency\":1"), NULL },
                { FILE_WITH("\"maxConcurrency\":1024"), NULL },
                { FILE_WITH("\"maxConcurrency\":0"), "maxConcurrency: a whole number from 1 to 1024 is expected" },
                { FILE_WITH("\"maxConcurrency\":1025"), "maxConcurrency: " },
                { FILE_WITH("\"maxConcurrency\":99999999999999999999"), "maxConcurrency: " },
                { FILE_WITH("\"maxQueue\":65536"), NULL },
                { FILE_WITH("\"maxQueue\":65537"), "maxQueue: a whole number from 0 to 65536" },
                { FILE_WITH("\"timeouts\":{\"idleMs\":3600000}"), NULL },
                { FILE_WITH("\"timeouts\":{\"idleMs\":3600001}"), "timeouts.idleMs: a whole number from 1 to 3600000" },
                { FILE_WITH("\"timeouts\":{\"connectMs\":0}"), "timeouts.connectMs: " },
                { FILE_WITH("\"timeouts\":{\"connect\":5}"), "timeouts.connect: there is no such field" },
                { FILE_WITH("\"credential\":\"yes\""), "credential: true or false" },
                { FILE_WITH("\"enabled\":1"), "enabled: true or false" },
                { FILE_WITH("\"apiKey\":\"x\""), "apiKey: there is no such field" },
                { FILE_WITH("\"baseUrl\":\"https://[::1]:8443/a\""), NULL },
                { FILE_WITH("\"baseUrl\":\"ftp://x\""), "baseUrl: http://HOST" },
                { FILE_WITH("\"baseUrl\":\"http://\""), "baseUrl: http://HOST" },
                { FILE_WITH("\"baseUrl\":\"http:///v1\""), "baseUrl: http://HOST" },
                { FILE_WITH("\"baseUrl\":\"http://x/?a=b\""), "baseUrl: http://HOST" },
                { FILE_WITH("\"baseUrl\":\"http://me:secret@x/\""), "baseUrl: a name or password" },
                { FILE_WITH("\"baseUrl\":\"http://x/a b\""), "baseUrl: only printable" },
                { FILE_WITH("\"baseUrl\":\"http://x/\\r\\nHost: y\""), "baseUrl: only printable" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(provider_file_done) ProviderFile f = {};
                _cleanup_(freep) char *why = NULL;
                int r = parse(cases[i].text, &f, &why);

                if (!cases[i].why) {
                        cr_expect_eq(r, 0, "%s: %s", cases[i].text, strna(why));
                        continue;
                }
                cr_expect_eq(r, -EBADMSG, "%s", cases[i].text);
                cr_assert_not_null(why, "%s", cases[i].text);
                cr_expect_not_null(strstr(why, cases[i].why), "%s: %s", cases[i].text, why);
                cr_expect_null(f.name);
        }
}

Test(provider_file, models_at_limit) {
        _cleanup_(provider_file_done) ProviderFile f = {};
        ProviderModel *model;

        cr_assert_eq(provider_file_init("n", PROVIDER_GEMINI, &f), 0);
        for (unsigned i = 0; i < PROVIDER_MODELS_MAX; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "m%u", i);
                cr_assert_eq(provider_file_add_model(&f, name, &model), 0);
        }
        cr_expect_eq(provider_file_add_model(&f, "m7", &model), -EEXIST);
        cr_expect_eq(provider_file_add_model(&f, "more", &model), -E2BIG);
        cr_expect_eq(f.n_models, PROVIDER_MODELS_MAX);
}

static void put(const char *directory, const char *file, const char *text) {
        _cleanup_(freep) char *path = str_printf("%s/%s", directory, file);

        cr_assert_eq(write_file_atomic(path, text, strlen(text), 0600), 0);
}

Test(provider_file, directory) {
        char top[] = "/tmp/test-provider-XXXXXX";
        _cleanup_(freep) char *directory = NULL, *credentials = NULL, *command = NULL, *why = NULL;
        _cleanup_(provider_file_done) ProviderFile f = {};
        _cleanup_(strv_freep) char **names = NULL, **none = NULL;

        cr_assert_not_null(mkdtemp(top));
        cr_assert_eq(setenv("XDG_CONFIG_HOME", top, 1), 0);
        cr_assert_eq(provider_directory(&directory), 0);
        cr_assert_eq(provider_credentials_directory(&credentials), 0);
        cr_expect(startswith(directory, top) && endswith(directory, "/tooloo/providers"));
        cr_expect(endswith(credentials, "/tooloo/credentials"));
        cr_expect_eq(provider_names(directory, &none), 0);
        cr_expect_null(none);
        cr_assert_eq(mkdir_parents(directory, 0700), 0);
        put(directory, "zeta.json", FILE_WITH("\"maxQueue\":7"));
        put(directory, "alpha.json", "{");
        put(directory, "Upper.json", "{}");
        put(directory, ".alpha.json", "{}");
        put(directory, "alpha.json~", "{}");
        cr_assert_eq(provider_names(directory, &names), 0);
        cr_assert_eq(strv_length(names), 2);
        cr_expect_str_eq(names[0], "alpha");
        cr_expect_str_eq(names[1], "zeta");
        cr_expect_eq(provider_file_read(directory, "alpha", &f, &why), -EBADMSG);
        cr_expect_not_null(why);
        cr_expect_eq(provider_file_read(directory, "beta", &f, &why), -ENOENT);
        cr_assert_eq(provider_file_read(directory, "zeta", &f, &why), 0);
        cr_expect_eq(f.max_queue, 7);
        cr_expect_str_eq(f.name, "zeta");
        command = str_printf("rm -r %s", top);
        cr_expect_eq(system(command), 0);
}

/* A relative $XDG_CONFIG_HOME is to be ignored, and without a home there is no place. */
Test(provider_file, no_home) {
        _cleanup_(freep) char *directory = NULL;

        cr_assert_eq(setenv("XDG_CONFIG_HOME", "config", 1), 0);
        cr_assert_eq(setenv("HOME", "/home/x", 1), 0);
        cr_assert_eq(provider_directory(&directory), 0);
        cr_expect_str_eq(directory, "/home/x/.config/tooloo/providers");
        free(TAKE_PTR(directory));
        cr_assert_eq(unsetenv("HOME"), 0);
        cr_expect_eq(provider_directory(&directory), -ENXIO);
        cr_expect_null(directory);
}
