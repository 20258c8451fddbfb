/* SPDX-License-Identifier: MIT */
#include "shared/unit-file.h"

#include <dirent.h>
#include <stdbool.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

#define FILE_MAX (256 * 1024)
#define BLANKS " \t\r"

/* Strips in place. */
static char *strip(char *s) {
        size_t n;

        s += strspn(s, BLANKS);
        n = strlen(s);
        while (n > 0 && strchr(BLANKS, s[n - 1]))
                n--;
        s[n] = '\0';
        return s;
}

/* One line out of *rest, without its newline; NULL at the end. */
static char *next_line(char **rest, unsigned *line) {
        char *s = *rest, *end;

        if (!*s)
                return NULL;
        (*line)++;
        end = strchrnul(s, '\n');
        *rest = *end ? end + 1 : end;
        *end = '\0';
        return s;
}

/* One logical line. The pieces lie one behind the other in the same buffer, so they are moved together there. */
static char *next_logical_line(char **rest, unsigned *line, unsigned *ret_first) {
        char *whole = NULL, *end = NULL, *piece;

        while ((piece = next_line(rest, line))) {
                char *text = piece + strspn(piece, BLANKS);
                size_t n = strlen(piece);
                bool continued = n > 0 && piece[n - 1] == '\\';

                if (*text == '#' || *text == ';')
                        continue;
                if (continued)
                        piece[n - 1] = ' ';
                if (!whole) {
                        whole = end = piece;
                        *ret_first = *line;
                }
                memmove(end, piece, n + 1);
                end += n;
                if (!continued)
                        break;
        }
        return whole;
}

int unit_file_read(const char *path, unit_file_assign_t assign, void *userdata) {
        _cleanup_(freep) char *data = NULL;
        const char *section = NULL;
        unsigned line = 0, first = 0;
        size_t size;
        char *rest, *s;
        int r;

        r = read_file(path, FILE_MAX, &data, &size);
        if (r < 0)
                return r;
        if (memchr(data, '\0', size))
                return -EBADMSG;
        rest = data;
        while ((s = next_logical_line(&rest, &line, &first))) {
                char *equals;

                s = strip(s);
                if (*s == '[' && endswith(s, "]")) {
                        s[strlen(s) - 1] = '\0';
                        section = s + 1;
                        continue;
                }
                equals = strchr(s, '=');
                if (!section || !equals)
                        continue;
                *equals = '\0';
                r = assign(section, strip(s), strip(equals + 1), path, first, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_drop_ins(const char *unit) {
        _cleanup_(freep) char *path = str_printf("%s.d", unit);
        struct dirent *entry;
        DIR *folder;
        int r = 0;

        if (!path)
                return -ENOMEM;
        folder = opendir(path);
        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        while ((entry = readdir(folder)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, "..") &&
                    unlinkat(dirfd(folder), entry->d_name, 0) < 0 && r >= 0)
                        r = -errno;
        (void) closedir(folder);
        return rmdir(path) < 0 && r >= 0 ? -errno : r;
}

int unit_file_remove(const char *path) {
        int r = remove_drop_ins(path);

        return unlink(path) < 0 && errno != ENOENT && r >= 0 ? -errno : r;
}
