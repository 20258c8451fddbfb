/* SPDX-License-Identifier: MIT */
#include "unit-document.h"

#include <stdbool.h>

#include "basic/string-util.h"
#include "shared/strv.h"

#define BLANKS " \t\r"

/* One setting: lines[begin..end). */
typedef struct Assignment {
        size_t begin, end;
        char *value;
} Assignment;

static void assignment_done(Assignment *a) {
        free(a->value);
}

void unit_document_done(UnitDocument *d) {
        d->lines = strv_free(d->lines);
}

int unit_document_parse(const char *text, UnitDocument *ret) {
        _cleanup_(unit_document_done) UnitDocument d = {};

        for (size_t lines = 0; *text; lines++) {
                size_t n = strcspn(text, "\n");
                _cleanup_(freep) char *line = strndup(text, n);

                if (lines == UNIT_DOCUMENT_LINES_MAX)
                        return -E2BIG;
                if (!line || strv_extend(&d.lines, line) < 0)
                        return -ENOMEM;
                text += n + (text[n] == '\n');
        }
        ret->lines = TAKE_PTR(d.lines);
        return 0;
}

char *unit_document_format(const UnitDocument *d) {
        size_t size = 1;
        char *text, *p;

        STRV_FOREACH(line, d->lines)
                size += strlen(*line) + 1;
        text = p = malloc(size);
        if (!text)
                return NULL;
        STRV_FOREACH(line, d->lines) {
                p = stpcpy(p, *line);
                *p++ = '\n';
        }
        *p = '\0';
        return text;
}

static const char *skip_blanks(const char *s) {
        return s + strspn(s, BLANKS);
}

static bool is_comment(const char *line) {
        line = skip_blanks(line);
        return *line == '#' || *line == ';';
}

/* A comment is never continued, as systemd has it. */
static bool is_continued(const char *line) {
        return !is_comment(line) && endswith(line, "\\");
}

/* Whether line is the head of that section; *ret_any whether it is one of any section. */
static bool is_section(const char *line, const char *section, bool *ret_any) {
        const char *name = startswith(skip_blanks(line), "[");
        const char *end = name ? strchr(name, ']') : NULL;

        *ret_any = end && !*skip_blanks(end + 1);
        return *ret_any && strlen(section) == (size_t) (end - name) && strncmp(name, section, strlen(section)) == 0;
}

/* The value's beginning when line assigns key, else NULL. */
static const char *value_of(const char *line, const char *key) {
        const char *rest = startswith(skip_blanks(line), key);

        if (!rest || is_comment(line))
                return NULL;
        rest = skip_blanks(rest);
        return *rest == '=' ? skip_blanks(rest + 1) : NULL;
}

/* The value of all lines of an assignment, as one. */
static char *join(char *const *lines, size_t begin, size_t end, const char *first) {
        _cleanup_(freep) char *value = strdup(first);

        for (size_t i = begin; value && i < end; i++) {
                size_t n;

                if (i > begin && is_comment(lines[i]))
                        continue;
                if (i > begin && str_replace_printf(&value, "%s%s", value, lines[i]) < 0)
                        return NULL;
                n = strlen(value);
                if (is_continued(lines[i]) && n > 0)
                        value[n - 1] = ' ';
        }
        for (size_t n = value ? strlen(value) : 0; n > 0 && strchr(BLANKS, value[n - 1]); n--)
                value[n - 1] = '\0';
        return TAKE_PTR(value);
}

/* The end of the logical line that begins at i. */
static size_t end_of(char *const *lines, size_t i) {
        bool more = is_continued(lines[i]);

        for (i++; more && lines[i]; i++)
                more = is_comment(lines[i]) || is_continued(lines[i]);
        return i;
}

/* The next assignment of key from *at on: 1 when there is one, which the caller ends. *inside says whether
 * lines[*at] lies in the section. */
static int next_assignment(char *const *lines, const char *section, const char *key, size_t *at, bool *inside,
                           Assignment *ret) {
        while (lines && lines[*at]) {
                size_t begin = *at;
                bool any, same = is_section(lines[begin], section, &any);
                const char *first;

                *at = is_comment(lines[begin]) ? begin + 1 : end_of(lines, begin);
                if (any)
                        *inside = same;
                first = *inside && !any ? value_of(lines[begin], key) : NULL;
                if (!first)
                        continue;
                *ret = (Assignment) { begin, *at, join(lines, begin, *at, first) };
                return ret->value ? 1 : -ENOMEM;
        }
        return 0;
}

int unit_document_get(const UnitDocument *d, const char *section, const char *key, char ***values) {
        bool inside = false;
        size_t at = 0;
        int r;

        for (;;) {
                _cleanup_(assignment_done) Assignment a = {};

                r = next_assignment(d->lines, section, key, &at, &inside, &a);
                if (r <= 0)
                        return r;
                r = strv_extend(values, a.value);
                if (r < 0)
                        return r;
        }
}

/* --- Changes ----------------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *text) {
        size_t n = 0;

        while (*text) {
                text += strcspn(text, "\n");
                text += *text == '\n';
                n++;
        }
        return n;
}

/* Where what belongs to the assignment begins: at the comment, when it stands above as it was written. */
static size_t begin_with_comment(char *const *lines, size_t begin, const char *comment) {
        size_t n = count_lines(comment), i;

        if (n > begin)
                return begin;
        for (i = begin - n; *comment; i++) {
                size_t length = strcspn(comment, "\n");
                const char *text = startswith(lines[i], "# ");

                if (!text || strlen(text) != length || strncmp(text, comment, length) != 0)
                        return begin;
                comment += length + (comment[length] == '\n');
        }
        return begin - n;
}

static int add_comment(char ***lines, const char *comment) {
        while (*comment) {
                size_t n = strcspn(comment, "\n");
                _cleanup_(freep) char *line = str_printf("# %.*s", (int) n, comment);

                if (!line || strv_extend(lines, line) < 0)
                        return -ENOMEM;
                comment += n + (comment[n] == '\n');
        }
        return 0;
}

static int add_values(char ***lines, const char *key, char *const *values) {
        for (; values && *values; values++) {
                _cleanup_(freep) char *line = str_printf("%s=%s", key, *values);

                if (!line || strv_extend(lines, line) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_range(char ***lines, char *const *from, size_t begin, size_t end) {
        for (size_t i = begin; from && i < end; i++)
                if (strv_extend(lines, from[i]) < 0)
                        return -ENOMEM;
        return 0;
}

/* Behind the last line of the section that is not blank; SIZE_MAX when there is no such section. */
static size_t end_of_section(char *const *lines, const char *section) {
        bool inside = false, any;
        size_t end = SIZE_MAX;

        for (size_t i = 0; lines && lines[i]; i++) {
                bool same = is_section(lines[i], section, &any);

                if (any)
                        inside = same;
                if (inside && *skip_blanks(lines[i]))
                        end = i + 1;
        }
        return end;
}

static int insert(char ***lines, const char *section, const char *key, char *const *values, const char *comment) {
        _cleanup_(strv_freep) char **made = NULL;
        size_t n = strv_length(*lines), at = end_of_section(*lines, section);
        int r;

        if (!values || !*values)
                return 0;
        r = add_range(&made, *lines, 0, MIN(at, n));
        if (r >= 0 && at == SIZE_MAX) {
                _cleanup_(freep) char *head = str_printf("[%s]", section);

                r = !head || (n > 0 && strv_extend(&made, "") < 0) ? -ENOMEM : strv_extend(&made, head);
        }
        if (r >= 0)
                r = add_comment(&made, comment);
        if (r >= 0)
                r = add_values(&made, key, values);
        if (r >= 0)
                r = add_range(&made, *lines, MIN(at, n), n);
        if (r < 0)
                return r;
        strv_free(*lines);
        *lines = TAKE_PTR(made);
        return 0;
}

static int is_any(const char *value, void *userdata) {
        return true;
}

/* Copies the document without the assignments that are meant, the values in the place of the first of them. 1 when there
 * was one. */
static int replace(const UnitDocument *d, const char *section, const char *key, char *const *values, const char *comment,
                   unit_document_match_t match, void *userdata, char ***made) {
        size_t at = 0, copied = 0;
        bool inside = false, found = false, gone = !values || !*values;

        for (;;) {
                _cleanup_(assignment_done) Assignment a = {};
                int r = next_assignment(d->lines, section, key, &at, &inside, &a);
                size_t keep;

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (!match(a.value, userdata))
                        continue;
                keep = gone ? begin_with_comment(d->lines, a.begin, comment) : a.begin;
                r = add_range(made, d->lines, copied, MAX(keep, copied));
                if (r >= 0 && !found)
                        r = add_values(made, key, values);
                if (r < 0)
                        return r;
                found = true;
                copied = a.end;
        }
        return add_range(made, d->lines, copied, strv_length(d->lines)) < 0 ? -ENOMEM : found;
}

int unit_document_set_some(UnitDocument *d, const char *section, const char *key, char *const *values,
                           const char *comment, unit_document_match_t match, void *userdata) {
        _cleanup_(strv_freep) char **made = NULL;
        int r;

        r = replace(d, section, key, values, comment, match, userdata, &made);
        if (r == 0)
                r = insert(&made, section, key, values, comment);
        if (r < 0)
                return r;
        strv_free(d->lines);
        d->lines = TAKE_PTR(made);
        return 0;
}

int unit_document_set(UnitDocument *d, const char *section, const char *key, char *const *values, const char *comment) {
        return unit_document_set_some(d, section, key, values, comment, is_any, NULL);
}
