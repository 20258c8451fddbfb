/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "rows.h"

static const char *const names[_SORT_MAX] = {
        [SORT_PORT] = "port",         [SORT_ID] = "id",         [SORT_STATE] = "state", [SORT_RESPONSE] = "response",
        [SORT_RESTARTS] = "restarts", [SORT_MEMORY] = "memory", [SORT_CPU] = "cpu",     [SORT_AGE] = "age",
};

int sort_key_from_string(const char *s) {
        for (int i = 0; i < _SORT_MAX; i++)
                if (streq(names[i], s))
                        return i;
        return -1;
}

const char *sort_key_to_string(SortKey key) {
        return names[key];
}

/* The larger first; what is not known is less than all. */
static int compare_numbers(double a, double b) {
        return a < b ? 1 : a > b ? -1 : 0;
}

static double known(uint64_t number, uint64_t unknown) {
        return number == unknown ? -1 : (double) number;
}

static int compare_by(const Row *a, const Row *b, SortKey key) {
        switch (key) {
        case SORT_ID:
                return strcmp(a->id, b->id);
        case SORT_STATE:
                return compare_numbers(row_sign(a), row_sign(b));
        case SORT_RESPONSE:
                return compare_numbers(a->response, b->response);
        case SORT_RESTARTS:
                return compare_numbers((double) a->restarts, (double) b->restarts);
        case SORT_MEMORY:
                return compare_numbers(known(a->memory, UINT64_MAX), known(b->memory, UINT64_MAX));
        case SORT_CPU:
                return compare_numbers(a->cpu, b->cpu);
        case SORT_AGE:
                return compare_numbers((double) a->since, (double) b->since);
        case SORT_PORT:
        case _SORT_MAX:
                break;
        }
        return 0;
}

typedef struct Order {
        SortKey key;
        bool reverse;
} Order;

/* Equal ones stay where the registry has them, so that no row jumps without a reason. */
static int compare(const void *a, const void *b, void *userdata) {
        const Row *x = *(const Row *const *) a, *y = *(const Row *const *) b;
        const Order *order = userdata;
        int r = compare_by(x, y, order->key);

        if (r == 0)
                r = x->place < y->place ? -1 : x->place > y->place;
        return order->reverse ? -r : r;
}

static bool has_text(const char *s, const char *filter) {
        return s && strcasestr(s, filter);
}

static bool passes(const Row *row, const char *filter) {
        return has_text(row->id, filter) || has_text(row->name, filter) || has_text(row->state, filter) ||
                has_text(row->health, filter);
}

int rows_sort(Rows *rows, const char *filter, SortKey key, bool reverse, uint64_t now) {
        const Row **grown = reallocarray(rows->shown, rows->n + 1, sizeof(Row *));
        Order order = { key, reverse };

        rows->n_shown = 0;
        if (!grown)
                return -ENOMEM;
        rows->shown = grown;
        for (size_t i = 0; i < rows->n; i++) {
                Row *row = rows->list[i];

                row->age = row->since > 0 && row->since < now ? now - row->since : 0;
                if (passes(row, filter))
                        rows->shown[rows->n_shown++] = row;
        }
        qsort_r(rows->shown, rows->n_shown, sizeof(Row *), compare, &order);
        return 0;
}
