/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "basic/string-util.h"
#include "ledger.h"

#define NAME "tooloo-ledger"

char *ledger_directory_of_unit(void) {
        const char *at = getenv("STATE_DIRECTORY");

        while (at && *at != '\0') {
                size_t n = strcspn(at, ":");
                _cleanup_(freep) char *path = strndup(at, n);

                if (path && endswith(path, "/" NAME))
                        return TAKE_PTR(path);
                at += n + (at[n] == ':');
        }
        return NULL;
}

/* 1 when it is there; *ret is NULL else. As systemd does, what is no absolute path counts as not set. */
static int look_below(const char *variable, const char *default_below_home, char **ret) {
        const char *base = getenv(variable), *home = getenv("HOME");
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        if (base && base[0] == '/')
                path = str_printf("%s/" NAME, base);
        else if (home && home[0] == '/')
                path = str_printf("%s/%s/" NAME, home, default_below_home);
        else
                return 0;
        if (!path)
                return -ENOMEM;
        if (stat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        if (!S_ISDIR(st.st_mode))
                return 0;
        *ret = TAKE_PTR(path);
        return 1;
}

int ledger_directory_of_user(char **ret) {
        char *path = NULL;
        int r;

        r = look_below("XDG_STATE_HOME", ".local/state", &path);
        if (r == 0)
                r = look_below("XDG_CONFIG_HOME", ".config", &path);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = path;
        return 0;
}
