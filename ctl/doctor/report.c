/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "doctor.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "ctl/text.h"

#define INDENT 2

static const char *level_color(Level level) {
        return level == LEVEL_ERROR ? ANSI_BOLD_RED : level == LEVEL_WARNING ? ANSI_BOLD_YELLOW :
               level == LEVEL_NOTE ? ANSI_BOLD : ANSI_GREEN;
}

/* Prints a coloured word and behind it the text, broken between words at the width of the terminal; further lines begin
 * below the text's first word. In a pipe each is one line. */
static int print_text(unsigned indent, const char *color, const char *word, const char *text) {
        _cleanup_(freep) char *clean = text_clean(text, strlen(text));
        bool colors = color && terminal_colors();
        size_t width = terminal_width(), hang = indent + strlen(word) + 2;
        const char *s = clean;

        if (!clean)
                return -ENOMEM;
        if (printf("%*s%s%s:%s ", (int) indent, "", colors ? color : "", word, colors ? ANSI_NORMAL : "") < 0)
                return -EIO;
        while (*s) {
                size_t n = width > hang ? text_wrap(s, width - hang) : strlen(s);

                if (printf("%.*s\n", (int) n, s) < 0)
                        return -EIO;
                s += n;
                s += strspn(s, " ");
                if (*s && printf("%*s", (int) hang, "") < 0)
                        return -EIO;
        }
        return 0;
}

static int print_finding(const Finding *f) {
        _cleanup_(freep) char *mend = NULL;
        int r;

        r = print_text(0, level_color(f->level), level_to_string(f->level), f->what);
        if (r >= 0)
                r = print_text(INDENT, NULL, "Why", f->why);
        if (r < 0 || !f->mend)
                return r;
        mend = str_printf("%s%s", f->mend, f->fixable && f->level >= LEVEL_WARNING ? " (--fix does it)" : "");
        return mend ? print_text(INDENT, NULL, "Mend", mend) : -ENOMEM;
}

static int print_findings(const Doctor *d) {
        for (Level level = LEVEL_ERROR; level > LEVEL_OK; level--)
                for (size_t i = 0; i < d->n_findings; i++) {
                        int r;

                        if (d->findings[i].level != level)
                                continue;
                        r = print_finding(d->findings + i);
                        if (r >= 0 && putchar('\n') == EOF)
                                r = -EIO;
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int print_repairs(const Repairs *repairs) {
        int r = 0;

        for (size_t i = 0; repairs && i < repairs->n && r >= 0; i++) {
                const Repair *x = repairs->list + i;

                r = print_text(0, x->done ? ANSI_GREEN : ANSI_BOLD_RED, x->done ? "mended" : "not mended", x->what);
        }
        if (r >= 0 && repairs && repairs->n > 0 && putchar('\n') == EOF)
                r = -EIO;
        return r;
}

/* Those that could not be made for the same reason make one line, at the first of them. */
static int print_not_made(const Doctor *d, size_t first) {
        const char *problem = d->verdicts[first].problem;
        _cleanup_(freep) char *text = str_printf("%s:", problem);
        bool again = false;

        for (size_t i = 0; i < d->n_verdicts && text; i++) {
                const Verdict *v = d->verdicts + i;

                if (v->made || !streq(v->problem, problem))
                        continue;
                again = again || i < first;
                (void) str_replace_printf(&text, "%s%s %s", text, endswith(text, ":") ? "" : ",", check_name(v->check));
        }
        if (!text)
                return -ENOMEM;
        return again ? 0 : print_text(0, ANSI_BOLD_YELLOW, "not checked", text);
}

static int print_verdicts(const Doctor *d, bool all) {
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < d->n_verdicts && r >= 0; i++) {
                const Verdict *v = d->verdicts + i;

                any = any || !v->made || (all && v->level == LEVEL_OK);
                if (!v->made)
                        r = print_not_made(d, i);
                else if (all && v->level == LEVEL_OK)
                        r = print_text(0, ANSI_GREEN, "ok", check_title(v->check));
        }
        return r < 0 || !any ? r : putchar('\n') == EOF ? -EIO : 0;
}

static size_t count_findings(const Doctor *d, Level level) {
        size_t n = 0;

        for (size_t i = 0; i < d->n_findings; i++)
                n += d->findings[i].level == level;
        return n;
}

static size_t count_ok(const Doctor *d) {
        size_t n = 0;

        for (size_t i = 0; i < d->n_verdicts; i++)
                n += d->verdicts[i].made && d->verdicts[i].level == LEVEL_OK;
        return n;
}

static const char *plural(size_t n) {
        return n == 1 ? "" : "s";
}

int doctor_print(const Doctor *d, const Repairs *repairs, bool all) {
        size_t errors = count_findings(d, LEVEL_ERROR), warnings = count_findings(d, LEVEL_WARNING);
        size_t notes = count_findings(d, LEVEL_NOTE);
        int r;

        r = print_repairs(repairs);
        if (r >= 0)
                r = print_findings(d);
        if (r >= 0)
                r = print_verdicts(d, all);
        if (r < 0)
                return r;
        return printf("%zu error%s, %zu warning%s, %zu note%s; %zu of %zu checks found nothing.\n", errors, plural(errors),
                      warnings, plural(warnings), notes, plural(notes), count_ok(d), d->n_verdicts) < 0 ? -EIO : 0;
}

static Value finding_check(const void *row) {
        return value_string(check_name(((const Finding *) row)->check));
}
static Value finding_level(const void *row) {
        return value_string(level_to_string(((const Finding *) row)->level));
}
static Value finding_subject(const void *row) {
        return value_string(((const Finding *) row)->subject);
}
static Value finding_what(const void *row) {
        return value_string(((const Finding *) row)->what);
}
static Value finding_why(const void *row) {
        return value_string(((const Finding *) row)->why);
}
static Value finding_mend(const void *row) {
        return value_string(((const Finding *) row)->mend);
}
static Value finding_fixable(const void *row) {
        const Finding *f = row;

        return value_flag(f->fixable && f->level >= LEVEL_WARNING);
}

static const Column finding_columns[] = {
        { .key = "check", .get = finding_check },   { .key = "level", .get = finding_level },
        { .key = "subject", .get = finding_subject }, { .key = "what", .get = finding_what },
        { .key = "why", .get = finding_why },       { .key = "mend", .get = finding_mend },
        { .key = "fixable", .get = finding_fixable },
};

static Value verdict_check(const void *row) {
        return value_string(check_name(((const Verdict *) row)->check));
}
static Value verdict_title(const void *row) {
        return value_string(check_title(((const Verdict *) row)->check));
}
/* null: it could not be made. */
static Value verdict_level(const void *row) {
        const Verdict *v = row;

        return v->made ? value_string(level_to_string(v->level)) : value_unknown();
}
static Value verdict_problem(const void *row) {
        return value_string(((const Verdict *) row)->problem);
}

static const Column verdict_columns[] = {
        { .key = "check", .get = verdict_check },
        { .key = "title", .get = verdict_title },
        { .key = "level", .get = verdict_level },
        { .key = "problem", .get = verdict_problem },
};

static Value repair_check(const void *row) {
        return value_string(check_name(((const Repair *) row)->check));
}
static Value repair_subject(const void *row) {
        return value_string(((const Repair *) row)->subject);
}
static Value repair_what(const void *row) {
        return value_string(((const Repair *) row)->what);
}
static Value repair_done(const void *row) {
        return value_flag(((const Repair *) row)->done);
}

static const Column repair_columns[] = {
        { .key = "check", .get = repair_check },
        { .key = "subject", .get = repair_subject },
        { .key = "what", .get = repair_what },
        { .key = "done", .get = repair_done },
};

static int add_list(json_object *root, const char *key, const Column *columns, size_t n_columns, const void *list,
                    size_t n, size_t size) {
        _cleanup_(freep) const void **rows = calloc(n + 1, sizeof(void *));
        json_object *array = NULL;
        int r;

        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                rows[i] = (const char *) list + i * size;
        r = table_to_json(columns, n_columns, rows, n, &array);
        return r < 0 ? r : json_set(root, key, array);
}

int doctor_print_json(const Doctor *d, const Repairs *repairs) {
        _cleanup_(json_putp) json_object *root = json_object_new_object();
        int r;

        if (!root)
                return -ENOMEM;
        r = json_set(root, "level", json_object_new_string(level_to_string(doctor_worst(d))));
        if (r >= 0)
                r = add_list(root, "findings", finding_columns, ELEMENTSOF(finding_columns), d->findings, d->n_findings,
                             sizeof(Finding));
        if (r >= 0)
                r = add_list(root, "checks", verdict_columns, ELEMENTSOF(verdict_columns), d->verdicts, d->n_verdicts,
                             sizeof(Verdict));
        if (r >= 0 && repairs)
                r = add_list(root, "mended", repair_columns, ELEMENTSOF(repair_columns), repairs->list, repairs->n,
                             sizeof(Repair));
        return r < 0 ? r : json_print(root);
}
