/* SPDX-License-Identifier: MIT */
#include "log-priority.h"

#include "basic/string-util.h"

static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static int parse_one(const char *s, size_t n, unsigned *ret) {
        if (n == 1 && *s >= '0' && *s < '0' + (int) ELEMENTSOF(names)) {
                *ret = (unsigned) (*s - '0');
                return 0;
        }
        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                if (strlen(names[i]) == n && strncmp(names[i], s, n) == 0) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

int parse_priorities(const char *s, unsigned *ret) {
        const char *dots = strstr(s, "..");
        unsigned from = 0, to;

        if (dots && parse_one(s, (size_t) (dots - s), &from) < 0)
                return -EINVAL;
        if (parse_one(dots ? dots + 2 : s, strlen(dots ? dots + 2 : s), &to) < 0)
                return -EINVAL;
        *ret = (2u << MAX(from, to)) - (1u << MIN(from, to));
        return 0;
}

const char *priority_to_string(unsigned priority) {
        return names[priority];
}
