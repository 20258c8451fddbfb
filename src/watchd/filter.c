/* SPDX-License-Identifier: MIT */
#include "watchd/filter.h"

#include <fnmatch.h>

#include "basic/string-util.h"

/* What editors, merges and tools leave beside the files that people mean. vim tries out whether it may create
 * files in a directory with one called 4913. */
static const char *const droppings[] = {
        ".*", "*~", "#*#", "*.sw[opx]", "4913", "*.tmp", "*.orig", "*.rej", "node_modules", "__pycache__",
};

/* Of programs that are not built here: what they write when they run, and the packages that they brought with them. */
static const char *const leavings[] = {
        "*.log", "*.pid", "*.pyc", "*.egg-info", "venv", "*.db", "*.sqlite", "*.sqlite3", "*-journal", "*-wal", "*-shm",
};

int path_normalize(char *path) {
        bool absolute = *path == '/';
        char *to = path + absolute, *first = to, *save = NULL;

        for (char *part = strtok_r(to, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                size_t n = strlen(part);

                if (streq(part, ".."))
                        return -EINVAL;
                if (streq(part, "."))
                        continue;
                if (to > first)
                        *to++ = '/';
                memmove(to, part, n);
                to += n;
        }
        if (to == path)
                *to++ = '.';
        *to = '\0';
        return 0;
}

bool path_is_below(const char *path, const char *directory) {
        const char *rest;

        if (streq(directory, ".") || streq(directory, "/"))
                return true;
        rest = startswith(path, directory);
        return rest && (*rest == '\0' || *rest == '/');
}

static bool matches(const char *glob, const char *root, const char *path, const char *name) {
        if (!strchr(glob, '/'))
                return fnmatch(glob, name, 0) == 0;
        if (*root == '/' && *glob != '/')
                path += strlen(root) + 1;
        return fnmatch(glob, path, FNM_PATHNAME) == 0;
}

static bool ignored(const Filter *filter, const char *root, const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        for (size_t i = 0; i < ELEMENTSOF(droppings); i++)
                if (fnmatch(droppings[i], name, 0) == 0)
                        return true;
        for (size_t i = 0; filter->program && i < ELEMENTSOF(leavings); i++)
                if (fnmatch(leavings[i], name, 0) == 0)
                        return true;
        for (char *const *glob = filter->ignore; glob && *glob; glob++)
                if (matches(*glob, root, path, name))
                        return true;
        return false;
}

FilterResult filter_path(const Filter *filter, const char *path) {
        FilterResult result = FILTER_OUTSIDE;

        for (char *const *skip = filter->skip; skip && *skip; skip++)
                if (path_is_below(path, *skip))
                        return FILTER_OUTSIDE;
        for (char *const *root = filter->roots; *root; root++) {
                /* Whoever names a path means it, even one that begins with a dot. */
                if (streq(path, *root))
                        return FILTER_INSIDE;
                if (path_is_below(*root, path))
                        result = FILTER_TOWARDS;
                else if (path_is_below(path, *root) && !ignored(filter, *root, path))
                        return FILTER_INSIDE;
        }
        return result;
}
