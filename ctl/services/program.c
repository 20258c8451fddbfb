/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <sys/stat.h>

#include "basic/string-util.h"

static bool is_below(const char *path, const char *directory) {
        const char *rest = directory && *directory == '/' ? startswith(path, directory) : NULL;

        return rest && (*rest == '/' || *rest == '\0');
}

bool path_is_private(const char *path) {
        return is_below(path, "/tmp") || is_below(path, "/var/tmp");
}

/* 0, or why it cannot be executed. */
static int check_program(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return errno == ENOTDIR ? -ENOENT : -errno;
        return !S_ISREG(st.st_mode) || access(path, X_OK) < 0 ? -EACCES : 0;
}

int program_lasting_path(const char *path, char **ret) {
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *directory = NULL, *resolved = NULL;

        if (!slash || (!path_is_private(path) && !is_below(path, getenv("XDG_RUNTIME_DIR")))) {
                *ret = strdup(path);
                return *ret ? 0 : -ENOMEM;
        }
        /* Of its own name the program may make something, as multi-call programs do: the directory alone. */
        directory = strndup(path, (size_t) (slash - path) + 1);
        if (!directory)
                return -ENOMEM;
        resolved = realpath(directory, NULL);
        if (!resolved)
                return -errno;
        *ret = str_printf("%s%s", resolved, slash);
        return *ret ? 0 : -ENOMEM;
}

/* Where there is one that may not be executed, the search goes on and says so at its end, as execvp(3) does. */
static int search(const char *word, char **ret) {
        const char *path = getenv("PATH");
        int r = -ENOENT;

        for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path; path += *path == ':') {
                size_t n = strcspn(path, ":");
                _cleanup_(freep) char *candidate = str_printf("%.*s/%s", (int) n, path, word);
                int checked;

                path += n;
                if (!candidate)
                        return -ENOMEM;
                checked = *candidate == '/' && n > 0 ? check_program(candidate) : -ENOENT;
                if (checked >= 0)
                        return program_lasting_path(candidate, ret);
                if (checked == -EACCES)
                        r = checked;
        }
        return r;
}

int program_find(const char *word, char **ret) {
        _cleanup_(freep) char *directory = NULL, *path = NULL;
        int r;

        if (!*word)
                return -ENOENT;
        if (!strchr(word, '/'))
                return search(word, ret);
        if (*word != '/') {
                directory = realpath(".", NULL);
                if (!directory)
                        return -errno;
                while (startswith(word, "./"))
                        word += 2;
                path = str_printf("%s/%s", directory, word);
        } else
                path = strdup(word);
        if (!path)
                return -ENOMEM;
        r = check_program(path);
        return r < 0 ? r : program_lasting_path(path, ret);
}

/* Where systemd looks anyway. */
static bool is_system_directory(const char *directory) {
        static const char *const directories[] = {
                "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
                "/usr/local/games", "/usr/games", "/snap/bin",
        };

        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                if (streq(directories[i], directory))
                        return true;
        return false;
}

int program_search_path(char **ret) {
        const char *path = getenv("PATH");
        _cleanup_(freep) char *made = NULL;
        bool more = false;

        for (path = path ? path : ""; *path; path += *path == ':') {
                size_t n = strcspn(path, ":");
                _cleanup_(freep) char *directory = str_printf("%.*s/", (int) n, path), *lasting = NULL;
                int r;

                path += n;
                if (!directory)
                        return -ENOMEM;
                if (*directory != '/' || n == 0)
                        continue; /* relative to a shell that is not there */
                r = program_lasting_path(directory, &lasting);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !lasting)
                        continue; /* is no more */
                lasting[strlen(lasting) - 1] = '\0';
                more = more || !is_system_directory(lasting);
                if (str_replace_printf(&made, "%s%s%s", made ? made : "", made ? ":" : "", lasting) < 0)
                        return -ENOMEM;
        }
        *ret = more ? TAKE_PTR(made) : NULL;
        return 0;
}
