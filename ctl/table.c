/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "terminal.h"
#include "text.h"

TL_DEFINE_CLEANUP(struct libscols_table *, scols_unref_table)

/* Columns are left out until each one that shrinks has this much; what then is still too wide shrinks to the least. */
#define SHRUNK_WISH 24
#define SHRUNK_LEAST 8

typedef struct Layout {
        const Column *columns;
        size_t n_columns;
        const void *const *rows;
        size_t n_rows;
        char **texts;  /* row by row; NULL for unknown */
        size_t *widths; /* of the columns; 0 for one that is left out */
} Layout;

static void layout_done(Layout *l) {
        for (size_t i = 0; l->texts && i < l->n_rows * l->n_columns; i++)
                free(l->texts[i]);
        free(l->texts);
        free(l->widths);
}

char *format_bytes(char buf[static BYTES_MAX], uint64_t bytes) {
        static const char units[] = "BKMGTPE";
        double value = (double) bytes;
        size_t i = 0;

        while (value >= 1024 && i + 2 < sizeof(units)) {
                value /= 1024;
                i++;
        }
        (void) snprintf(buf, BYTES_MAX, i == 0 ? "%.0f%c" : "%.1f%c", value, units[i]);
        return buf;
}

static char *join(char *const *list) {
        char *text = list && *list ? strdup(*list) : strdup("-");

        for (; text && list && list[0] && list[1]; list++)
                if (str_replace_printf(&text, "%s,%s", text, list[1]) < 0)
                        free(TAKE_PTR(text));
        return text;
}

/* What people see; NULL without memory. Not for an unknown value. */
static char *value_to_text(const Value *v) {
        char buf[MAX(MAX(TIMESPAN_MAX, BYTES_MAX), MAX(ISO8601_MAX, DECIMAL_MAX))];

        switch (v->type) {
        case VALUE_STRING:
                return text_clean(v->string, strlen(v->string));
        case VALUE_FLAG:
                return strdup(v->flag ? "yes" : "no");
        case VALUE_NUMBER:
                return v->more > 0 ? str_printf("%" PRIu64 "+%" PRIu64, v->number, v->more) :
                                     str_printf("%" PRIu64, v->number);
        case VALUE_BYTES:
                return strdup(format_bytes(buf, v->number));
        case VALUE_TIMESPAN:
                return strdup(format_timespan(buf, v->number));
        case VALUE_MSEC:
                return str_printf("%.1fms", v->msec);
        case VALUE_PERCENT:
                return str_printf("%.1f%%", v->msec);
        case VALUE_MONEY:
                return strdup(format_decimal(buf, (int64_t) v->number, MONEY_PLACES));
        case VALUE_TIME:
                return strdup(format_iso8601(buf, v->number));
        case VALUE_LIST:
                return join(v->list);
        case VALUE_UNKNOWN:
                break;
        }
        return NULL;
}

static char **cell(const Layout *l, size_t row, size_t column) {
        return l->texts + row * l->n_columns + column;
}

/* The texts of all cells, and how wide each column would like to be. */
static int fill(Layout *l) {
        l->texts = calloc(l->n_rows * l->n_columns + 1, sizeof(char *));
        l->widths = calloc(l->n_columns, sizeof(size_t));
        if (!l->texts || !l->widths)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_columns; i++) {
                if (!l->columns[i].name)
                        continue;
                l->widths[i] = text_width(l->columns[i].name);
                for (size_t row = 0; row < l->n_rows; row++) {
                        Value v = l->columns[i].get(l->rows[row]);

                        if (v.type == VALUE_UNKNOWN)
                                continue;
                        *cell(l, row, i) = value_to_text(&v);
                        if (!*cell(l, row, i))
                                return -ENOMEM;
                        l->widths[i] = MAX(l->widths[i], text_width(*cell(l, row, i)));
                }
        }
        return 0;
}

/* With a blank after each column, the last one too, as libsmartcols has it. */
static size_t total_width(const Layout *l, bool shrunk) {
        size_t total = 0;

        for (size_t i = 0; i < l->n_columns; i++) {
                size_t width = l->widths[i];

                if (shrunk && (l->columns[i].flags & COLUMN_SHRINKS))
                        width = MIN(width, (size_t) SHRUNK_WISH);
                total += width > 0 ? width + 1 : 0;
        }
        return total;
}

static bool drop_one(Layout *l) {
        size_t which = l->n_columns;

        for (size_t i = 0; i < l->n_columns; i++)
                if (l->widths[i] > 0 && l->columns[i].drop > 0 &&
                    (which == l->n_columns || l->columns[i].drop > l->columns[which].drop))
                        which = i;
        if (which == l->n_columns)
                return false;
        l->widths[which] = 0;
        return true;
}

/* 1 when something was cut. */
static int shrink(Layout *l, size_t width) {
        int r = 0;

        for (size_t i = 0; i < l->n_columns; i++) {
                size_t total = total_width(l, false), room;

                if (total <= width)
                        break;
                if (l->widths[i] <= SHRUNK_LEAST || !(l->columns[i].flags & COLUMN_SHRINKS))
                        continue;
                room = MAX(l->widths[i] - MIN(total - width, l->widths[i]), (size_t) SHRUNK_LEAST);
                l->widths[i] = room;
                for (size_t row = 0; row < l->n_rows; row++) {
                        char **text = cell(l, row, i), *cut;

                        if (!*text || text_width(*text) <= room)
                                continue;
                        cut = text_ellipsize(*text, room);
                        if (!cut)
                                return -ENOMEM;
                        free(*text);
                        *text = cut;
                        r = 1;
                }
        }
        return r;
}

static int fit(Layout *l, size_t width) {
        if (width == 0)
                return 0;
        while (total_width(l, true) > width && drop_one(l))
                ;
        return shrink(l, width);
}

/* The cells of one line; the last column's stay empty where there is nothing to say. */
static int add_line(struct libscols_table *table, const Layout *l, size_t row) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        size_t to = 0, n = scols_table_get_ncols(table);
        int r = line ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->n_columns && r >= 0; i++) {
                const char *text = *cell(l, row, i), *color = NULL;

                if (l->widths[i] == 0)
                        continue;
                if (text || to + 1 < n)
                        r = scols_line_set_data(line, to, text ? text : "-");
                if (text && l->columns[i].color)
                        color = l->columns[i].color(l->rows[row]);
                if (r >= 0 && color)
                        r = scols_cell_set_color(scols_line_get_cell(line, to), color);
                to++;
        }
        return r;
}

static int build(const Layout *l, bool colors, struct libscols_table **ret) {
        _cleanup_(scols_unref_tablep) struct libscols_table *table = scols_new_table();
        int r;

        if (!table)
                return -ENOMEM;
        r = scols_table_enable_colors(table, colors);
        if (r >= 0) /* it has been fitted already */
                r = scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
        for (size_t i = 0; i < l->n_columns && r >= 0; i++)
                if (l->widths[i] > 0 &&
                    !scols_table_new_column(table, l->columns[i].name, 0,
                                            l->columns[i].flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0))
                        r = -ENOMEM;
        for (size_t row = 0; row < l->n_rows && r >= 0; row++)
                r = add_line(table, l, row);
        if (r >= 0)
                *ret = TAKE_PTR(table);
        return r;
}

/* As a string, for whether the last line of a range ends in a line feed depends on where in the table it stands. */
static int print_range(struct libscols_table *table, size_t from, size_t to) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = scols_table_print_range_to_string(table, scols_table_get_line(table, from),
                                              scols_table_get_line(table, to - 1), &text);
        if (r < 0)
                return r;
        return printf("%s%s", text, endswith(text, "\n") ? "" : "\n") < 0 ? -EIO : 0;
}

static int print_groups(struct libscols_table *table, size_t n_first, size_t n, const char *title) {
        int r;

        r = print_range(table, 0, n_first);
        if (r >= 0 && printf("\n%s\n", title) < 0)
                r = -EIO;
        return r < 0 ? r : print_range(table, n_first, n);
}

int table_print(const Column *columns, size_t n_columns, const void *const *rows, size_t n, size_t n_first,
                const char *title) {
        _cleanup_(scols_unref_tablep) struct libscols_table *table = NULL;
        _cleanup_(layout_done) Layout l = { columns, n_columns, rows, n, NULL, NULL };
        int cut, r;

        if (n == 0)
                return 0;
        r = fill(&l);
        if (r >= 0)
                r = cut = fit(&l, terminal_width());
        if (r >= 0)
                r = build(&l, terminal_colors(), &table);
        if (r >= 0)
                r = n_first == 0 || n_first == n ? scols_print_table(table) : print_groups(table, n_first, n, title);
        return r < 0 ? r : cut;
}

int table_to_string(const Column *columns, size_t n_columns, const void *const *rows, size_t n, size_t width, char **ret) {
        _cleanup_(scols_unref_tablep) struct libscols_table *table = NULL;
        _cleanup_(layout_done) Layout l = { columns, n_columns, rows, n, NULL, NULL };
        int r;

        r = fill(&l);
        if (r >= 0)
                r = fit(&l, width);
        if (r >= 0)
                r = build(&l, false, &table);
        return r < 0 ? r : scols_print_table_to_string(table, ret);
}
