/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include "basic/string-util.h"

void rows_done(Rows *rows) {
        for (size_t i = 0; i < rows->n; i++) {
                for (size_t cell = 0; cell < CELLS_MAX; cell++)
                        free(rows->rows[i]->cells[cell]);
                free(rows->rows[i]);
        }
        free(rows->rows);
        *rows = (Rows) {};
}

Row *rows_add(Rows *rows) {
        Row *row;

        if (rows->n == rows->size) {
                size_t size = MAX(rows->size * 2, (size_t) 16);
                Row **larger = reallocarray(rows->rows, size, sizeof(Row *));

                if (!larger)
                        return NULL;
                rows->rows = larger;
                rows->size = size;
        }
        row = calloc(1, sizeof(Row));
        if (row)
                rows->rows[rows->n++] = row;
        return row;
}

int row_set(Row *row, size_t cell, const char *text) {
        char *copy = text ? strdup(text) : NULL;

        if (text && !copy)
                return -ENOMEM;
        free(row->cells[cell]);
        row->cells[cell] = copy;
        return 0;
}

#define CELL(i)                                                     \
        Value row_cell_##i(const void *row) {                       \
                return value_string(((const Row *) row)->cells[i]); \
        }
CELL(0)
CELL(1)
CELL(2)
CELL(3)
CELL(4)
CELL(5)
CELL(6)
CELL(7)

const char *row_color(const void *row) {
        return ((const Row *) row)->color;
}

static bool has_any(const Rows *rows, const Column *column) {
        for (size_t i = 0; i < rows->n; i++)
                if (column->get(rows->rows[i]).type != VALUE_UNKNOWN)
                        return true;
        return false;
}

int rows_print(const Rows *rows, const Column *columns, size_t n_columns, size_t n_first, const char *title) {
        Column shown[CELLS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < MIN(n_columns, (size_t) CELLS_MAX); i++)
                if (has_any(rows, columns + i))
                        shown[n++] = columns[i];
        return table_print(shown, n, (const void *const *) rows->rows, rows->n, n_first, title);
}
