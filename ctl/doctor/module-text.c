/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "modules.h"

/* The trial says "@STAGE" when it begins one; anything else is the reason of a failure, and the last line counts. */
char *module_complaint(const char *output, int status, int *ret_error) {
        _cleanup_(freep) char *stage = strdup("loading"), *reason = NULL;
        char *complaint;

        *ret_error = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return NULL;
        for (const char *line = output; *line && stage; line += strcspn(line, "\n"), line += *line == '\n') {
                size_t n = strcspn(line, "\n");

                free(TAKE_PTR(reason));
                if (*line == '@') {
                        free(stage);
                        stage = strndup(line + 1, n - 1);
                } else
                        reason = strndup(line, n);
        }
        if (WIFSIGNALED(status))
                complaint = str_printf("it crashes in %s (SIG%s)", strna(stage), strna(sigabbrev_np(WTERMSIG(status))));
        else if (reason)
                complaint = TAKE_PTR(reason);
        else
                complaint = str_printf("it fails in %s", strna(stage));
        *ret_error = complaint && stage ? 0 : -ENOMEM;
        return complaint;
}

char *module_copy_in_maps(const char *maps, const char *id, uint32_t pid) {
        _cleanup_(freep) char *begin = str_printf("/%s-%u-", id, pid);
        const char *best = NULL;
        unsigned long best_n = 0;
        size_t best_length = 0;

        if (!begin)
                return NULL;
        for (const char *line = maps; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *path = memchr(line, '/', strcspn(line, "\n")), *name, *end = line + strcspn(line, "\n");
                unsigned long n;
                char *rest;

                name = path ? strstr(path, begin) : NULL;
                if (!name || name > end)
                        continue;
                n = strtoul(name + strlen(begin), &rest, 10);
                if (rest + strlen(".so") != end || !startswith(rest, ".so") || (best && n < best_n))
                        continue;
                best = path;
                best_n = n;
                best_length = (size_t) (end - path);
        }
        return best ? strndup(best, best_length) : NULL;
}
