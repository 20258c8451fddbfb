/* SPDX-License-Identifier: MIT */
#include "watchd/filter.h"

#include <fnmatch.h>

#include "basic/string-util.h"

/* What editors, merges and tools leave beside the files that people mean. vim tries out whether it may create
 * files in a directory with one called 4913. */
static const char *const droppings[] = {
        ".*", "*~", "#*#", "*.sw[opx]", "4913", "*.tmp", "*.orig", "*.rej", "node_modules", "__pycache__",
};

bool path_is_below(const char *path, const char *directory) {
        const char *rest;

        if (streq(directory, "."))
                return true;
        rest = startswith(path, directory);
        return rest && (*rest == '\0' || *rest == '/');
}

static bool ignored(const Filter *filter, const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        for (size_t i = 0; i < ELEMENTSOF(droppings); i++)
                if (fnmatch(droppings[i], name, 0) == 0)
                        return true;
        for (char *const *glob = filter->ignore; glob && *glob; glob++)
                if (strchr(*glob, '/') ? fnmatch(*glob, path, FNM_PATHNAME) == 0 : fnmatch(*glob, name, 0) == 0)
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
                else if (path_is_below(path, *root) && !ignored(filter, path))
                        return FILTER_INSIDE;
        }
        return result;
}
