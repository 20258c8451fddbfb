/* SPDX-License-Identifier: MIT */
#include "shared/registry-scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "basic/string-util.h"

static void close_directory(DIR *d) {
        (void) closedir(d); /* was only read */
}
TL_DEFINE_CLEANUP(DIR *, close_directory)

void scan_done(Scan *scan) {
        for (size_t i = 0; i < scan->n_entries; i++) {
                free(scan->entries[i].id);
                free(scan->entries[i].service_path);
                free(scan->entries[i].socket_path);
        }
        free(scan->entries);
        *scan = (Scan) {};
}

static ScanEntry *entry_of(Scan *scan, const char *id) {
        ScanEntry *grown;

        for (size_t i = 0; i < scan->n_entries; i++)
                if (streq(scan->entries[i].id, id))
                        return scan->entries + i;
        grown = reallocarray(scan->entries, scan->n_entries + 1, sizeof(ScanEntry));
        if (!grown)
                return NULL;
        scan->entries = grown;
        grown += scan->n_entries;
        *grown = (ScanEntry) { .id = strdup(id) };
        if (!grown->id)
                return NULL;
        scan->n_entries++;
        return grown;
}

typedef enum FileKind { FILE_UNIT, FILE_MASK, FILE_ALIAS } FileKind;

/* A link to /dev/null and an empty file are masks; a link to a unit of another name is an alias of that one. */
static FileKind kind_of(int fd, const char *name, unsigned char type) {
        char target[PATH_MAX];
        const char *base;
        struct stat st;
        ssize_t n;

        n = type == DT_REG ? -1 : readlinkat(fd, name, target, sizeof(target) - 1);
        if (n >= 0) {
                target[n] = '\0';
                if (streq(target, "/dev/null"))
                        return FILE_MASK;
                base = strrchr(target, '/');
                if (!streq(base ? base + 1 : target, name))
                        return FILE_ALIAS;
        }
        return fstatat(fd, name, &st, 0) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ? FILE_MASK : FILE_UNIT;
}

static int add_file(Scan *scan, int fd, const char *directory, const char *name, unsigned char type) {
        bool is_socket = endswith(name, ".socket");
        const char *rest = startswith(name, "tooloo-");
        _cleanup_(freep) char *id = NULL;
        ScanEntry *entry;
        FileKind kind;
        char **path;

        /* A template is no unit, and an instance is its template's matter. */
        if (!rest || (!is_socket && !endswith(name, ".service")) || strchr(name, '@'))
                return 0;
        id = strndup(rest, strlen(rest) - strlen(is_socket ? ".socket" : ".service"));
        if (!id)
                return -ENOMEM;
        kind = kind_of(fd, name, type);
        if (kind == FILE_ALIAS)
                return 0;
        entry = entry_of(scan, id);
        if (!entry)
                return -ENOMEM;
        *(is_socket ? &entry->has_socket : &entry->has_service) = true;
        path = is_socket ? &entry->socket_path : &entry->service_path;
        if (kind == FILE_MASK || *path)
                return 0;
        *path = str_printf("%s/%s", directory, name);
        return *path ? 0 : -ENOMEM;
}

static int scan_directory(Scan *scan, const char *directory) {
        _cleanup_(close_directoryp) DIR *d = NULL;
        struct dirent *entry;

        d = opendir(directory);
        if (!d)
                return errno == ENOMEM ? -ENOMEM : 0;
        while ((errno = 0, entry = readdir(d))) {
                int r = add_file(scan, dirfd(d), directory, entry->d_name, entry->d_type);

                if (r < 0)
                        return r;
        }
        return -errno;
}

int scan_unit_directories(char *const *directories, Scan *ret) {
        _cleanup_(scan_done) Scan scan = {};

        for (; directories && *directories; directories++) {
                int r = scan_directory(&scan, *directories);

                if (r < 0)
                        return r;
        }
        *ret = scan;
        scan = (Scan) {};
        return 0;
}
