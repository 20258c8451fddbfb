/* SPDX-License-Identifier: MIT */
#include "dev-setting.h"

#include <limits.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl.h"

#define BUILD_FILE_MAX (256 * 1024)

static bool is_tree(const char *directory) {
        _cleanup_(freep) char *path = NULL, *data = NULL;

        path = str_printf("%s/meson.build", directory);
        return path && read_file(path, BUILD_FILE_MAX, &data, NULL) >= 0 && strstr(data, "project('tooloo'");
}

int dev_find_tree(const char *given, char **ret) {
        _cleanup_(freep) char *directory = realpath(given ? given : ".", NULL);

        if (!directory)
                return -errno;
        while (!is_tree(directory)) {
                char *slash = strrchr(directory, '/');

                if (given || slash == directory || !slash)
                        return -ENOENT;
                *slash = '\0';
        }
        *ret = TAKE_PTR(directory);
        return 0;
}

/* Inside the double quotes of an Environment= line: systemd undoes C escapes and expands '%'. */
static char *escape(const char *s) {
        char *escaped = malloc(strlen(s) * 2 + 1), *p = escaped;

        if (!escaped)
                return NULL;
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        *p++ = '\\';
                else if (*s == '%')
                        *p++ = '%';
                *p++ = *s;
        }
        *p = '\0';
        return escaped;
}

/* A control character would end the line, or the file. */
static bool is_printable(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s < ' ' || *s == 0x7f)
                        return false;
        return true;
}

int dev_setting_format(const char *source, const char *build, char **ret) {
        _cleanup_(freep) char *a = NULL, *b = NULL;
        char *content;

        if (!is_printable(source) || !is_printable(build))
                return -EINVAL;
        a = escape(source);
        b = escape(build);
        if (!a || !b)
                return -ENOMEM;
        content = str_printf("# Written by \"toolooctl dev\".\n"
                             "[Service]\n"
                             "Environment=\"TOOLOO_SOURCE=%s\"\n"
                             "Environment=\"TOOLOO_BUILD=%s\"\n", a, b);
        if (!content)
                return -ENOMEM;
        *ret = content;
        return 0;
}

int dev_setting_write(const char *content, char **ret_path) {
        _cleanup_(freep) char *directory = NULL, *path = NULL, *before = NULL;
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int r;

        if (config && *config == '/')
                directory = str_printf("%s/systemd/user/%s.d", config, WATCHD_UNIT);
        else if (home && *home == '/')
                directory = str_printf("%s/.config/systemd/user/%s.d", home, WATCHD_UNIT);
        else
                return -ENOENT;
        if (!directory)
                return -ENOMEM;
        path = str_printf("%s/50-source.conf", directory);
        if (!path)
                return -ENOMEM;
        r = read_file(path, BUILD_FILE_MAX, &before, NULL);
        if (r >= 0 && streq(before, content))
                r = 0;
        else {
                r = mkdir_parents(directory, 0755);
                if (r >= 0)
                        r = write_file_atomic(path, content, strlen(content), 0644);
                r = r < 0 ? r : 1;
        }
        *ret_path = TAKE_PTR(path);
        return r;
}
