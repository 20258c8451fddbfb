/* SPDX-License-Identifier: MIT */
#include "prices.h"

#include <errno.h>
#include <json-c/json.h>

#include "basic/decimal.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

#define TOKEN_PLACES 12 /* decimals of USD a token, in pico-dollars */

void prices_done(Prices *p) {
        (void) json_object_put(p->json);
        free(p->source);
        *p = (Prices) {};
}

TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

static int complain(char **ret_why, const char *format, ...) _printf_(2, 3);
static int complain(char **ret_why, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        *ret_why = str_vprintf(format, ap);
        va_end(ap);
        return *ret_why ? -EBADMSG : -ENOMEM;
}

static int parse(const char *text, size_t size, json_object **ret, char **ret_why) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new_ex(16);
        json_object *json;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_object_is_type(json, json_type_object)) {
                *ret = json;
                return 0;
        }
        (void) json_object_put(json);
        return complain(ret_why, "it is no JSON object of models (%s at byte %zu)",
                        json_tokener_get_error(tokener) == json_tokener_continue ? "it ends too early"
                                : json_tokener_error_desc(json_tokener_get_error(tokener)), json_tokener_get_parse_end(tokener));
}

int prices_read(const char *path, Prices *ret, char **ret_why) {
        _cleanup_(prices_done) Prices p = {};
        _cleanup_(freep) char *text = NULL;
        const char *slash = strrchr(path, '/');
        size_t size;
        int r;

        r = read_file(path, PRICES_FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        r = parse(text, size, &p.json, ret_why);
        if (r < 0)
                return r;
        p.source = strndup(slash ? slash + 1 : path, PROVIDER_MODEL_NAME_MAX);
        if (!p.source)
                return -ENOMEM;
        utf8_clean(p.source, strlen(p.source));
        *ret = (Prices) { .json = TAKE_PTR(p.json), .source = TAKE_PTR(p.source) };
        return 0;
}

/* --- One model --- */

static json_object *get(json_object *object, const char *name) {
        json_object *field = NULL;

        return json_object_object_get_ex(object, name, &field) ? field : NULL;
}

static json_object *find_model(const Prices *p, ProviderKind kind, const ProviderModel *model) {
        const char *const names[] = { model->upstream, model->name };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *prefixed = str_printf("%s/%s", provider_kind_to_string(kind), names[i]);
                json_object *found = get(p->json, names[i]);

                if (!found && prefixed)
                        found = get(p->json, prefixed);
                if (json_object_is_type(found, json_type_object))
                        return found;
        }
        return NULL;
}

/* The digits as they are written: json-c keeps them. 0 when it is left out. */
static int read_price(json_object *entry, const char *name, int64_t *ret, char **ret_why) {
        json_object *field = get(entry, name);

        if (!field)
                return 0;
        if ((json_object_is_type(field, json_type_double) || json_object_is_type(field, json_type_int)) &&
            parse_decimal(json_object_get_string(field), TOKEN_PLACES, PROVIDER_PRICE_MAX, ret) >= 0)
                return 1;
        return complain(ret_why, "%s is no price in USD a token from 0 to 0.1", name);
}

static int read_prices(json_object *entry, ProviderPrice *ret, char **ret_why) {
        ProviderPrice p = { .known = true, .input = -1, .output = -1, .cached = -1, .cache_write = -1, .reasoning = -1 };
        int r;

        if ((r = read_price(entry, "input_cost_per_token", &p.input, ret_why)) < 0 ||
            (r = read_price(entry, "output_cost_per_token", &p.output, ret_why)) < 0 ||
            (r = read_price(entry, "cache_read_input_token_cost", &p.cached, ret_why)) < 0 ||
            (r = read_price(entry, "cache_creation_input_token_cost", &p.cache_write, ret_why)) < 0 ||
            (r = read_price(entry, "output_cost_per_reasoning_token", &p.reasoning, ret_why)) < 0)
                return r;
        if (p.input < 0 || p.output < 0)
                return complain(ret_why, "it has no %s_cost_per_token", p.input < 0 ? "input" : "output");
        *ret = p;
        return 0;
}

static unsigned read_abilities(json_object *entry) {
        static const struct {
                const char *name;
                ProviderAbility ability;
        } fields[] = {
                { "supports_function_calling", ABILITY_TOOLS },
                { "supports_vision", ABILITY_VISION },
                { "supports_response_schema", ABILITY_JSON },
                { "supports_reasoning", ABILITY_REASONING },
        };
        unsigned abilities = 0;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (json_object_get_boolean(get(entry, fields[i].name)))
                        abilities |= (unsigned) fields[i].ability;
        return abilities;
}

/* What is no number of tokens is as if nothing were said. */
static int64_t read_tokens(json_object *entry, const char *name, int64_t otherwise) {
        json_object *field = get(entry, name);
        int64_t tokens;

        if (!field || parse_decimal(json_object_get_string(field), 0, PROVIDER_TOKENS_MAX, &tokens) != 0 || tokens == 0)
                return otherwise;
        return tokens;
}

static bool has_tiers(json_object *entry) {
        json_object_object_foreach(entry, name, value)
                if (startswith(name, "input_cost_per_token_above_") && !json_object_is_type(value, json_type_null))
                        return true;
        return false;
}

int prices_apply(const Prices *p, ProviderKind kind, ProviderModel *model, char **ret_why) {
        json_object *entry = find_model(p, kind, model);
        ProviderPrice price = {};
        int r;

        if (!entry)
                return -ENOENT;
        r = read_prices(entry, &price, ret_why);
        if (r < 0)
                return r;
        price.source = strdup(p->source);
        if (!price.source)
                return -ENOMEM;
        free(model->price.source);
        model->price = price;
        model->abilities |= read_abilities(entry);
        model->context_tokens = read_tokens(entry, "max_input_tokens", model->context_tokens);
        /* "max_tokens" is the older name of the same. */
        model->max_output_tokens = read_tokens(entry, "max_output_tokens",
                                               read_tokens(entry, "max_tokens", model->max_output_tokens));
        return has_tiers(entry);
}
