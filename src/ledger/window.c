/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <time.h>

#include "basic/macro.h"
#include "basic/string-util.h"

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_DAY (1440 * USEC_PER_MINUTE)

static const char *const names[] = {
        [WINDOW_MINUTE] = "minute",
        [WINDOW_DAY] = "day",
        [WINDOW_MONTH] = "month",
};

const char *window_to_string(Window window) {
        return names[window];
}

int window_from_string(const char *name) {
        for (int i = 0; name && i < _WINDOW_MAX; i++)
                if (streq(names[i], name))
                        return i;
        return -EINVAL;
}

static struct tm date_of(uint64_t at) {
        time_t seconds = (time_t) (at / USEC_PER_SEC);
        struct tm tm = {};

        (void) gmtime_r(&seconds, &tm); /* every year that a valid time can have fits */
        return tm;
}

void windows_begin(uint64_t at, uint64_t ret[static _WINDOW_MAX]) {
        uint64_t day = at - at % USEC_PER_DAY;

        ret[WINDOW_MINUTE] = at - at % USEC_PER_MINUTE;
        ret[WINDOW_DAY] = day;
        ret[WINDOW_MONTH] = day - (uint64_t) (date_of(at).tm_mday - 1) * USEC_PER_DAY;
}

uint64_t window_end(Window window, uint64_t begins) {
        struct tm tm;

        if (window == WINDOW_MINUTE)
                return begins + USEC_PER_MINUTE;
        if (window == WINDOW_DAY)
                return begins + USEC_PER_DAY;
        tm = date_of(begins);
        tm.tm_mon++; /* timegm() knows what comes after December */
        return (uint64_t) timegm(&tm) * USEC_PER_SEC;
}
