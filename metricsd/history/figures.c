/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "basic/string-util.h"
#include "history-internal.h"

static int add_size(const char *path, uint64_t *bytes) {
        struct stat st;

        if (stat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        *bytes += (uint64_t) st.st_size;
        return 0;
}

static int file_bytes(const History *h, uint64_t *ret) {
        _cleanup_(freep) char *wal = str_printf("%s-wal", h->path);
        uint64_t bytes = 0;
        int r;

        if (!wal)
                return -ENOMEM;
        r = add_size(h->path, &bytes);
        if (r >= 0)
                r = add_size(wal, &bytes);
        if (r >= 0)
                *ret = bytes;
        return r;
}

static int read_figures(History *h, HistoryFigures *figures) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_FIGURES,
                          "SELECT (SELECT count(*) FROM tick), coalesce(sum(samples), 0), coalesce(sum(blob_bytes), 0), "
                          "coalesce(sum(rollup_bytes), 0) FROM hour", &s);
        if (r >= 0)
                r = statement_step(h, s);
        if (r <= 0)
                return r < 0 ? r : -ENODATA;
        figures->ticks = (uint64_t) sqlite3_column_int64(s, 0);
        figures->samples = (uint64_t) sqlite3_column_int64(s, 1);
        figures->blob_bytes = (uint64_t) sqlite3_column_int64(s, 2);
        figures->rollup_bytes = (uint64_t) sqlite3_column_int64(s, 3);
        return 0;
}

int history_figures(History *h, HistoryFigures *ret) {
        HistoryFigures figures = { .ticks_lost = h->ticks_lost };
        int r = 0;

        if (h->db)
                r = file_bytes(h, &figures.file_bytes);
        if (h->db && r >= 0)
                r = read_figures(h, &figures);
        if (r >= 0)
                *ret = figures;
        return r;
}
