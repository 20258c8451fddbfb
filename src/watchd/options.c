/* SPDX-License-Identifier: MIT */
#include "watchd/options.h"

#include <getopt.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "config.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "watchd/filter.h"

#define WORDS_MAX 256

static const char help[] =
        "tooloo-watchd [OPTIONS...]\n\n"
        "Watches a source tree, builds what is saved, and publishes the finished modules; reloads services of your own\n"
        "when their files change.\n\n"
        "  -h --help              Show this help\n"
        "     --version           Show the version\n"
        "     --services          Also follow the Watch= of services of your own, and build SOURCE only while\n"
        "                         tooloo-dev.target is active; for tooloo-watchd.service\n"
        "     --source=DIR        Source tree; the other paths are relative to it ($TOOLOO_SOURCE)\n"
        "     --build=DIR         Build directory ($TOOLOO_BUILD) [build]\n"
        "     --command=COMMAND   Shell command that builds ($TOOLOO_BUILD_COMMAND) [ninja -C BUILD modules]\n"
        "     --watch=PATH        Watch this file or directory; may be repeated ($TOOLOO_WATCH) [src]\n"
        "     --ignore=GLOB       Leave out what matches; may be repeated ($TOOLOO_IGNORE)\n"
        "     --output=GLOB       Modules below BUILD ($TOOLOO_OUTPUT) [src/modules/*/*.so]\n"
        "     --modules=DIR       Where to publish them ($TOOLOO_MODULES) [" TL_MODULES_DIR "]\n"
        "     --quiet-ms=N        Gather saves until there is none for so long, 10..10000 ($TOOLOO_QUIET_MS) [200]\n"
        "     --gather-ms=N       But at most this long, 10..60000 ($TOOLOO_GATHER_MS) [1000]\n"
        "     --max-files=N       Refuse to watch more files, 1..1000000 ($TOOLOO_MAX_FILES) [100000]\n\n"
        "See tooloo-watchd(8) for details.\n";

enum { OPT_VERSION = 256, OPT_SERVICES, OPT_SOURCE, OPT_BUILD, OPT_COMMAND, OPT_WATCH, OPT_IGNORE, OPT_OUTPUT, OPT_MODULES,
       OPT_QUIET, OPT_GATHER, OPT_MAX_FILES };

static const struct option table[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "services", no_argument, NULL, OPT_SERVICES },
        { "source", required_argument, NULL, OPT_SOURCE },
        { "build", required_argument, NULL, OPT_BUILD },
        { "command", required_argument, NULL, OPT_COMMAND },
        { "watch", required_argument, NULL, OPT_WATCH },
        { "ignore", required_argument, NULL, OPT_IGNORE },
        { "output", required_argument, NULL, OPT_OUTPUT },
        { "modules", required_argument, NULL, OPT_MODULES },
        { "quiet-ms", required_argument, NULL, OPT_QUIET },
        { "gather-ms", required_argument, NULL, OPT_GATHER },
        { "max-files", required_argument, NULL, OPT_MAX_FILES },
        { NULL, 0, NULL, 0 },
};

static int take_number(const char *name, const char *value, unsigned long min, unsigned long max,
                       unsigned long *ret) {
        int r = parse_uint(value, min, max, ret);

        if (r < 0)
                log_error("%s takes a number from %lu to %lu, not \"%s\"", name, min, max, value);
        return r;
}

static int take_string(const char *name, const char *value, const char **ret) {
        if (!*value) {
                log_error("%s must not be empty", name);
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

static int take_option(Options *o, int option, const char *value) {
        switch (option) {
        case OPT_SERVICES:
                o->services = true;
                return 0;
        case OPT_SOURCE:
                return take_string("--source=", value, &o->source);
        case OPT_BUILD:
                return take_string("--build=", value, &o->build);
        case OPT_COMMAND:
                return take_string("--command=", value, &o->command);
        case OPT_OUTPUT:
                return take_string("--output=", value, &o->output);
        case OPT_MODULES:
                return take_string("--modules=", value, &o->modules);
        case OPT_WATCH:
                return strv_extend(&o->watch, value);
        case OPT_IGNORE:
                return strv_extend(&o->ignore, value);
        case OPT_QUIET:
                return take_number("--quiet-ms=", value, 10, 10000, &o->quiet_ms);
        case OPT_GATHER:
                return take_number("--gather-ms=", value, 10, 60000, &o->gather_ms);
        default:
                return take_number("--max-files=", value, 1, 1000000, &o->max_files);
        }
}

/* An empty variable counts as unset, which is how a unit's drop-in takes one back. */
static const char *variable(const char *name) {
        const char *value = getenv(name);

        return value && *value ? value : NULL;
}

static int take_words(const char *name, char ***l) {
        const char *value = *l ? NULL : variable(name);
        int r;

        if (!value)
                return 0;
        r = strv_extend_words(l, value, WORDS_MAX);
        if (r < 0)
                log_error("$%s must be at most %d words with closed quotes: %s", name, WORDS_MAX, value);
        return r;
}

static int take_number_variable(const char *name, unsigned long min, unsigned long max, unsigned long standard,
                                unsigned long *number) {
        const char *value = variable(name);

        if (*number > 0)
                return 0;
        *number = standard;
        return value ? take_number(name, value, min, max, number) : 0;
}

static void take_string_variable(const char *name, const char *standard, const char **string) {
        const char *value = variable(name);

        if (!*string)
                *string = value ? value : standard;
}

static int take_environment(Options *o) {
        int r;

        take_string_variable("TOOLOO_SOURCE", NULL, &o->source);
        take_string_variable("TOOLOO_BUILD", "build", &o->build);
        take_string_variable("TOOLOO_BUILD_COMMAND", NULL, &o->command);
        take_string_variable("TOOLOO_OUTPUT", "src/modules/*/*.so", &o->output);
        take_string_variable("TOOLOO_MODULES", TL_MODULES_DIR, &o->modules);
        r = take_words("TOOLOO_WATCH", &o->watch);
        if (r >= 0)
                r = take_words("TOOLOO_IGNORE", &o->ignore);
        if (r >= 0 && !o->watch)
                r = strv_extend(&o->watch, "src");
        if (r >= 0)
                r = take_number_variable("TOOLOO_QUIET_MS", 10, 10000, 200, &o->quiet_ms);
        if (r >= 0)
                r = take_number_variable("TOOLOO_GATHER_MS", 10, 60000, 1000, &o->gather_ms);
        if (r >= 0)
                r = take_number_variable("TOOLOO_MAX_FILES", 1, 1000000, 100000, &o->max_files);
        return r;
}

static int check(Options *o) {
        if (!o->source && !o->services) {
                log_error("no source tree was named; run \"toolooctl dev\" in it, or give --source=DIR");
                return -EINVAL;
        }
        STRV_FOREACH(path, o->watch) {
                _cleanup_(freep) char *given = strdup(*path);

                if (!given)
                        return -ENOMEM;
                if (!*given || *given == '/' || path_normalize(*path) < 0) {
                        log_error("--watch= takes a path below the source tree, relative to it, not \"%s\"", given);
                        return -EINVAL;
                }
        }
        if (o->gather_ms < o->quiet_ms) {
                log_error("--gather-ms=%lu must not be less than --quiet-ms=%lu", o->gather_ms, o->quiet_ms);
                return -EINVAL;
        }
        return 1;
}

int options_parse(int argc, char *argv[], Options *o) {
        int option, r;

        *o = (Options) { 0 };
        while ((option = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
                if (option == '?')
                        return -EINVAL; /* getopt has said why */
                if (option == 'h' || option == OPT_VERSION) {
                        const char *answer = option == 'h' ? help : "tooloo-watchd " TL_VERSION "\n";

                        if (fputs(answer, stdout) < 0 || fflush(stdout) < 0)
                                return log_errno(-errno, "Cannot write the answer");
                        return 0;
                }
                r = take_option(o, option, optarg);
                if (r < 0)
                        return r;
        }
        if (optind < argc) {
                log_error("too many arguments: \"%s\"; see --help", argv[optind]);
                return -EINVAL;
        }
        r = take_environment(o);
        return r < 0 ? r : check(o);
}

void options_done(Options *o) {
        o->watch = strv_free(o->watch);
        o->ignore = strv_free(o->ignore);
}
