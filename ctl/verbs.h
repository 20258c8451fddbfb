/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What toolooctl can be asked for: the one table from which --help is printed, the command line is checked and verbs are
 * dispatched. Texts are single paragraphs of plain ASCII; help.c breaks their lines. */

/* Options: those with a letter by that, the others from behind the letters on. An index into Ctl.given. */
enum {
        OPTION_FOLLOW = 'f',
        OPTION_GREP = 'g',
        OPTION_HELP = 'h',
        OPTION_LINES = 'n',
        OPTION_PRIORITY = 'p',
        OPTION_QUIET = 'q',

        OPTION_ABILITY = 128,
        OPTION_ACTION,
        OPTION_AFTER,
        OPTION_ALL,
        OPTION_BASE_URL,
        OPTION_BUDGET,
        OPTION_BUILD,
        OPTION_CATEGORY,
        OPTION_CHANGED,
        OPTION_CMD,
        OPTION_COOLDOWN,
        OPTION_DESCRIPTION,
        OPTION_DRY_RUN,
        OPTION_ENV,
        OPTION_FIX,
        OPTION_FOR,
        OPTION_FORMAT,
        OPTION_FROM,
        OPTION_GENERATION,
        OPTION_HEALTH,
        OPTION_ID,
        OPTION_JSON,
        OPTION_KEY_FILE,
        OPTION_KIND,
        OPTION_MARGIN,
        OPTION_MAX_CONCURRENCY,
        OPTION_METRIC,
        OPTION_MODEL,
        OPTION_MODULES,
        OPTION_NO_ACTION,
        OPTION_NO_KEY,
        OPTION_NO_PAGER,
        OPTION_ON_CHANGE,
        OPTION_ONCE,
        OPTION_OPERATOR,
        OPTION_PARAM,
        OPTION_PORT,
        OPTION_PRICE_CACHE_WRITE,
        OPTION_PRICE_CACHED,
        OPTION_PRICE_INPUT,
        OPTION_PRICE_OUTPUT,
        OPTION_PRICE_REASONING,
        OPTION_PRICES,
        OPTION_REASON,
        OPTION_ROUTE,
        OPTION_RULE,
        OPTION_SERVICE,
        OPTION_SET,
        OPTION_SEVERITY,
        OPTION_SINCE,
        OPTION_SOCKET,
        OPTION_SOFT,
        OPTION_SORT,
        OPTION_STEP,
        OPTION_TABLE,
        OPTION_THRESHOLD,
        OPTION_TIMEOUT,
        OPTION_TO,
        OPTION_UNTIL,
        OPTION_USER,
        OPTION_VERSION,
        OPTION_WATCH,
        OPTION_WRITE,
        OPTION_YES,
        _OPTION_MAX,
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
        const char *value; /* what its value is called there, NULL for what it is called everywhere */
} VerbOption;

/* A word that an operand may be. A list of them ends with NULL. */
typedef struct VerbWord {
        const char *word;
        const char *help;
} VerbWord;

/* Headings of the overview. */
typedef enum VerbGroup { GROUP_RUN, GROUP_LOOK, GROUP_PAST, GROUP_OWN, GROUP_MODELS, _GROUP_MAX } VerbGroup;

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
        const VerbWord *words;     /* for its own help; NULL where operands are names of something else */
} Verb;

/* It has the verbs that make services, which ask them by HTTP and read YAML. For who includes config.h. */
#define SERVICES_PROGRAM TL_PKGLIB_DIR "/toolooctl-services"

/* It has the verbs that ask metricsd by HTTP: linked into toolooctl, libcurl and its 28 libraries would make each of the
 * others start some milliseconds later. */
#define METRICS_PROGRAM TL_PKGLIB_DIR "/toolooctl-metrics"

/* It has the verbs about models, their costs and keys: it reads the ledger by SQLite and asks provider by HTTP. */
#define GATEWAY_PROGRAM TL_PKGLIB_DIR "/toolooctl-gateway"

/* The one that shows the fleet on the whole screen. */
#define TOP_PROGRAM TL_PKGLIB_DIR "/toolooctl-top"

extern const Verb verbs[];
extern const size_t n_verbs;
extern const OptionInfo option_infos[];
extern const size_t n_option_infos;

/* Options that each verb has. */
extern const VerbOption common_options[];

extern const char *const group_titles[_GROUP_MAX];

/* NULL for none. */
const Verb *verb_find(const char *name);
const OptionInfo *option_find(int id);
const VerbOption *verb_option_find(const Verb *verb, int id);
