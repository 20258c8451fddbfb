/* SPDX-License-Identifier: MIT */
#include "import.h"

#include "basic/string-util.h"
#include "shared/strv.h"

#define WORDS_MAX 256

static void service_done(ImportedService *s) {
        free(s->name);
        strv_free(s->command);
        free(s->shell);
        strv_free(s->env);
        strv_free(s->env_files);
        strv_free(s->after);
        strv_free(s->write);
        free(s->directory);
        free(s->health);
}

void import_done(Import *import) {
        for (size_t i = 0; i < import->n_services; i++)
                service_done(import->services + i);
        for (size_t i = 0; i < import->n_notes; i++) {
                free(import->notes[i].name);
                free(import->notes[i].text);
        }
        free(import->services);
        free(import->notes);
        *import = (Import) {};
}

ImportedService *import_add(Import *import, const char *name, unsigned line) {
        ImportedService *grown = reallocarray(import->services, import->n_services + 1, sizeof(ImportedService));

        if (!grown)
                return NULL;
        import->services = grown;
        grown += import->n_services;
        *grown = (ImportedService) { .name = strdup(name), .line = line };
        if (!grown->name)
                return NULL;
        import->n_services++;
        return grown;
}

int import_note(Import *import, const char *name, unsigned line, const char *format, ...) {
        ImportNote *grown = reallocarray(import->notes, import->n_notes + 1, sizeof(ImportNote));
        va_list ap;

        if (!grown)
                return -ENOMEM;
        import->notes = grown;
        grown += import->n_notes++;
        *grown = (ImportNote) { .name = name ? strdup(name) : NULL, .line = line };
        va_start(ap, format);
        grown->text = str_vprintf(format, ap);
        va_end(ap);
        return !grown->text || (name && !grown->name) ? -ENOMEM : 0;
}

/* Copies the word at *s into word, which is as large as the whole line, and moves *s behind it. */
static int next_word(const char **s, char *word) {
        const char *p = *s;
        char quote = '\0';

        for (; *p && (quote || !strchr(" \t\r\n", *p)); p++) {
                /* Within "" a backslash takes the meaning off a few characters alone, within '' off none. */
                if (*p == '\\' && quote != '\'' && p[1] && (!quote || strchr("\"\\$`", p[1])))
                        *word++ = *++p;
                else if (quote ? *p == quote : *p == '"' || *p == '\'')
                        quote = quote ? '\0' : *p;
                else
                        *word++ = *p;
        }
        *word = '\0';
        *s = p;
        return quote ? -EINVAL : 0;
}

int import_split(const char *line, char ***ret) {
        _cleanup_(freep) char *word = malloc(strlen(line) + 1);
        _cleanup_(strv_freep) char **words = NULL;
        int r = 0;

        if (!word)
                return -ENOMEM;
        while (r >= 0 && *(line += strspn(line, " \t\r\n"))) {
                if (strv_length(words) == WORDS_MAX)
                        return -EINVAL;
                r = next_word(&line, word);
                if (r >= 0)
                        r = strv_extend(&words, word);
        }
        if (r >= 0)
                *ret = TAKE_PTR(words);
        return r;
}
