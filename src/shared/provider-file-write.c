/* SPDX-License-Identifier: MIT */
#include "shared/provider-file.h"

#include <stdlib.h>
#include <json-c/json.h>

#include "basic/decimal.h"
#include "basic/string-util.h"

/* Takes over value, also on failure. */
static bool add(json_object *object, const char *name, json_object *value) {
        if (value && json_object_object_add(object, name, value) >= 0)
                return true;
        (void) json_object_put(value);
        return false;
}

static bool add_text(json_object *object, const char *name, const char *text) {
        return add(object, name, json_object_new_string(text));
}

static bool add_number(json_object *object, const char *name, uint64_t number) {
        return add(object, name, json_object_new_int64((int64_t) number));
}

/* A double whose text is the decimal itself. */
static bool add_price(json_object *object, const char *name, int64_t price) {
        char text[DECIMAL_MAX];

        if (price < 0)
                return true;
        (void) format_decimal(text, price, PROVIDER_PRICE_PLACES);
        return add(object, name, json_object_new_double_s(strtod(text, NULL), text));
}

static bool fill_price(json_object *object, const ProviderPrice *p) {
        return add_price(object, "input", p->input) && add_price(object, "output", p->output) &&
                add_price(object, "cachedInput", p->cached) && add_price(object, "cacheWrite", p->cache_write) &&
                add_price(object, "reasoning", p->reasoning) && (!p->source || add_text(object, "source", p->source));
}

static bool fill_abilities(json_object *array, unsigned abilities) {
        for (int i = 0; provider_ability_names[i]; i++) {
                json_object *word = abilities & (1U << i) ? json_object_new_string(provider_ability_names[i]) : NULL;

                if (!(abilities & (1U << i)))
                        continue;
                if (!word || json_object_array_add(array, word) < 0) {
                        (void) json_object_put(word);
                        return false;
                }
        }
        return true;
}

static bool fill_model(json_object *object, const ProviderModel *m) {
        json_object *part;

        if (!add_text(object, "name", m->name) || (!streq(m->name, m->upstream) && !add_text(object, "upstream", m->upstream)))
                return false;
        part = json_object_new_array();
        if (!add(object, "abilities", part) || !fill_abilities(part, m->abilities))
                return false;
        if ((m->context_tokens > 0 && !add_number(object, "contextTokens", (uint64_t) m->context_tokens)) ||
            (m->max_output_tokens > 0 && !add_number(object, "maxOutputTokens", (uint64_t) m->max_output_tokens)))
                return false;
        if (!m->price.known)
                return true;
        part = json_object_new_object();
        return add(object, "price", part) && fill_price(part, &m->price);
}

static bool fill_models(json_object *array, const ProviderFile *f) {
        for (size_t i = 0; i < f->n_models; i++) {
                json_object *model = json_object_new_object();

                if (!model || json_object_array_add(array, model) < 0) {
                        (void) json_object_put(model);
                        return false;
                }
                if (!fill_model(model, f->models + i))
                        return false;
        }
        return true;
}

static bool fill_timeouts(json_object *object, const ProviderFile *f) {
        return add_number(object, "connectMs", f->connect_usec / USEC_PER_MSEC) &&
                add_number(object, "firstByteMs", f->first_byte_usec / USEC_PER_MSEC) &&
                add_number(object, "idleMs", f->idle_usec / USEC_PER_MSEC);
}

static bool fill(json_object *json, const ProviderFile *f) {
        json_object *models = json_object_new_array(), *timeouts;

        if (!add_text(json, "kind", provider_kind_to_string(f->kind)) || !add_text(json, "baseUrl", f->base_url)) {
                (void) json_object_put(models);
                return false;
        }
        if (!add(json, "models", models) || !fill_models(models, f))
                return false;
        timeouts = json_object_new_object();
        return add(json, "credential", json_object_new_boolean(f->credential)) &&
                add_number(json, "maxConcurrency", f->max_concurrency) && add_number(json, "maxQueue", f->max_queue) &&
                add(json, "timeouts", timeouts) && fill_timeouts(timeouts, f) &&
                add(json, "enabled", json_object_new_boolean(f->enabled));
}

json_object *provider_file_to_json(const ProviderFile *f) {
        json_object *json = json_object_new_object();

        if (json && fill(json, f))
                return json;
        (void) json_object_put(json);
        return NULL;
}
