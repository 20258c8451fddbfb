/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "help.h"

#include "basic/string-util.h"

#define WIDTH 80
#define COLUMN 25 /* where the texts of verbs and options begin */

/* Prints words from column at on, in lines that begin at indent; the last one is ended. */
static void print_words(const char *text, size_t at, size_t indent) {
        bool first = true;

        for (;;) {
                size_t n;

                text += strspn(text, " ");
                n = strcspn(text, " ");
                if (n == 0)
                        break;
                if (!first && at + 1 + n > WIDTH) {
                        (void) printf("\n%*s", (int) indent, "");
                        at = indent;
                        first = true;
                }
                (void) printf("%s%.*s", first ? "" : " ", (int) n, text);
                at += n + !first;
                first = false;
                text += n;
        }
        (void) putchar('\n');
}

/* The term of a list and its text, which begins on the next line where the term is long. */
static void print_item(const char *term, const char *text) {
        size_t n = (size_t) printf("  %s", term);

        if (n + 1 > COLUMN)
                (void) printf("\n%*s", COLUMN, "");
        else
                (void) printf("%*s", (int) (COLUMN - n), "");
        print_words(text, COLUMN, COLUMN);
}

static void print_options(const VerbOption *options) {
        for (; options && options->id; options++) {
                const OptionInfo *o = option_find(options->id);
                const char *value = options->value ? options->value : o->value;
                char term[64], letter[8] = "    ";

                if (o->has_letter)
                        (void) snprintf(letter, sizeof(letter), "-%c, ", o->id);
                (void) snprintf(term, sizeof(term), "%s--%s%s%s", letter, o->name, value ? "=" : "",
                                strempty(value));
                print_item(term, options->help);
        }
}

static void print_group(VerbGroup group) {
        (void) printf("\n%s:\n", group_titles[group]);
        for (const Verb *v = verbs; v < verbs + n_verbs; v++) {
                char term[64];

                if (v->group != group)
                        continue;
                (void) snprintf(term, sizeof(term), "%s%s%s", v->name, *v->operands ? " " : "", v->operands);
                print_item(term, v->summary);
        }
}

void help_print(void) {
        (void) puts("Usage: toolooctl VERB [OPERAND...] [OPTION...]\n");
        print_words("Controls the TooLoo services of this user, through systemd. Without a SERVICE it means all that belong to "
                    "tooloo.target, the control plane too. A SERVICE is an ID as in 'toolooctl list'; the names of its units, "
                    "tooloo-ID.service and tooloo-ID.socket, are taken too.", 0, 0);
        for (VerbGroup group = 0; group < _GROUP_MAX; group++)
                print_group(group);
        (void) puts("\nOptions; each verb has more, see 'toolooctl VERB --help':");
        print_options(common_options);
        (void) putchar('\n');
        print_words("Exit status: 0 done; 1 something failed, and a line on stderr says what; 2 wrong usage; 3 (status, "
                    "why, diff) a service is not active or not well; 4 (status, why) or 5 (other verbs) no such service, "
                    "provider or key.", 0, 0);
}

void help_print_verb(const Verb *verb) {
        /* A command has options of its own, so those of the verb stand before it. */
        const char *options = strstr(verb->operands, "[OPTION...]") ? "" : " [OPTION...]";

        (void) printf("Usage: toolooctl %s%s%s%s\n", verb->name, *verb->operands ? " " : "", verb->operands, options);
        for (const char *const *paragraph = verb->help; *paragraph; paragraph++) {
                (void) putchar('\n');
                print_words(*paragraph, 0, 0);
        }
        if (verb->words)
                (void) putchar('\n');
        for (const VerbWord *w = verb->words; w && w->word; w++)
                print_item(w->word, w->help);
        (void) puts("\nOptions:");
        print_options(verb->options);
        print_options(common_options);
}
