/* SPDX-License-Identifier: MIT */
#include "watchd/publish.h"

#include <glob.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/log.h"

/* As meson installs them, so that an install and a build agree. */
#define MODULE_MODE 0755

static int complain(char **problem, int error, const char *what, const char *path) {
        const char *advice = "";

        if (error == -ENOSPC || error == -EDQUOT)
                advice = "; free some space";
        else if (error == -EACCES || error == -EPERM || error == -EROFS)
                advice = "; give a directory of your own with --modules=";
        else if (error == -EXDEV)
                advice = "; the module directory and staging beside it must lie on one file system";
        (void) str_replace_printf(problem, "cannot %s %s: %s%s", what, path, strerror(-error), advice);
        return error;
}

/* The directory's name is taken as it is, whatever it holds; the pattern is a pattern. */
static char *full_pattern(const char *build, const char *pattern) {
        char *full = malloc(2 * strlen(build) + 1 + strlen(pattern) + 1), *to = full;

        if (!full)
                return NULL;
        for (const char *from = build; *from; from++) {
                if (strchr("*?[\\", *from))
                        *to++ = '\\';
                *to++ = *from;
        }
        *to++ = '/';
        (void) stpcpy(to, pattern);
        return full;
}

static bool is_module_name(const char *name) {
        _cleanup_(freep) char *id = NULL;

        if (!endswith(name, ".so"))
                return false;
        id = strndup(name, strlen(name) - strlen(".so"));
        return id && service_id_valid(id);
}

/* 1 when it was copied, 0 when it stands there already. */
static int publish_one(const Publish *p, const char *staging, const char *from, const char *name, char **problem) {
        _cleanup_(freep) char *to = str_printf("%s/%s", p->modules, name);
        int r;

        if (!to)
                return complain(problem, -ENOMEM, "publish", name);
        r = files_equal(from, to);
        if (r > 0)
                return 0;
        if (r < 0 && r != -ENOENT)
                return complain(problem, r, "compare", to);
        r = copy_file_atomic(from, to, staging, MODULE_MODE);
        return r < 0 ? complain(problem, r, "publish", to) : 1;
}

static int publish_all(const Publish *p, const char *staging, const glob_t *found, char **names, char **problem) {
        int n = 0, r;

        for (size_t i = 0; i < found->gl_pathc; i++) {
                const char *slash = strrchr(found->gl_pathv[i], '/');
                const char *name = slash ? slash + 1 : found->gl_pathv[i];

                if (!is_module_name(name))
                        continue;
                r = publish_one(p, staging, found->gl_pathv[i], name, problem);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                n++;
                r = str_replace_printf(names, "%s%s%s", *names ? *names : "", *names ? ", " : "", name);
                if (r < 0)
                        return complain(problem, r, "publish", name);
        }
        return n;
}

int publish(const Publish *p, char **names, char **problem) {
        _cleanup_(freep) char *staging = NULL, *pattern = NULL;
        _cleanup_(globfree) glob_t found = { 0 };
        int r;

        staging = str_printf("%s/../staging", p->modules);
        pattern = full_pattern(p->build, p->pattern);
        if (!staging || !pattern)
                return complain(problem, -ENOMEM, "publish to", p->modules);
        r = glob(pattern, 0, NULL, &found);
        if (r == GLOB_NOMATCH)
                return 0;
        if (r != 0)
                return complain(problem, r == GLOB_NOSPACE ? -ENOMEM : -EIO, "list", pattern);
        r = mkdir_parents(p->modules, 0755);
        if (r < 0)
                return complain(problem, r, "create", p->modules);
        r = mkdir_parents(staging, 0755);
        if (r < 0)
                return complain(problem, r, "create", staging);
        return publish_all(p, staging, &found, names, problem);
}
