/* SPDX-License-Identifier: MIT */
#include "shared/service-users.h"

#include <pwd.h>
#include <stdint.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"

#define UID_NOBODY 65534 /* also stands for users that a namespace does not know */

static bool find_user(const char *name, uid_t *ret) {
        struct passwd *entry;
        unsigned long number;

        if (parse_uint(name, 0, UINT32_MAX - 1, &number) >= 0)
                *ret = (uid_t) number;
        else {
                entry = getpwnam(name);
                if (!entry) {
                        log_warning("AllowUsers=%s: there is no such user; it is left out", name);
                        return false;
                }
                *ret = entry->pw_uid;
        }
        if (*ret != UID_NOBODY)
                return true;
        log_warning("AllowUsers=%s: that is also what an unknown user looks like; it is left out", name);
        return false;
}

size_t service_settings_users(const ServiceSettings *s, uid_t *ret, size_t max) {
        size_t n = 0;

        STRV_FOREACH(name, s->allow_users)
                if (n < max && find_user(*name, ret + n))
                        n++;
        return n;
}
