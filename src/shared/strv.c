/* SPDX-License-Identifier: MIT */
#include "shared/strv.h"

#include "basic/string-util.h"

#define BLANKS " \t\r\n"

char **strv_free(char **l) {
        for (char **i = l; i && *i; i++)
                free(*i);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

int strv_extend(char ***l, const char *s) {
        _cleanup_(freep) char *copy = strdup(s);
        size_t n = strv_length(*l);
        char **grown;

        if (!copy)
                return -ENOMEM;
        grown = reallocarray(*l, n + 2, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        grown[n] = TAKE_PTR(copy);
        grown[n + 1] = NULL;
        *l = grown;
        return 0;
}

/* Copies the word at *s into word, which is as large as the whole input, and moves *s behind it. */
static int next_word(const char **s, char *word) {
        char quote = '\0';
        const char *p;

        for (p = *s; *p && (quote || !strchr(BLANKS, *p)); p++)
                if (quote ? *p == quote : *p == '"' || *p == '\'')
                        quote = quote ? '\0' : *p;
                else
                        *word++ = *p;
        *word = '\0';
        *s = p;
        return quote ? -EINVAL : 0;
}

static void truncate_to(char **l, size_t n) {
        for (size_t i = strv_length(l); l && i > n; i--) {
                free(l[i - 1]);
                l[i - 1] = NULL;
        }
}

int strv_extend_words(char ***l, const char *s, size_t max) {
        _cleanup_(freep) char *word = malloc(strlen(s) + 1);
        size_t before = strv_length(*l), n = before;
        int r = 0;

        if (!word)
                return -ENOMEM;
        while (r >= 0 && *(s += strspn(s, BLANKS)))
                r = ++n > max ? -E2BIG : next_word(&s, word) < 0 ? -EINVAL : strv_extend(l, word);
        if (r < 0)
                truncate_to(*l, before);
        return r;
}

char *strv_join(char *const *l, const char *separator) {
        size_t size = 1;
        char *joined, *to;

        for (char *const *i = l; i && *i; i++)
                size += strlen(*i) + strlen(separator);
        joined = to = malloc(size);
        if (!joined)
                return NULL;
        *to = '\0';
        for (char *const *i = l; i && *i; i++)
                to = stpcpy(i > l ? stpcpy(to, separator) : to, *i);
        return joined;
}
