/* SPDX-License-Identifier: MIT */
#pragma once

#include <pwd.h>
#include <unistd.h>

/* As commands take it; valid until the next call. */
static inline const char *user_name(void) {
        const struct passwd *pw = getpwuid(getuid());

        return pw ? pw->pw_name : "USER";
}
