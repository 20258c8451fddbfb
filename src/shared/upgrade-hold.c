/* SPDX-License-Identifier: MIT */
#include "shared/upgrade-hold.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

#define HOLD_MAX ((size_t) 16 * 1024)
#define N_LINES 5

static char *hold_path(void) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        return runtime && *runtime ? str_printf("%s/tooloo-upgrade.held", runtime)
                                   : str_printf("/run/user/%u/tooloo-upgrade.held", getuid());
}

void upgrade_hold_done(UpgradeHold *hold) {
        free(hold->service);
        free(hold->invocation);
        free(hold->program);
        free(hold->identity);
        free(hold->reason);
        *hold = (UpgradeHold) {};
}

/* A file of fewer lines is none of ours, and holds nothing. */
int upgrade_hold_read(UpgradeHold *ret) {
        _cleanup_(freep) char *path = hold_path(), *text = NULL;
        char **fields[N_LINES] = { &ret->service, &ret->invocation, &ret->program, &ret->identity, &ret->reason };
        const char *line;
        int r;

        if (!path)
                return -ENOMEM;
        r = read_file(path, HOLD_MAX, &text, NULL);
        if (r < 0)
                return r;
        line = text;
        for (size_t i = 0; i < N_LINES; i++) {
                size_t n = strcspn(line, "\n");

                if (line[n] != '\n')
                        return -ENOENT;
                *fields[i] = strndup(line, n);
                if (!*fields[i])
                        return -ENOMEM;
                line += n + 1;
        }
        return 0;
}

int upgrade_hold_write(const UpgradeHold *hold) {
        _cleanup_(freep) char *path = hold_path(), *text = NULL;

        text = str_printf("%s\n%s\n%s\n%s\n%s\n", hold->service, hold->invocation, hold->program, hold->identity,
                          hold->reason);
        return path && text ? write_file_atomic(path, text, strlen(text), 0600) : -ENOMEM;
}

int upgrade_hold_remove(void) {
        _cleanup_(freep) char *path = hold_path();

        if (!path)
                return -ENOMEM;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

bool upgrade_hold_stands(const UpgradeHold *hold, const char *invocation, bool healthy) {
        return !healthy || streq(hold->invocation, invocation);
}

/* The time of change is the kernel's own, and renaming sets it: nobody can give a file an older one. */
char *file_identity(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return strdup("");
        return str_printf("%ju:%ju:%jd:%jd.%09ld", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino, (intmax_t) st.st_size,
                          (intmax_t) st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

void unit_invocation(const char *unit, char ret[static 33]) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *path = NULL;
        ssize_t n;

        path = runtime ? str_printf("%s/systemd/units/invocation:%s", runtime, unit) : NULL;
        n = path ? readlink(path, ret, 32) : -1;
        ret[n > 0 ? n : 0] = '\0';
}
