/* SPDX-License-Identifier: MIT */
#include "shared/provider-file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "basic/decimal.h"
#include "basic/string-util.h"
#include "shared/strv.h"

static const struct {
        const char *name, *base_url;
} kinds[_PROVIDER_KIND_MAX] = {
        [PROVIDER_OPENAI] = { "openai", "https://api.openai.com/v1" },
        [PROVIDER_ANTHROPIC] = { "anthropic", "https://api.anthropic.com" },
        [PROVIDER_OLLAMA] = { "ollama", "http://127.0.0.1:11434" },
        [PROVIDER_GEMINI] = { "gemini", "https://generativelanguage.googleapis.com" },
};

const char *const provider_ability_names[] = { "tools", "vision", "json", "reasoning", NULL };

void provider_model_done(ProviderModel *m) {
        free(m->name);
        free(m->upstream);
        free(m->price.source);
        *m = (ProviderModel) {};
}

void provider_file_done(ProviderFile *f) {
        for (size_t i = 0; i < f->n_models; i++)
                provider_model_done(f->models + i);
        free(f->models);
        free(f->name);
        free(f->base_url);
        *f = (ProviderFile) {};
}

const char *provider_kind_to_string(ProviderKind kind) {
        return kinds[kind].name;
}

int provider_kind_from_string(const char *s) {
        for (int i = 0; i < _PROVIDER_KIND_MAX; i++)
                if (streq(kinds[i].name, s))
                        return i;
        return -EINVAL;
}

const char *provider_kind_base_url(ProviderKind kind) {
        return kinds[kind].base_url;
}

int provider_ability_from_string(const char *s) {
        for (int i = 0; provider_ability_names[i]; i++)
                if (streq(provider_ability_names[i], s))
                        return 1 << i;
        return -EINVAL;
}

int provider_file_init(const char *name, ProviderKind kind, ProviderFile *ret) {
        ProviderFile f = {
                .kind = kind,
                .enabled = true,
                .max_concurrency = 16,
                .max_queue = 256,
                .connect_usec = 5 * USEC_PER_SEC,
                .first_byte_usec = 60 * USEC_PER_SEC,
                .idle_usec = 60 * USEC_PER_SEC,
        };

        f.name = strdup(name);
        f.base_url = strdup(kinds[kind].base_url);
        if (!f.name || !f.base_url) {
                provider_file_done(&f);
                return -ENOMEM;
        }
        *ret = f;
        return 0;
}

int provider_file_add_model(ProviderFile *f, const char *name, ProviderModel **ret) {
        ProviderModel m = {}, *models;

        if (provider_file_find_model(f, name))
                return -EEXIST;
        if (f->n_models >= PROVIDER_MODELS_MAX)
                return -E2BIG;
        m.name = strdup(name);
        m.upstream = strdup(name);
        models = reallocarray(f->models, f->n_models + 1, sizeof(*models));
        if (models)
                f->models = models;
        if (!models || !m.name || !m.upstream) {
                provider_model_done(&m);
                return -ENOMEM;
        }
        models[f->n_models] = m;
        *ret = models + f->n_models++;
        return 0;
}

int provider_file_set_base_url(ProviderFile *f, const char *url) {
        size_t n = strlen(url);

        while (n > 0 && url[n - 1] == '/')
                n--;
        return str_replace_printf(&f->base_url, "%.*s", (int) n, url);
}

const ProviderModel *provider_file_find_model(const ProviderFile *f, const char *name) {
        for (size_t i = 0; i < f->n_models; i++)
                if (streq(f->models[i].name, name))
                        return f->models + i;
        return NULL;
}

/* --- What may be --- */

/* It stands in header fields, tables and paths: nothing in it that moves a cursor or ends a line. */
const char *provider_model_name_fault(const char *name) {
        size_t n = strlen(name);
        bool good = n > 0 && n <= PROVIDER_MODEL_NAME_MAX;

        for (; *name && good; name++)
                good = *name > ' ' && *name <= '~';
        return good ? NULL : "1 to 128 printable characters of ASCII without blanks are expected";
}

/* A name and password in it would be a secret in a file of settings, and what is behind '?' or '#' cannot have a path added. */
const char *provider_url_fault(const char *url) {
        const char *rest = startswith(url, "https://");
        size_t host;

        rest = rest ? rest : startswith(url, "http://");
        host = rest ? strcspn(rest, "/") : 0;
        if (host == 0 || *rest == ':' || strlen(url) > PROVIDER_URL_MAX || strpbrk(url, "?#\\\"<>`{}|^"))
                return "http://HOST[:PORT][/PATH] or https://... is expected, without '?' and '#'";
        if (memchr(rest, '@', host))
                return "a name or password does not belong there; the key is a credential";
        for (const char *p = url; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return "only printable ASCII without blanks is expected";
        return NULL;
}

int provider_price_parse(const char *text, int64_t *ret) {
        int64_t price;
        int r = parse_decimal(text, PROVIDER_PRICE_PLACES, PROVIDER_PRICE_MAX, &price);

        if (r != 0)
                return r < 0 ? r : -ERANGE;
        *ret = price;
        return 0;
}

/* --- Where they lie --- */

static int config_directory(const char *name, char **ret) {
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        char *path;

        if (config && *config == '/') /* a relative one is to be ignored, as its specification has it */
                path = str_printf("%s/tooloo/%s", config, name);
        else if (home && *home == '/')
                path = str_printf("%s/.config/tooloo/%s", home, name);
        else
                return -ENXIO;
        if (!path)
                return -ENOMEM;
        *ret = path;
        return 0;
}

int provider_directory(char **ret) {
        return config_directory("providers", ret);
}

int provider_credentials_directory(char **ret) {
        return config_directory("credentials", ret);
}

char *provider_name_of_file(const char *file) {
        static const char suffix[] = ".json";
        _cleanup_(freep) char *name = NULL;

        if (!endswith(file, suffix))
                return NULL;
        name = strndup(file, strlen(file) - strlen(suffix));
        return name && service_id_valid(name) ? TAKE_PTR(name) : NULL;
}

static void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int provider_names(const char *directory, char ***ret) {
        _cleanup_(closedirp) DIR *d = opendir(directory);
        _cleanup_(strv_freep) char **names = NULL;
        const struct dirent *entry;

        if (!d && errno != ENOENT)
                return -errno;
        while (d && (errno = 0, entry = readdir(d))) {
                _cleanup_(freep) char *name = provider_name_of_file(entry->d_name);
                int r = name ? strv_extend(&names, name) : 0;

                if (r < 0)
                        return r;
        }
        if (d && errno != 0)
                return -errno;
        if (names)
                qsort(names, strv_length(names), sizeof(*names), compare_names);
        *ret = TAKE_PTR(names);
        return 0;
}
