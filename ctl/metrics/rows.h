/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "ctl/table.h"

/* The rows of a table whose cells are texts. JSON is metricsd's own here, so that a table has no keys and its
 * rows no types. */

#define CELLS_MAX 8

typedef struct Row {
        char *cells[CELLS_MAX]; /* NULL: "-" */
        const char *color;      /* of the cell that has one; NULL for none */
} Row;

typedef struct Rows {
        Row **rows;
        size_t n;
        size_t size;
} Rows;

void rows_done(Rows *rows);

/* A new row, all empty, at the end; NULL without memory. */
Row *rows_add(Rows *rows);

/* Sets a cell to a copy of text (NULL: "-"); what stood there is freed. -ENOMEM leaves it alone. */
int row_set(Row *row, size_t cell, const char *text);

/* For Column.get and Column.color: a column is asked for its cell by a function of its own. */
Value row_cell_0(const void *row);
Value row_cell_1(const void *row);
Value row_cell_2(const void *row);
Value row_cell_3(const void *row);
Value row_cell_4(const void *row);
Value row_cell_5(const void *row);
Value row_cell_6(const void *row);
Value row_cell_7(const void *row);
const char *row_color(const void *row);

/* Prints them by table_print(), the first n_first of them apart from the others, which come below title. A column
 * in which no row has anything is left out. */
int rows_print(const Rows *rows, const Column *columns, size_t n_columns, size_t n_first, const char *title);
