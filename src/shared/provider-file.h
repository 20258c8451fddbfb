/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json_object.h>

#include "basic/macro.h"

/* Providers of models, each a file ~/.config/tooloo/providers/NAME.json that toolooctl writes and the provider service reads:
 *
 *   kind            openai, anthropic, ollama or gemini: what it speaks
 *   baseUrl         http:// or https://, as the vendor's SDK has it; without it, the vendor's
 *   models          [{name, upstream, abilities, contextTokens, maxOutputTokens, price}]; a name alone is enough
 *     upstream      what the provider calls it, where that is not its name
 *     abilities     of "tools", "vision", "json", "reasoning"
 *     price         {input, output, cachedInput, cacheWrite, reasoning, source}: USD per million tokens, at most 6 decimals;
 *                   what is null or left out of the last three costs as much as input, input, output
 *   credential      it has a key: the file ~/.config/tooloo/credentials/NAME
 *   maxConcurrency  calls at a time          maxQueue  calls that wait for that
 *   timeouts        {connectMs, firstByteMs, idleMs}
 *   enabled         false: left out of every choice
 *
 * Anything else in it is an error: a field misspelt would else be one ignored. */

typedef enum ProviderKind { /* in wire.h's order */
        PROVIDER_OPENAI,
        PROVIDER_ANTHROPIC,
        PROVIDER_OLLAMA,
        PROVIDER_GEMINI,
        _PROVIDER_KIND_MAX,
} ProviderKind;

typedef enum ProviderAbility {
        ABILITY_TOOLS = 1 << 0,
        ABILITY_VISION = 1 << 1,
        ABILITY_JSON = 1 << 2,
        ABILITY_REASONING = 1 << 3,
} ProviderAbility;

#define PROVIDER_FILE_MAX (1024 * 1024)              /* bytes of a file */
#define PROVIDER_MODELS_MAX 256
#define PROVIDER_MODEL_NAME_MAX 128                  /* bytes; as the ledger's names */
#define PROVIDER_URL_MAX 1024                        /* bytes */
#define PROVIDER_TOKENS_MAX INT64_C(1000000000)
#define PROVIDER_PRICE_PLACES 6                      /* decimals of USD per million tokens: so its unit is pico-USD a token */
#define PROVIDER_PRICE_MAX INT64_C(100000000000)     /* pico-USD a token: 100,000 USD per million */
#define PROVIDER_CONCURRENCY_MAX 1024U
#define PROVIDER_QUEUE_MAX 65536U
#define PROVIDER_TIMEOUT_MAX_MS UINT64_C(3600000)
#define PROVIDER_CREDENTIAL_MAX 4096                 /* bytes of a key */

typedef struct ProviderPrice {
        bool known;                 /* false: the rest is 0 and says nothing */
        int64_t input, output;      /* pico-USD a token */
        int64_t cached, cache_write; /* -1: as input */
        int64_t reasoning;          /* -1: as output */
        char *source;               /* "given", a price file's name; NULL where nothing is said of it */
} ProviderPrice;

typedef struct ProviderModel {
        char *name, *upstream; /* never NULL; upstream is what the provider is to be asked for */
        unsigned abilities;    /* ABILITY_... */
        int64_t context_tokens, max_output_tokens; /* 0: not known */
        ProviderPrice price;
} ProviderModel;

typedef struct ProviderFile {
        char *name;
        ProviderKind kind;
        char *base_url;        /* never NULL, without a '/' at its end */
        ProviderModel *models;
        size_t n_models;
        bool credential, enabled;
        unsigned max_concurrency, max_queue;
        uint64_t connect_usec, first_byte_usec, idle_usec;
} ProviderFile;

void provider_model_done(ProviderModel *m);
void provider_file_done(ProviderFile *f);

const char *provider_kind_to_string(ProviderKind kind);
int provider_kind_from_string(const char *s); /* -EINVAL */
/* The vendor's public one, or the local one of Ollama. */
const char *provider_kind_base_url(ProviderKind kind);

extern const char *const provider_ability_names[]; /* of 1 << its index; ends with NULL */
int provider_ability_from_string(const char *s);   /* -EINVAL */

/* One without models: what a file has that says nothing more than its kind. */
int provider_file_init(const char *name, ProviderKind kind, ProviderFile *ret);
/* Adds a model without a price. -EEXIST when there is one of that name, -E2BIG when there are as many as there can be. *ret
 * belongs to f, and is of use until the next is added. */
int provider_file_add_model(ProviderFile *f, const char *name, ProviderModel **ret);
/* Takes a '/' at its end off; the URL must be a good one. */
int provider_file_set_base_url(ProviderFile *f, const char *url);
/* NULL when it has none of that name. */
const ProviderModel *provider_file_find_model(const ProviderFile *f, const char *name);

/* NULL when it is good, else what a good one is. */
const char *provider_model_name_fault(const char *name);
const char *provider_url_fault(const char *url);
/* Reads USD per million tokens, exactly. -EINVAL for no number, -ERANGE for one that no price may be, too many decimals among
 * them. */
int provider_price_parse(const char *text, int64_t *ret);

/* -EBADMSG and *ret_why, one line that names the field ("models[0].price.input: ..."; the caller frees); -ENOMEM. */
int provider_file_from_json(const char *name, json_object *json, ProviderFile *ret, char **ret_why);
/* The same from a text, of which it also tells the line that is no JSON. */
int provider_file_parse(const char *name, const char *text, size_t size, ProviderFile *ret, char **ret_why);
/* The same from DIRECTORY/NAME.json. What keeps it from being read is the result, with *ret_why left alone: -ENOENT, -EACCES,
 * -EFBIG and so on. */
int provider_file_read(const char *directory, const char *name, ProviderFile *ret, char **ret_why);

/* What provider_file_from_json() reads as the same. NULL without memory; the caller puts. */
json_object *provider_file_to_json(const ProviderFile *f);

/* $XDG_CONFIG_HOME/tooloo/providers and .../credentials. -ENXIO without a home. The caller frees. */
int provider_directory(char **ret);
int provider_credentials_directory(char **ret);
/* The name that belongs to a file of the directory, NULL when that is none of a provider's. The caller frees. */
char *provider_name_of_file(const char *file);
/* All of them, in order; a directory that is not there has none. */
int provider_names(const char *directory, char ***ret);
