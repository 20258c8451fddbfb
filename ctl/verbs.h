/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/* What toolooctl can be asked for: the one table from which --help is printed, the command line is checked and verbs are
 * dispatched. Texts are single paragraphs of plain ASCII; help.c breaks their lines. */

/* Options, by the letter that stands for each: an index into Ctl.given. */
enum {
        OPTION_ALL = 'a',
        OPTION_BUILD = 'b',
        OPTION_CHANGED = 'c',
        OPTION_CMD = 'C',
        OPTION_FIX = 'x',
        OPTION_FOLLOW = 'f',
        OPTION_FOR = 'F',
        OPTION_GENERATION = 'G',
        OPTION_GREP = 'g',
        OPTION_HELP = 'h',
        OPTION_JSON = 'j',
        OPTION_LINES = 'n',
        OPTION_MODULES = 'm',
        OPTION_NO_PAGER = 'P',
        OPTION_PRIORITY = 'p',
        OPTION_QUIET = 'q',
        OPTION_SINCE = 's',
        OPTION_TIMEOUT = 't',
        OPTION_UNTIL = 'U',
        OPTION_VERSION = 'v',
        _OPTION_MAX = 128,
};

typedef struct OptionInfo {
        int id;
        bool has_letter;   /* -ID does as well as --NAME */
        const char *name;
        const char *value; /* "LINES"; NULL where it takes none */
} OptionInfo;

/* An option of a verb, and what it does there. A list of them ends with the id 0. */
typedef struct VerbOption {
        int id;
        const char *help;
} VerbOption;

/* Headings of the overview. */
typedef enum VerbGroup { GROUP_RUN, GROUP_LOOK, GROUP_PAST, _GROUP_MAX } VerbGroup;

#define ANY_OPERANDS SIZE_MAX

typedef struct Verb {
        const char *name;
        VerbGroup group;
        const char *operands;      /* "[SERVICE...]" */
        size_t min, max;           /* how many of them */
        const char *summary;       /* its line in the overview */
        const char *const *help;   /* paragraphs of its own help, ended by NULL */
        const VerbOption *options; /* beside those that all have; NULL for none */
        const char *program;       /* the one that has it; NULL for toolooctl itself. toolooctl becomes that one, with the
                                    * same arguments */
} Verb;

extern const Verb verbs[];
extern const size_t n_verbs;
extern const OptionInfo option_infos[];
extern const size_t n_option_infos;

/* Options that each verb has; not for programs that read their own command line. */
extern const VerbOption common_options[];

extern const char *const group_titles[_GROUP_MAX];

/* NULL for none. */
const Verb *verb_find(const char *name);
const OptionInfo *option_find(int id);
const VerbOption *verb_option_find(const Verb *verb, int id);
