/* SPDX-License-Identifier: MIT */
#include "basic/decimal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"

#define DIGITS "0123456789"
#define EXPONENT_MAX 9999 /* greater ones change nothing any more */

/* Where the parts of a number lie in its text. */
typedef struct Parts {
        const char *whole, *fraction;
        size_t n_whole, n_fraction;
        long exponent;
} Parts;

static int parse_exponent(const char *s, long *ret) {
        bool negative = *s == '-';
        long exponent = 0;

        s += *s == '-' || *s == '+';
        if (!*s || s[strspn(s, DIGITS)])
                return -EINVAL;
        for (; *s; s++)
                exponent = MIN((exponent * 10) + (*s - '0'), EXPONENT_MAX);
        *ret = negative ? -exponent : exponent;
        return 0;
}

static int split(const char *s, Parts *ret) {
        Parts p = { .whole = s, .fraction = "" };

        p.n_whole = strspn(s, DIGITS);
        s += p.n_whole;
        if (*s == '.') {
                p.fraction = s + 1;
                p.n_fraction = strspn(p.fraction, DIGITS);
                s = p.fraction + p.n_fraction;
                if (p.n_fraction == 0)
                        return -EINVAL;
        }
        if (p.n_whole == 0)
                return -EINVAL;
        if (*s == 'e' || *s == 'E') {
                int r = parse_exponent(s + 1, &p.exponent);

                if (r < 0)
                        return r;
        } else if (*s)
                return -EINVAL;
        *ret = p;
        return 0;
}

/* The digit at i of all of them, 0 outside. */
static int digit(const Parts *p, long i) {
        size_t at = (size_t) i;

        if (i < 0 || at >= p->n_whole + p->n_fraction)
                return 0;
        return (at < p->n_whole ? p->whole[at] : p->fraction[at - p->n_whole]) - '0';
}

int parse_decimal(const char *s, unsigned places, int64_t max, int64_t *ret) {
        bool negative = *s == '-', lost = false, zero = true;
        int64_t value = 0;
        long n, point;
        Parts p;
        int r;

        r = split(s + negative, &p);
        if (r < 0)
                return r;
        n = (long) (p.n_whole + p.n_fraction);
        point = (long) p.n_whole + p.exponent + (long) places; /* so many of the digits count */
        for (long i = 0; i < n; i++) {
                zero = zero && digit(&p, i) == 0;
                lost = lost || (i >= point && digit(&p, i) != 0);
        }
        if (negative && !zero)
                return -ERANGE;
        for (long i = 0; i < point && !zero; i++)
                if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit(&p, i), &value))
                        return -ERANGE;
        if (digit(&p, point) >= 5 && __builtin_add_overflow(value, 1, &value))
                return -ERANGE;
        if (value > max)
                return -ERANGE;
        *ret = value;
        return lost;
}

char *format_decimal(char buf[static DECIMAL_MAX], int64_t value, unsigned places) {
        uint64_t scale = 1, size = value < 0 ? -(uint64_t) value : (uint64_t) value;
        int n;

        for (unsigned i = 0; i < places; i++)
                scale *= 10;
        n = snprintf(buf, DECIMAL_MAX, "%s%" PRIu64, value < 0 ? "-" : "", size / scale);
        if (size % scale == 0)
                return buf;
        n += snprintf(buf + n, DECIMAL_MAX - (size_t) n, ".%0*" PRIu64, (int) places, size % scale);
        while (buf[n - 1] == '0')
                buf[--n] = '\0';
        return buf;
}
