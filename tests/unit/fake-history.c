/* SPDX-License-Identifier: MIT */
#include "fake-history.h"

#include <string.h>

#include "basic/string-util.h"

#define ROWS_MAX 2000

typedef struct Row {
        char *name, *text;
        uint64_t began, resolved_at;
} Row;

struct History {
        Row texts[ROWS_MAX], alerts[ROWS_MAX];
        size_t n_texts, n_alerts;
        int error;
        unsigned writes;
};

History *fake_history_new(void) {
        return calloc(1, sizeof(History));
}

static void free_rows(Row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(rows[i].name);
                free(rows[i].text);
        }
}

History *fake_history_free(History *h) {
        free_rows(h->texts, h->n_texts);
        free_rows(h->alerts, h->n_alerts);
        free(h);
        return NULL;
}

void fake_history_fail(History *h, int error) {
        h->error = error;
}

unsigned fake_history_writes(const History *h) {
        return h->writes;
}

unsigned fake_history_count(const History *h, const char *prefix) {
        unsigned n = 0;

        for (size_t i = 0; i < h->n_texts; i++)
                n += startswith(h->texts[i].name, prefix) != NULL;
        return n;
}

static Row *find(Row *rows, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(rows[i].name, name))
                        return rows + i;
        return NULL;
}

static int put(History *h, Row *rows, size_t *n, const char *name, const char *text, Row **ret) {
        Row *row = find(rows, *n, name);

        h->writes++;
        if (h->error < 0)
                return h->error;
        if (!row && *n >= ROWS_MAX)
                return -ENOSPC;
        if (!row) {
                row = rows + (*n)++;
                row->name = strdup(name);
        }
        free(row->text);
        row->text = strdup(text);
        if (ret)
                *ret = row;
        return 0;
}

int history_put_text(History *h, const char *name, const char *text, bool durable) {
        return put(h, h->texts, &h->n_texts, name, text, NULL);
}

int history_get_text(History *h, const char *name, char **ret) {
        const Row *row = find(h->texts, h->n_texts, name);

        if (!row)
                return -ENODATA;
        *ret = strdup(row->text);
        return *ret ? 0 : -ENOMEM;
}

int history_put_alert(History *h, const char *id, uint64_t began, uint64_t resolved_at, const char *json) {
        Row *row;
        int r = put(h, h->alerts, &h->n_alerts, id, json, &row);

        if (r < 0)
                return r;
        row->began = began;
        row->resolved_at = resolved_at;
        return 0;
}

/* The newest stand at the end. */
int history_each_alert(History *h, size_t limit,
                       int (*each)(const char *id, bool active, const char *json, void *userdata), void *userdata) {
        int n = 0, r = 0;

        for (int over = 0; over < 2; over++)
                for (size_t i = h->n_alerts; i-- > 0 && r >= 0;) {
                        const Row *row = h->alerts + i;

                        if ((row->resolved_at > 0) != over || (over && limit == 0))
                                continue;
                        limit -= over;
                        r = each(row->name, !over, row->text, userdata);
                        n++;
                }
        return r < 0 ? r : n;
}
