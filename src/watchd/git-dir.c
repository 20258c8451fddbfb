/* SPDX-License-Identifier: MIT */
#include "watchd/git-dir.h"

#include <limits.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

/* A `.git` file holds one line, "gitdir: PATH", relative to where the file lies. */
static int follow_git_file(const char *top, const char *file, char **ret) {
        _cleanup_(freep) char *content = NULL;
        const char *target;
        char *directory;
        int r;

        r = read_file(file, PATH_MAX + sizeof("gitdir: \n"), &content, NULL);
        if (r < 0)
                return r;
        content[strcspn(content, "\n")] = '\0';
        target = startswith(content, "gitdir: ");
        if (!target)
                return -ENOENT;
        directory = *target == '/' ? strdup(target) : str_printf("%s/%s", top, target);
        if (!directory)
                return -ENOMEM;
        *ret = directory;
        return 0;
}

int git_find_directory(const char *from, char **ret) {
        _cleanup_(freep) char *top = realpath(from, NULL);

        if (!top)
                return -errno;
        for (;;) {
                _cleanup_(freep) char *candidate = str_printf("%s/.git", top);
                struct stat st;

                if (!candidate)
                        return -ENOMEM;
                if (lstat(candidate, &st) == 0) {
                        if (!S_ISDIR(st.st_mode))
                                return follow_git_file(top, candidate, ret);
                        *ret = TAKE_PTR(candidate);
                        return 0;
                }
                if (*top == '\0')
                        return -ENOENT;
                *strrchr(top, '/') = '\0'; /* absolute, so there is one; "/usr" becomes "", which is the root */
        }
}
