/* SPDX-License-Identifier: MIT */
#include "watchd/diagnose.h"

#include <regex.h>
#include <stdbool.h>
#include <wchar.h>
#include <wctype.h>

#include "basic/string-util.h"

/* The first line of the highest rank wins. A full disk comes first, for whatever else is said follows from it. The
 * lowest are what build tools say after somebody else's error. */
static struct {
        unsigned rank;
        const char *pattern;
        regex_t regex;
} patterns[] = {
        { 4, "No space left on device|Disk quota exceeded" },
        { 3, "^[^:]+:[0-9]+(:[0-9]+)?: (fatal )?error: " },  /* gcc, clang */
        { 3, "^[^(]+\\([0-9]+,[0-9]+\\): error " },          /* tsc */
        { 3, "undefined reference to|multiple definition of|undefined symbol: " },
        { 2, "[Ee]rror(\\[[^]]*\\])?: " },                   /* ninja, meson, cargo, python, node */
        { 2, ": (command )?not found$|: (No such file or directory|Permission denied)$" },
        { 1, "^FAILED: |\\*\\*\\* .*Error [0-9]" },          /* ninja, make */
};

/* The patterns are constants: that they compile is a matter of the unit test, and of memory. */
static int compile_patterns(void) {
        static bool compiled;

        if (compiled)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (regcomp(&patterns[i].regex, patterns[i].pattern, REG_EXTENDED | REG_NOSUB) != 0) {
                        while (i-- > 0)
                                regfree(&patterns[i].regex);
                        return -ENOMEM;
                }
        compiled = true;
        return 0;
}

/* The length of the terminal sequence "ESC [ parameters letter" at s, or 0. */
static size_t escape_length(const char *s) {
        size_t n;

        if (s[0] != '\033' || s[1] != '[')
                return 0;
        n = 2 + strspn(s + 2, "0123456789;:?");
        return s[n] ? n + 1 : n;
}

void line_clean(char *line) {
        mbstate_t state = { 0 };
        char *to = line;

        for (const char *from = line; *from;) {
                size_t n = escape_length(from);
                wchar_t c;

                if (n > 0) {
                        from += n;
                        continue;
                }
                n = mbrtowc(&c, from, strlen(from), &state);
                if (n == (size_t) -1 || n == (size_t) -2) {
                        memset(&state, 0, sizeof(state));
                        *to++ = '?';
                        from++;
                } else if (iswcntrl((wint_t) c)) {
                        *to++ = ' ';
                        from += n;
                } else {
                        memmove(to, from, n);
                        to += n;
                        from += n;
                }
        }
        while (to > line && to[-1] == ' ')
                to--;
        *to = '\0';
}

int diagnose_line(Diagnosis *d, const char *line) {
        unsigned rank = 0;
        char *copy;
        int r;

        r = compile_patterns();
        if (r < 0)
                return r;
        for (size_t i = 0; rank == 0 && i < ELEMENTSOF(patterns); i++)
                if (regexec(&patterns[i].regex, line, 0, NULL, 0) == 0)
                        rank = patterns[i].rank;
        /* As long as nothing looks like a reason, the last line is the best guess. */
        if (!*line || (d->line && (rank < d->rank || (rank == d->rank && rank > 0))))
                return 0;
        copy = strdup(line);
        if (!copy)
                return -ENOMEM;
        free(d->line);
        *d = (Diagnosis) { rank, copy };
        return 0;
}

const char *line_shorten(const char *line, const char *source) {
        const char *rest = startswith(line, source);

        if (rest && *rest == '/')
                return rest + 1;
        while ((rest = startswith(line, "../")))
                line = rest;
        return line;
}
