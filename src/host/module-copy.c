/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "host/host.h"
#include "shared/log.h"

static char *new_copy_path(const Host *host) {
        static unsigned n;

        /* Not the generation's number alone: a rejected file had that, too. */
        return str_printf("%s/%s-%d-%u.so", host->runtime_directory, host->id, (int) getpid(), n++);
}

/* Copies of generations that are gone, and what another program than this one has rejected. */
static bool is_old(const Host *host, const char *name, const char *prefix) {
        const char *rejected = strrchr(host->rejected_path, '/') + 1;

        return (startswith(name, prefix) && endswith(name, ".so")) || (startswith(name, "rejected") && !streq(name, rejected));
}

void host_remove_old_copies(const Host *host) {
        _cleanup_(freep) char *prefix = str_printf("%s-", host->id);
        DIR *directory = opendir(host->runtime_directory);
        struct dirent *entry;

        if (!directory || !prefix) {
                log_warning("Cannot look for old copies in %s", host->runtime_directory);
                if (directory)
                        (void) closedir(directory);
                return;
        }
        while ((entry = readdir(directory)))
                if (is_old(host, entry->d_name, prefix) &&
                    unlinkat(dirfd(directory), entry->d_name, 0) < 0)
                        log_warning("Cannot remove %s: %s", entry->d_name, strerror(errno));
        (void) closedir(directory);
}

int host_copy_module(const Host *host, const char *from, char **ret, char **ret_reason) {
        _cleanup_(freep) char *path = new_copy_path(host);
        int r;

        if (!path)
                return -ENOMEM;
        r = copy_file_new(from, path, 0700);
        if (r < 0) {
                *ret_reason = r == -ENOENT ? str_printf("there is no %s: build or install it", from)
                                           : str_printf("cannot copy %s to %s: %s%s", from, host->runtime_directory,
                                                        strerror(-r), r == -ENOSPC ? "; free some space there" : "");
                return r;
        }
        *ret = TAKE_PTR(path);
        return 0;
}
