/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "basic/macro.h"

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

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static int parse_number(const char **s, uint64_t *ret) {
        uint64_t n = 0;

        if (!is_digit(**s))
                return -EINVAL;
        for (; is_digit(**s); (*s)++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t) (**s - '0'), &n))
                        return -ERANGE;
        *ret = n;
        return 0;
}

/* The unit that stands at *s, which then points behind it; 0 for none. */
static uint64_t parse_unit(const char **s) {
        size_t n = strspn(*s, "dhmins");

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].suffix) == n && strncmp(*s, units[i].suffix, n) == 0) {
                        *s += n;
                        return units[i].usec;
                }
        return 0;
}

int parse_timespan(const char *s, uint64_t *ret_usec) {
        uint64_t sum = 0;

        do {
                uint64_t n, unit;
                int r;

                r = parse_number(&s, &n);
                if (r < 0)
                        return r;
                unit = parse_unit(&s);
                if (unit == 0)
                        return -EINVAL;
                if (__builtin_mul_overflow(n, unit, &n) || __builtin_add_overflow(sum, n, &sum))
                        return -ERANGE;
                s += strspn(s, " ");
        } while (*s);
        *ret_usec = sum;
        return 0;
}

/* True when s begins as the pattern says, in which 'd' is a digit and all else itself. */
static bool has_shape(const char *s, const char *pattern) {
        for (; *pattern; s++, pattern++)
                if (*pattern == 'd' ? !is_digit(*s) : *s != *pattern)
                        return false;
        return true;
}

static int two_digits(const char *s) {
        return (s[0] - '0') * 10 + s[1] - '0';
}

/* "Z" or "+01:00" to the end of the string: seconds east of UTC. */
static int parse_zone(const char *s, int *ret) {
        int hours, minutes;

        if (strcmp(s, "Z") == 0) {
                *ret = 0;
                return 0;
        }
        if ((*s != '+' && *s != '-') || !has_shape(s + 1, "dd:dd") || s[6])
                return -EINVAL;
        hours = two_digits(s + 1);
        minutes = two_digits(s + 4);
        if (hours > 23 || minutes > 59)
                return -EINVAL;
        *ret = (*s == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        return 0;
}

/* ".123" as microseconds; digits beyond those are passed over. *s then points behind it. */
static int parse_fraction(const char **s, uint64_t *ret) {
        uint64_t usec = 0, digit = USEC_PER_SEC / 10;

        if (**s == '.') {
                (*s)++;
                if (!is_digit(**s))
                        return -EINVAL;
                for (; is_digit(**s); (*s)++, digit /= 10)
                        usec += (uint64_t) (**s - '0') * digit;
        }
        *ret = usec;
        return 0;
}

int parse_iso8601(const char *s, uint64_t *ret_realtime_usec) {
        struct tm tm = {}, same;
        time_t seconds;
        uint64_t usec;
        int r, zone;

        if (!has_shape(s, "dddd-dd-ddTdd:dd:dd"))
                return -EINVAL;
        tm.tm_year = two_digits(s) * 100 + two_digits(s + 2) - 1900;
        tm.tm_mon = two_digits(s + 5) - 1;
        tm.tm_mday = two_digits(s + 8);
        tm.tm_hour = two_digits(s + 11);
        tm.tm_min = two_digits(s + 14);
        tm.tm_sec = two_digits(s + 17);
        s += strlen("2026-01-31T08:15:30");
        r = parse_fraction(&s, &usec);
        if (r < 0)
                return r;
        r = parse_zone(s, &zone);
        if (r < 0)
                return r;
        same = tm;
        seconds = timegm(&same);
        /* timegm() takes the 31st of April for the 1st of May. */
        if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon || same.tm_hour != tm.tm_hour ||
            same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec)
                return -EINVAL;
        seconds -= zone;
        if (seconds < 0)
                return -EINVAL;
        *ret_realtime_usec = (uint64_t) seconds * USEC_PER_SEC + usec;
        return 0;
}
