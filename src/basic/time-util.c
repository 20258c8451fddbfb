/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "basic/macro.h"

static uint64_t clock_usec(clockid_t clock) {
        struct timespec ts;

        (void) clock_gettime(clock, &ts); /* cannot fail for the two clocks used here */
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

uint64_t now_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t now_realtime_usec(void) {
        return clock_usec(CLOCK_REALTIME);
}

char *format_iso8601(char buf[static ISO8601_MAX], uint64_t realtime_usec) {
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        unsigned msec = (unsigned) (realtime_usec / USEC_PER_MSEC % 1000);
        char day[sizeof("2026-01-31T08:15:30")];
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
                /* Only a year of five digits gets here; the field is still a valid date. */
                (void) snprintf(buf, ISO8601_MAX, "9999-12-31T23:59:59.999Z");
                return buf;
        }
        (void) snprintf(buf, ISO8601_MAX, "%s.%03uZ", day, msec);
        return buf;
}

char *format_timespan(char buf[static TIMESPAN_MAX], uint64_t usec) {
        static const struct {
                const char *suffix;
                uint64_t usec;
        } units[] = {
                { "d",   24 * 3600 * USEC_PER_SEC },
                { "h",   3600 * USEC_PER_SEC      },
                { "min", 60 * USEC_PER_SEC        },
                { "s",   USEC_PER_SEC             },
                { "ms",  USEC_PER_MSEC            },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                uint64_t whole = usec / units[i].usec, rest = usec % units[i].usec;
                uint64_t next = i + 2 < ELEMENTSOF(units) ? rest / units[i + 1].usec : 0;

                if (whole == 0)
                        continue;
                if (next > 0)
                        (void) snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "%s %" PRIu64 "%s", whole,
                                        units[i].suffix, next, units[i + 1].suffix);
                else
                        (void) snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "%s", whole, units[i].suffix);
                return buf;
        }
        (void) snprintf(buf, TIMESPAN_MAX, "0ms");
        return buf;
}
