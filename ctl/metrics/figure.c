/* SPDX-License-Identifier: MIT */
#include "figure.h"

#include <math.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/table.h"

#define SERVICE_PREFIX "service."
#define KIB 1024.0

static const struct {
        FigureUnit unit;
        const char *suffix;
        double factor, divisor;
} suffixes[] = {
        { FIGURE_MSEC, "ms", 1, 1 },
        { FIGURE_MSEC, "s", 1000, 1 },
        { FIGURE_MSEC, "min", 60 * 1000, 1 },
        { FIGURE_MSEC, "h", 3600 * 1000, 1 },
        { FIGURE_BYTES, "B", 1, 1 },
        { FIGURE_BYTES, "K", KIB, 1 },
        { FIGURE_BYTES, "M", KIB * KIB, 1 },
        { FIGURE_BYTES, "G", KIB * KIB * KIB, 1 },
        { FIGURE_BYTES, "T", KIB * KIB * KIB * KIB, 1 },
        { FIGURE_PERCENT, "%", 1, 1 },
        { FIGURE_RATIO, "%", 1, 100 },
};

char *figure_metric_name(const char *name) {
        return str_printf("%s%s", strchr(name, '.') ? "" : SERVICE_PREFIX, name);
}

const char *figure_short_name(const char *metric) {
        const char *rest = startswith(metric, SERVICE_PREFIX);

        return rest ? rest : metric;
}

FigureUnit figure_unit_of_metric(const char *metric) {
        static const struct {
                const char *suffix;
                FigureUnit unit;
        } units[] = {
                { ".responseTime", FIGURE_MSEC }, { ".latency", FIGURE_MSEC },    { ".memory", FIGURE_BYTES },
                { ".cpu", FIGURE_PERCENT },       { ".percent", FIGURE_PERCENT }, { ".errorRate", FIGURE_RATIO },
                { ".successRate", FIGURE_RATIO },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (endswith(metric, units[i].suffix))
                        return units[i].unit;
        return FIGURE_PLAIN;
}

FigureUnit figure_unit_from_string(const char *unit) {
        return streq(unit, "ms") ? FIGURE_MSEC : streq(unit, "bytes") ? FIGURE_BYTES :
               streq(unit, "%") ? FIGURE_PERCENT : FIGURE_PLAIN;
}

const char *figure_suffixes(FigureUnit unit) {
        static const char *const words[_FIGURE_MAX] = {
                [FIGURE_MSEC] = "ms, s, min or h",
                [FIGURE_BYTES] = "B, K, M, G or T",
                [FIGURE_PERCENT] = "%",
                [FIGURE_RATIO] = "%",
        };

        return words[unit];
}

/* strtod() also takes "inf", "nan" and "0x10". */
static bool is_decimal(const char *s) {
        size_t n;

        s += *s == '-' || *s == '+';
        n = strspn(s, "0123456789.");
        return n > 0 && s[n] != 'x' && s[n] != 'X';
}

int figure_parse(const char *text, FigureUnit unit, double *ret) {
        double number;
        char *end;

        if (!is_decimal(text))
                return -EINVAL;
        number = strtod(text, &end);
        if (end == text || !isfinite(number))
                return -EINVAL;
        if (!*end) {
                *ret = number;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (suffixes[i].unit == unit && streq(suffixes[i].suffix, end)) {
                        number = number * suffixes[i].factor / suffixes[i].divisor;
                        if (!isfinite(number))
                                return -EINVAL;
                        *ret = number;
                        return 0;
                }
        return -EINVAL;
}

/* 5000, 0.7, 12.35: not in powers of ten where there is another way. */
static char *format_number(char buf[static FIGURE_TEXT_MAX], double value, const char *unit) {
        if (fabs(value) >= 1e15)
                (void) snprintf(buf, FIGURE_TEXT_MAX, "%.3g%s", value, unit);
        else if (fabs(value) >= 1000)
                (void) snprintf(buf, FIGURE_TEXT_MAX, "%.0f%s", value, unit);
        else if (fabs(value) < 0.001)
                (void) snprintf(buf, FIGURE_TEXT_MAX, "%.2g%s", value, unit);
        else
                (void) snprintf(buf, FIGURE_TEXT_MAX, "%.4g%s", value, unit);
        return buf;
}

char *figure_format(char buf[static FIGURE_TEXT_MAX], double value, FigureUnit unit) {
        if (unit == FIGURE_BYTES && value >= 0 && value < (double) UINT64_MAX)
                return format_bytes(buf, (uint64_t) value);
        if (unit == FIGURE_MSEC && value >= 60 * 1000 && value < (double) INT64_MAX / (double) USEC_PER_MSEC)
                return format_timespan(buf, (uint64_t) (value * (double) USEC_PER_MSEC));
        if (unit == FIGURE_MSEC && value >= 1000)
                return format_number(buf, value / 1000, "s");
        return format_number(buf, value, unit == FIGURE_MSEC ? "ms" : unit == FIGURE_PERCENT ? "%" : "");
}

const char *figure_scale(double greatest, FigureUnit unit, double *ret_divisor) {
        static const char *const bytes[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
        size_t i = 0;

        *ret_divisor = 1;
        switch (unit) {
        case FIGURE_BYTES:
                for (; i + 1 < ELEMENTSOF(bytes) && greatest >= KIB; i++, greatest /= KIB)
                        *ret_divisor *= KIB;
                return bytes[i];
        case FIGURE_MSEC:
                if (greatest < 10 * 1000)
                        return "ms";
                *ret_divisor = 1000;
                return "s";
        case FIGURE_PERCENT:
                return "%";
        default:
                return "";
        }
}

/* A copy of the n characters at s, without the blanks around them; *ret is moved behind them. */
static char *take(const char **s, size_t n) {
        const char *begin = *s;

        *s += n;
        *s += strspn(*s, " ");
        while (n > 0 && begin[n - 1] == ' ')
                n--;
        return strndup(begin, n);
}

int figure_parse_condition(const char *text, char **ret_metric, char **ret_operator, double *ret_value,
                           const char **ret_problem) {
        _cleanup_(freep) char *name = NULL, *metric = NULL, *operator = NULL, *value = NULL;
        static const char *const operators = "<>=!";

        text += strspn(text, " ");
        name = take(&text, strcspn(text, operators));
        operator = take(&text, strspn(text, operators));
        value = take(&text, strlen(text));
        metric = name ? figure_metric_name(name) : NULL;
        if (!metric || !operator || !value)
                return -ENOMEM;
        *ret_problem = !*operator ? "one of > < >= <= == !=" :
                       !*name || strchr(name, ' ') ? "a metric such as memory" :
                       figure_parse(value, figure_unit_of_metric(metric), ret_value) < 0 ? "a number" : NULL;
        if (*ret_problem)
                return -EINVAL;
        *ret_metric = TAKE_PTR(metric);
        *ret_operator = TAKE_PTR(operator);
        return 0;
}
