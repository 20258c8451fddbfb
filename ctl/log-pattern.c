/* SPDX-License-Identifier: MIT */
#include "log-pattern.h"

#include <dlfcn.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "basic/string-util.h"
#include "shared/log.h"

#define LIBRARY "libpcre2-8.so.0"

struct LogPattern {
        pcre2_code *code;
        pcre2_match_data *data;
};

static struct {
        __typeof__(pcre2_compile) *compile;
        __typeof__(pcre2_code_free) *code_free;
        __typeof__(pcre2_match_data_create) *match_data_create;
        __typeof__(pcre2_match_data_free) *match_data_free;
        __typeof__(pcre2_match) *match;
        __typeof__(pcre2_get_error_message) *get_error_message;
} pcre;

/* It stays loaded. */
static int load(void) {
        static const struct {
                const char *name;
                void *to;
        } symbols[] = {
                { "pcre2_compile_8", &pcre.compile },
                { "pcre2_code_free_8", &pcre.code_free },
                { "pcre2_match_data_create_8", &pcre.match_data_create },
                { "pcre2_match_data_free_8", &pcre.match_data_free },
                { "pcre2_match_8", &pcre.match },
                { "pcre2_get_error_message_8", &pcre.get_error_message },
        };
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

        for (size_t i = 0; library && i < ELEMENTSOF(symbols); i++) {
                void *symbol = dlsym(library, symbols[i].name);

                if (!symbol)
                        library = NULL;
                else
                        (void) memcpy(symbols[i].to, &symbol, sizeof(symbol));
        }
        if (library)
                return 0;
        log_error("--grep needs " LIBRARY ", which cannot be loaded: install PCRE2 (Debian: libpcre2-8-0)");
        return -EOPNOTSUPP;
}

/* As journalctl compiles it: bytes, not characters of UTF-8. NULL for none, with the error's number and place. */
static pcre2_code *compile(const char *text, uint32_t options, int *ret_error, size_t *ret_at) {
        return pcre.compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, options, ret_error, ret_at, NULL);
}

/* By its letters alone, those of escapes such as \S too: that is journalctl's rule. */
static bool has_upper_case(const char *s) {
        while (*s && !(*s >= 'A' && *s <= 'Z'))
                s++;
        return *s;
}

int log_pattern_new(const char *text, LogPattern **ret) {
        _cleanup_(log_pattern_freep) LogPattern *pattern = calloc(1, sizeof(LogPattern));
        char why[256] = "";
        int error, r;
        size_t at;

        if (!pattern)
                return log_errno(-ENOMEM, "cannot read --grep");
        r = load();
        if (r < 0)
                return r;
        pattern->code = compile(text, has_upper_case(text) ? 0 : PCRE2_CASELESS, &error, &at);
        if (!pattern->code) {
                (void) pcre.get_error_message(error, (PCRE2_UCHAR *) why, sizeof(why));
                log_error("--grep does not understand '%s' at its character %zu: %s", text, at + 1, why);
                return -EINVAL;
        }
        pattern->data = pcre.match_data_create(1, NULL);
        if (!pattern->data)
                return log_errno(-ENOMEM, "cannot read --grep");
        *ret = TAKE_PTR(pattern);
        return 0;
}

LogPattern *log_pattern_free(LogPattern *pattern) {
        if (!pattern)
                return NULL;
        if (pattern->data)
                pcre.match_data_free(pattern->data);
        if (pattern->code)
                pcre.code_free(pattern->code);
        free(pattern);
        return NULL;
}

bool log_pattern_matches(const LogPattern *pattern, const char *s, size_t size) {
        return pcre.match(pattern->code, (PCRE2_SPTR) s, size, 0, 0, pattern->data, NULL) >= 0;
}
