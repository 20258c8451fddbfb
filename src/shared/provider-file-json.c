/* SPDX-License-Identifier: MIT */
#include "shared/provider-file.h"

#include <errno.h>
#include <stdlib.h>
#include <json-c/json.h>

#include "basic/decimal.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

/* What reading ends with first. */
typedef struct Reader {
        char *why;
} Reader;

static int fault(Reader *reader, const char *format, ...) _printf_(2, 3);
static int fault(Reader *reader, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        reader->why = str_vprintf(format, ap);
        va_end(ap);
        return reader->why ? -EBADMSG : -ENOMEM;
}

/* --- Fields. where is what stands before a field's name in a fault: "models[0]." --- */

static int check_fields(Reader *reader, json_object *object, const char *where, const char *const known[]) {
        json_object_object_foreach(object, name, value) {
                size_t i = 0;

                (void) value;
                while (known[i] && !streq(known[i], name))
                        i++;
                if (!known[i])
                        return fault(reader, "%s%.64s: there is no such field", where, name);
        }
        return 0;
}

/* NULL counts as left out. */
static json_object *get(json_object *object, const char *name) {
        json_object *field = NULL;

        return json_object_object_get_ex(object, name, &field) ? field : NULL;
}

static int read_text(Reader *reader, json_object *object, const char *where, const char *name, const char **ret) {
        json_object *field = get(object, name);

        if (!field)
                return 0;
        if (!json_object_is_type(field, json_type_string) ||
            strlen(json_object_get_string(field)) != (size_t) json_object_get_string_len(field))
                return fault(reader, "%s%s: a text is expected", where, name);
        *ret = json_object_get_string(field);
        return 1;
}

static int read_bool(Reader *reader, json_object *object, const char *name, bool *ret) {
        json_object *field = get(object, name);

        if (!field)
                return 0;
        if (!json_object_is_type(field, json_type_boolean))
                return fault(reader, "%s: true or false is expected", name);
        *ret = json_object_get_boolean(field);
        return 0;
}

static int read_number(Reader *reader, json_object *object, const char *where, const char *name, int64_t min, int64_t max,
                       int64_t *ret) {
        json_object *field = get(object, name);

        if (!field)
                return 0;
        if (!json_object_is_type(field, json_type_int) || json_object_get_int64(field) < min ||
            json_object_get_int64(field) > max)
                return fault(reader, "%s%s: a whole number from %lld to %lld is expected", where, name, (long long) min,
                             (long long) max);
        *ret = json_object_get_int64(field);
        return 1;
}

/* json-c keeps the digits that a number was written with, so nothing is lost on the way through a double. */
static int read_price_field(Reader *reader, json_object *object, const char *where, const char *name, int64_t *ret) {
        json_object *field = get(object, name);

        if (!field)
                return 0;
        if ((json_object_is_type(field, json_type_double) || json_object_is_type(field, json_type_int)) &&
            provider_price_parse(json_object_get_string(field), ret) >= 0)
                return 1;
        return fault(reader, "%sprice.%s: USD per million tokens are expected, a number from 0 to 100000 with at most 6 decimals",
                     where, name);
}

/* --- Models --- */

static int read_price(Reader *reader, json_object *model, const char *where, ProviderPrice *ret) {
        static const char *const known[] = { "input", "output", "cachedInput", "cacheWrite", "reasoning", "source", NULL };
        _cleanup_(freep) char *inner = str_printf("%sprice.", where);
        json_object *object = get(model, "price");
        ProviderPrice p = { .known = true, .input = -1, .output = -1, .cached = -1, .cache_write = -1, .reasoning = -1 };
        const char *source = NULL;
        int r;

        if (!inner)
                return -ENOMEM;
        if (!object)
                return 0;
        if (!json_object_is_type(object, json_type_object))
                return fault(reader, "%sprice: an object is expected", where);
        if ((r = check_fields(reader, object, inner, known)) < 0 ||
            (r = read_price_field(reader, object, where, "input", &p.input)) < 0 ||
            (r = read_price_field(reader, object, where, "output", &p.output)) < 0 ||
            (r = read_price_field(reader, object, where, "cachedInput", &p.cached)) < 0 ||
            (r = read_price_field(reader, object, where, "cacheWrite", &p.cache_write)) < 0 ||
            (r = read_price_field(reader, object, where, "reasoning", &p.reasoning)) < 0 ||
            (r = read_text(reader, object, inner, "source", &source)) < 0)
                return r;
        if (p.input < 0 || p.output < 0)
                return fault(reader, "%s%s: it is missing; a price has an input and an output", inner,
                             p.input < 0 ? "input" : "output");
        if (source && strlen(source) > PROVIDER_MODEL_NAME_MAX)
                return fault(reader, "%ssource: at most %d bytes are expected", inner, PROVIDER_MODEL_NAME_MAX);
        p.source = source ? strdup(source) : NULL;
        if (source && !p.source)
                return -ENOMEM;
        *ret = p;
        return 0;
}

static int read_abilities(Reader *reader, json_object *model, const char *where, unsigned *ret) {
        json_object *array = get(model, "abilities");
        unsigned abilities = 0;

        if (!array)
                return 0;
        if (!json_object_is_type(array, json_type_array))
                return fault(reader, "%sabilities: an array is expected", where);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *word = json_object_array_get_idx(array, i);
                int ability = json_object_is_type(word, json_type_string)
                        ? provider_ability_from_string(json_object_get_string(word)) : -EINVAL;

                if (ability < 0)
                        return fault(reader, "%sabilities[%zu]: tools, vision, json or reasoning is expected", where, i);
                abilities |= (unsigned) ability;
        }
        *ret = abilities;
        return 0;
}

static int read_model_fields(Reader *reader, json_object *object, const char *where, ProviderModel *m) {
        static const char *const known[] = { "name", "upstream", "abilities", "contextTokens", "maxOutputTokens", "price", NULL };
        const char *upstream = NULL, *expected;
        int r;

        if ((r = check_fields(reader, object, where, known)) < 0 ||
            (r = read_text(reader, object, where, "upstream", &upstream)) < 0 ||
            (r = read_abilities(reader, object, where, &m->abilities)) < 0 ||
            (r = read_number(reader, object, where, "contextTokens", 1, PROVIDER_TOKENS_MAX, &m->context_tokens)) < 0 ||
            (r = read_number(reader, object, where, "maxOutputTokens", 1, PROVIDER_TOKENS_MAX, &m->max_output_tokens)) < 0 ||
            (r = read_price(reader, object, where, &m->price)) < 0)
                return r;
        expected = upstream ? provider_model_name_fault(upstream) : NULL;
        if (expected)
                return fault(reader, "%supstream: %s", where, expected);
        return upstream ? str_replace(&m->upstream, upstream) : 0;
}

static int read_model(Reader *reader, json_object *object, size_t i, ProviderFile *f) {
        _cleanup_(freep) char *where = str_printf("models[%zu].", i);
        const char *name = NULL, *expected;
        ProviderModel *model;
        int r;

        if (!where)
                return -ENOMEM;
        if (!json_object_is_type(object, json_type_object))
                return fault(reader, "models[%zu]: an object is expected", i);
        r = read_text(reader, object, where, "name", &name);
        if (r < 0)
                return r;
        expected = provider_model_name_fault(strempty(name));
        if (expected)
                return fault(reader, "%sname: %s", where, expected);
        r = provider_file_add_model(f, name, &model);
        if (r == -EEXIST)
                return fault(reader, "%sname: '%s' is there already", where, name);
        return r < 0 ? r : read_model_fields(reader, object, where, model);
}

static int read_models(Reader *reader, json_object *json, ProviderFile *f) {
        json_object *array = get(json, "models");
        size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
        int r = 0;

        if (n < 1 || n > PROVIDER_MODELS_MAX)
                return fault(reader, "models: an array of 1 to %d models is expected", PROVIDER_MODELS_MAX);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = read_model(reader, json_object_array_get_idx(array, i), i, f);
        return r;
}

/* --- The whole --- */

static int read_timeouts(Reader *reader, json_object *json, ProviderFile *f) {
        static const char *const known[] = { "connectMs", "firstByteMs", "idleMs", NULL };
        uint64_t *const to[] = { &f->connect_usec, &f->first_byte_usec, &f->idle_usec };
        json_object *object = get(json, "timeouts");
        int r;

        if (!object)
                return 0;
        if (!json_object_is_type(object, json_type_object))
                return fault(reader, "timeouts: an object is expected");
        r = check_fields(reader, object, "timeouts.", known);
        for (size_t i = 0; i < ELEMENTSOF(to) && r >= 0; i++) {
                int64_t ms = 0;

                r = read_number(reader, object, "timeouts.", known[i], 1, PROVIDER_TIMEOUT_MAX_MS, &ms);
                if (r > 0)
                        *to[i] = (uint64_t) ms * USEC_PER_MSEC;
        }
        return r;
}

static int read_base_url(Reader *reader, json_object *json, ProviderFile *f) {
        const char *url = NULL, *expected;
        int r;

        r = read_text(reader, json, "", "baseUrl", &url);
        if (r <= 0)
                return r;
        expected = provider_url_fault(url);
        if (expected)
                return fault(reader, "baseUrl: %s", expected);
        return provider_file_set_base_url(f, url);
}

static int read_concurrency(Reader *reader, json_object *json, ProviderFile *f) {
        int64_t concurrency = f->max_concurrency, queue = f->max_queue;
        int r;

        if ((r = read_number(reader, json, "", "maxConcurrency", 1, PROVIDER_CONCURRENCY_MAX, &concurrency)) < 0 ||
            (r = read_number(reader, json, "", "maxQueue", 0, PROVIDER_QUEUE_MAX, &queue)) < 0)
                return r;
        f->max_concurrency = (unsigned) concurrency;
        f->max_queue = (unsigned) queue;
        return 0;
}

static int read_kind(Reader *reader, json_object *json) {
        const char *kind = NULL;
        int r = read_text(reader, json, "", "kind", &kind);

        if (r < 0)
                return r;
        r = kind ? provider_kind_from_string(kind) : -EINVAL;
        return r == -EINVAL ? fault(reader, "kind: openai, anthropic, ollama or gemini is expected") : r;
}

static int read_file_fields(Reader *reader, const char *name, json_object *json, ProviderFile *f) {
        static const char *const known[] = { "kind", "baseUrl", "models", "credential", "maxConcurrency", "maxQueue", "timeouts",
                                             "enabled", NULL };
        int r;

        if (!json_object_is_type(json, json_type_object))
                return fault(reader, "an object is expected");
        if ((r = check_fields(reader, json, "", known)) < 0 || (r = read_kind(reader, json)) < 0 ||
            (r = provider_file_init(name, (ProviderKind) r, f)) < 0 || (r = read_base_url(reader, json, f)) < 0 ||
            (r = read_models(reader, json, f)) < 0 || (r = read_bool(reader, json, "credential", &f->credential)) < 0 ||
            (r = read_bool(reader, json, "enabled", &f->enabled)) < 0 || (r = read_concurrency(reader, json, f)) < 0)
                return r;
        r = read_timeouts(reader, json, f);
        return r < 0 ? r : 0;
}

int provider_file_from_json(const char *name, json_object *json, ProviderFile *ret, char **ret_why) {
        _cleanup_(provider_file_done) ProviderFile f = {};
        Reader reader = {};
        int r = read_file_fields(&reader, name, json, &f);

        if (r < 0) {
                if (reader.why)
                        *ret_why = reader.why;
                return r;
        }
        *ret = f;
        f = (ProviderFile) {};
        return 0;
}

static void json_object_putp(json_object **o) {
        (void) json_object_put(*o);
}

static void json_tokener_freep(json_tokener **t) {
        if (*t)
                json_tokener_free(*t);
}

int provider_file_parse(const char *name, const char *text, size_t size, ProviderFile *ret, char **ret_why) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new_ex(16);
        _cleanup_(json_object_putp) json_object *json = NULL;
        Reader reader = {};
        size_t line = 1;
        int r;

        if (!tokener)
                return -ENOMEM;
        if (size > PROVIDER_FILE_MAX)
                return -EFBIG;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        /* The final NUL ends a number; an empty text is none of JSON's either. */
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_tokener_get_error(tokener) == json_tokener_success && json)
                return provider_file_from_json(name, json, ret, ret_why);
        for (size_t i = 0; i < size && i < json_tokener_get_parse_end(tokener); i++)
                line += text[i] == '\n';
        r = fault(&reader, "line %zu: this is no JSON (%s)", line,
                  json_tokener_get_error(tokener) == json_tokener_continue ? "it ends too early"
                          : json_tokener_error_desc(json_tokener_get_error(tokener)));
        if (reader.why)
                *ret_why = reader.why;
        return r;
}

int provider_file_read(const char *directory, const char *name, ProviderFile *ret, char **ret_why) {
        _cleanup_(freep) char *path = str_printf("%s/%s.json", directory, name), *text = NULL;
        size_t size;
        int r;

        if (!path)
                return -ENOMEM;
        r = read_file(path, PROVIDER_FILE_MAX, &text, &size);
        return r < 0 ? r : provider_file_parse(name, text, size, ret, ret_why);
}
