/* SPDX-License-Identifier: MIT */
#include "provider-options.h"

#include <stdio.h>

#include "shared/log.h"

/* A key must not cross a network for everybody to read. */
static void warn_of_clear_text(const ProviderFile *f) {
        static const char *const here[] = { "127.", "localhost", "[::1]" };
        const char *host = startswith(f->base_url, "http://");

        if (!host || !f->credential)
                return;
        for (size_t i = 0; i < ELEMENTSOF(here); i++)
                if (startswith(host, here[i]))
                        return;
        log_warning("%s is asked without encryption (http), with its key for everybody on the way to read", f->name);
}

static int print_dry(const ProviderPaths *paths, const ProviderFile *f, KeyChange change) {
        _cleanup_(freep) char *text = provider_text(f);

        if (!text)
                return CTL_FAILED;
        (void) printf("# %s\n%s", paths->file, text);
        if (change == KEY_SET)
                (void) printf("# %s: its key\n", paths->credential);
        return CTL_OK;
}

/* The key is asked for last, when nothing else can be wrong any more. */
static int finish(Ctl *ctl, const ProviderPaths *paths, ProviderFile *f, bool new) {
        bool dry = ctl->given[OPTION_DRY_RUN], ask = new && (!dry || ctl->given[OPTION_KEY_FILE]);
        _cleanup_(provider_key_freep) char *key = NULL;
        KeyChange change = KEY_STAYS;
        int status;

        status = provider_key_read(ctl, f, ask, &change, &key);
        if (status != CTL_OK)
                return status;
        if (new && dry && !ask) /* nobody is asked: it would be unless it is said that there is none */
                change = ctl->given[OPTION_NO_KEY] || f->kind == PROVIDER_OLLAMA ? KEY_NONE : KEY_SET;
        if (change != KEY_STAYS)
                f->credential = change == KEY_SET;
        warn_of_clear_text(f);
        if (dry)
                return print_dry(paths, f, change);
        status = provider_write(paths, f, change, key);
        if (status == CTL_OK)
                ctl_say(ctl, "%s is %s (%s); 'toolooctl provider test %s' tries it", f->name, new ? "added" : "changed",
                        paths->file, f->name);
        return status;
}

int gateway_provider_add(Ctl *ctl) {
        const char *name = ctl->names[0], *kind = ctl->given[OPTION_KIND];
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        _cleanup_(provider_file_done) ProviderFile f = {};
        int k, status;

        if (!service_id_valid(name))
                return verb_usage(ctl, "'%s' cannot be a provider's name: a small letter, then small letters, digits and '-', 32 at "
                                       "most", name);
        k = kind ? provider_kind_from_string(kind) : -EINVAL;
        if (k < 0)
                return kind ? verb_usage(ctl, "--kind takes openai, anthropic, ollama or gemini, not '%s'", kind)
                            : verb_usage(ctl, "say what it speaks: --kind=openai, anthropic, ollama or gemini");
        status = provider_paths_of(name, &paths);
        if (status != CTL_OK)
                return status;
        if (access(paths.file, F_OK) >= 0) {
                log_error("there is a provider '%s' already (%s); 'toolooctl provider edit %s' changes it", name, paths.file, name);
                return CTL_FAILED;
        }
        if (provider_file_init(name, (ProviderKind) k, &f) < 0)
                return gateway_no_memory();
        status = provider_options_apply(ctl, &f);
        return status != CTL_OK ? status : finish(ctl, &paths, &f, true);
}

int gateway_provider_edit(Ctl *ctl) {
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        _cleanup_(provider_file_done) ProviderFile f = {};
        int status;

        status = provider_paths_of(ctl->names[0], &paths);
        if (status == CTL_OK)
                status = gateway_provider_open(ctl->names[0], &paths, &f);
        if (status != CTL_OK)
                return status;
        if (!provider_options_given(ctl) && !ctl->given[OPTION_KEY_FILE] && !ctl->given[OPTION_NO_KEY])
                return verb_usage(ctl, "say what to change: an option of 'provider edit'");
        status = provider_options_apply(ctl, &f);
        return status != CTL_OK ? status : finish(ctl, &paths, &f, false);
}
