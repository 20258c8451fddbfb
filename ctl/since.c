/* SPDX-License-Identifier: MIT */
#include "since.h"

#include <ctype.h>
#include <stdbool.h>
#include <time.h>

#include "basic/string-util.h"

#define UNIT_MAX 100000000 /* of each unit of a span: no product overflows */

static const struct {
        const char *name;
        uint64_t seconds;
} units[] = {
        { "s", 1 },         { "sec", 1 },      { "second", 1 },  { "seconds", 1 },   { "m", 60 },
        { "min", 60 },      { "minute", 60 },  { "minutes", 60 }, { "h", 3600 },     { "hr", 3600 },
        { "hour", 3600 },   { "hours", 3600 }, { "d", 86400 },   { "day", 86400 },   { "days", 86400 },
        { "w", 7 * 86400 }, { "week", 7 * 86400 }, { "weeks", 7 * 86400 },
};

static int unit_seconds(const char *s, size_t n, uint64_t *ret) {
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == n && strncmp(units[i].name, s, n) == 0) {
                        *ret = units[i].seconds;
                        return 0;
                }
        return -EINVAL;
}

/* "1h30min", for *ret in seconds; ends where *s is moved to. */
static int parse_span(const char **s, uint64_t *ret) {
        uint64_t total = 0;

        if (!isdigit((unsigned char) **s))
                return -EINVAL;
        while (isdigit((unsigned char) **s)) {
                uint64_t number = 0, seconds;
                const char *unit;
                size_t n = 0;

                for (; isdigit((unsigned char) **s); (*s)++) {
                        number = number * 10 + (uint64_t) (**s - '0');
                        if (number > UNIT_MAX)
                                return -EINVAL;
                }
                unit = *s + strspn(*s, " ");
                while (isalpha((unsigned char) unit[n]))
                        n++;
                if (unit_seconds(unit, n, &seconds) < 0)
                        return -EINVAL;
                total += number * seconds;
                *s = unit + n + (isdigit((unsigned char) unit[n + strspn(unit + n, " ")]) ? strspn(unit + n, " ") : 0);
        }
        *ret = total;
        return 0;
}

static int parse_relative(const char *s, uint64_t now, uint64_t *ret) {
        bool minus = *s == '-';
        uint64_t seconds;

        s += minus;
        if (parse_span(&s, &seconds) < 0 || !streq(s, minus ? "" : " ago"))
                return -EINVAL;
        if (seconds > now / USEC_PER_SEC)
                return -EINVAL;
        *ret = now - seconds * USEC_PER_SEC;
        return 0;
}

/* "Z", "+01:00", "+0100", "-05"; *ret_offset is in seconds east of UTC. */
static int parse_zone(const char *s, long *ret_offset) {
        int hours, minutes = 0, end = 0;

        if (streq(s, "Z")) {
                *ret_offset = 0;
                return 0;
        }
        if ((*s != '+' && *s != '-') || !isdigit((unsigned char) s[1]) || !isdigit((unsigned char) s[2]))
                return -EINVAL;
        hours = (s[1] - '0') * 10 + s[2] - '0';
        end = 3 + (s[3] == ':');
        if (s[3] && (!isdigit((unsigned char) s[end]) || !isdigit((unsigned char) s[end + 1]) || s[end + 2]))
                return -EINVAL;
        if (s[3])
                minutes = (s[end] - '0') * 10 + s[end + 1] - '0';
        if (hours > 14 || minutes > 59)
                return -EINVAL;
        *ret_offset = (*s == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
        return 0;
}

/* ".123" at *s, to microseconds; further digits are passed over. */
static int parse_fraction(const char **s, uint64_t *ret) {
        uint64_t usec = 0, place = USEC_PER_SEC / 10;

        if (**s != '.') {
                *ret = 0;
                return 0;
        }
        if (!isdigit((unsigned char) *++*s))
                return -EINVAL;
        for (; isdigit((unsigned char) **s); (*s)++, place /= 10)
                usec += place * (uint64_t) (**s - '0');
        *ret = usec;
        return 0;
}

/* mktime() and timegm() make March 3 of February 31. */
static int to_usec(const struct tm *tm, const char *zone, uint64_t *ret) {
        struct tm given = *tm;
        long offset = 0;
        time_t t;

        given.tm_isdst = -1;
        if (*zone && parse_zone(zone, &offset) < 0)
                return -EINVAL;
        t = *zone ? timegm(&given) : mktime(&given);
        if (given.tm_mday != tm->tm_mday || given.tm_mon != tm->tm_mon || t < offset)
                return -EINVAL;
        *ret = (uint64_t) (t - offset) * USEC_PER_SEC;
        return 0;
}

static int parse_date(const char *s, struct tm today, uint64_t *ret) {
        static const struct {
                const char *format;
                bool has_seconds;
                bool has_time;
                bool has_day;
        } formats[] = {
                { "%Y-%m-%dT%H:%M:%S", true, true, true },  { "%Y-%m-%d %H:%M:%S", true, true, true },
                { "%Y-%m-%dT%H:%M", false, true, true },    { "%Y-%m-%d %H:%M", false, true, true },
                { "%Y-%m-%d", false, false, true },         { "%H:%M:%S", true, true, false },
                { "%H:%M", false, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                struct tm tm = today; /* midnight */
                const char *rest = strptime(s, formats[i].format, &tm);
                uint64_t usec = 0;

                if (!rest || (formats[i].has_seconds && parse_fraction(&rest, &usec) < 0))
                        continue;
                /* A zone says nothing about a day without a time, or of which day it is "today" there. */
                if (*rest && !(formats[i].has_time && formats[i].has_day))
                        continue;
                if (to_usec(&tm, rest, ret) < 0)
                        continue;
                *ret += usec;
                return 0;
        }
        return -EINVAL;
}

int parse_since(const char *s, uint64_t now, uint64_t *ret) {
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        struct tm today;

        if (!localtime_r(&seconds, &today))
                return -EINVAL;
        today.tm_sec = today.tm_min = today.tm_hour = 0;
        if (streq(s, "now")) {
                *ret = now;
                return 0;
        }
        if (streq(s, "today") || streq(s, "yesterday")) {
                time_t midnight;

                today.tm_mday -= streq(s, "yesterday");
                today.tm_isdst = -1;
                midnight = mktime(&today);
                if (midnight < 0)
                        return -EINVAL;
                *ret = (uint64_t) midnight * USEC_PER_SEC;
                return 0;
        }
        return isdigit((unsigned char) *s) && parse_date(s, today, ret) >= 0 ? 0 : parse_relative(s, now, ret);
}
