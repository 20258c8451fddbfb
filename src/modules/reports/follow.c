/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <string.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

/* Between two looks at the clock. */
#define ROWS_PER_LOOK 64
/* Attempts of one request that are followed; provider makes a few. */
#define ATTEMPTS_MAX 64

/* A request that runs, or that has an attempt whose outcome may still come. */
typedef struct Open {
        int64_t id;
        uint64_t at;
        uint64_t counted, interrupted; /* attempts by number, from bit 0 on */
        bool ended;                    /* and was counted so */
} Open;

struct Follow {
        Ledger *ledger;
        dev_t device;
        ino_t inode; /* of the file, for one that was put in its place is another ledger */
        sqlite3_stmt *news, *one, *newest;
        Tally *tally;
        int64_t last; /* request.id */
        Open *open;
        size_t n_open, space;
        size_t look; /* how many of them this round has looked at */
        bool checked; /* this round has looked whether it is the same ledger */
};

/* Whatever a request's status is, its attempts' order makes no difference. */
#define COLUMNS                                                                                                     \
        "SELECT r.id, r.at, r.status, r.ended, r.cache, r.stream, a.n, a.at, a.provider, a.model, a.price, a.error, " \
        "a.ttft, a.total, a.tokens_in, a.tokens_out, a.tokens_cached, a.tokens_reasoning, a.reported, a.cost "       \
        "FROM request r LEFT JOIN attempt a ON a.request = r.id WHERE r.id "
enum {
        R_ID, R_AT, R_STATUS, R_ENDED, R_CACHE, R_STREAM, A_N, A_AT, A_PROVIDER, A_MODEL, A_PRICE, A_ERROR, A_TTFT, A_TOTAL,
        A_IN, A_OUT, A_CACHED, A_REASONING, A_REPORTED, A_COST,
};

int follow_new(Follow **ret) {
        Follow *f = calloc(1, sizeof(Follow));

        if (!f)
                return -ENOMEM;
        *ret = f;
        return 0;
}

static void close_ledger(Follow *f) {
        (void) sqlite3_finalize(f->news); /* says again what the step has said */
        (void) sqlite3_finalize(f->one);
        (void) sqlite3_finalize(f->newest);
        f->news = f->one = f->newest = NULL;
        f->ledger = ledger_free(f->ledger);
        f->tally = tally_free(f->tally);
        f->last = 0;
        f->n_open = f->look = 0;
        f->checked = false;
}

Follow *follow_free(Follow *f) {
        if (!f)
                return NULL;
        close_ledger(f);
        free(f->open);
        free(f);
        return NULL;
}

const Tally *follow_tally(const Follow *f) {
        return f->tally;
}

Ledger *follow_ledger(Follow *f) {
        return f->ledger;
}

void follow_again(Follow *f) {
        f->look = 0;
        f->checked = false;
}

/* --- The ledger --- */

static int prepare(Follow *f, const char *sql, sqlite3_stmt **ret) {
        sqlite3 *db = ledger_database(f->ledger);

        return sqlite_errno(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

static int open_ledger(Follow *f, const char *directory, const struct stat *st) {
        int r;

        r = tally_new(&f->tally);
        if (r >= 0)
                r = ledger_open(directory, LEDGER_READ, &f->ledger);
        if (r >= 0)
                r = prepare(f, COLUMNS "> ? ORDER BY r.id", &f->news);
        if (r >= 0)
                r = prepare(f, COLUMNS "= ?", &f->one);
        if (r >= 0)
                r = prepare(f, "SELECT coalesce(max(id), 0) FROM request", &f->newest);
        if (r < 0) {
                close_ledger(f);
                return r;
        }
        f->device = st->st_dev;
        f->inode = st->st_ino;
        return 0;
}

/* Rows never go away, so one that has fewer is an older copy that was put back. */
static int is_same(Follow *f, const struct stat *st) {
        int64_t newest = 0;
        int code;

        if (st->st_dev != f->device || st->st_ino != f->inode)
                return 0;
        code = sqlite3_step(f->newest);
        if (code == SQLITE_ROW)
                newest = sqlite3_column_int64(f->newest, 0);
        (void) sqlite3_reset(f->newest);
        return code != SQLITE_ROW ? sqlite_errno(ledger_database(f->ledger), code) : newest >= f->last;
}

int follow_open(Follow *f) {
        _cleanup_(freep) char *directory = ledger_directory_of_unit(), *path = NULL;
        struct stat st;
        int r;

        if (!directory)
                return -ENOENT;
        path = str_printf("%s/ledger.db", directory);
        if (!path)
                return -ENOMEM;
        r = stat(path, &st) < 0 ? -errno : 0;
        if (r >= 0 && f->ledger) {
                r = is_same(f, &st);
                if (r > 0)
                        return 0;
        }
        close_ledger(f);
        return r < 0 ? r : open_ledger(f, directory, &st);
}

/* --- Rows --- */

static uint64_t number(sqlite3_stmt *s, int column) {
        return (uint64_t) MAX(sqlite3_column_int64(s, column), 0);
}

static const char *text(sqlite3_stmt *s, int column) {
        const char *value = (const char *) sqlite3_column_text(s, column);

        return value ? value : "";
}

static void read_call(sqlite3_stmt *s, Call *ret) {
        *ret = (Call) {
                .succeeded = sqlite3_column_type(s, A_ERROR) == SQLITE_NULL,
                .error = call_error_of(text(s, A_ERROR)),
                .retry = number(s, A_N) > 1,
                .stream = number(s, R_STREAM) > 0,
                .priced = sqlite3_column_type(s, A_PRICE) != SQLITE_NULL,
                .reported = number(s, A_REPORTED) > 0,
                .ttft = number(s, A_TTFT),
                .total = number(s, A_TOTAL),
                .tokens_in = number(s, A_IN),
                .tokens_out = number(s, A_OUT),
                .tokens_cached = number(s, A_CACHED),
                .tokens_reasoning = number(s, A_REASONING),
                .cost = number(s, A_COST),
        };
}

/* True for an attempt whose outcome is known, and is still to be counted. */
static int count_attempt(Follow *f, sqlite3_stmt *s, Open *open) {
        const char *provider = text(s, A_PROVIDER), *model = text(s, A_MODEL);
        uint64_t n = number(s, A_N), at = number(s, A_AT), bit;
        bool over = sqlite3_column_type(s, A_TOTAL) != SQLITE_NULL || sqlite3_column_type(s, A_ERROR) != SQLITE_NULL;
        Call call;
        int r = 0;

        if (n == 0 || n > ATTEMPTS_MAX || !over)
                return 0;
        bit = UINT64_C(1) << (n - 1);
        read_call(s, &call);
        if (open->interrupted & bit) {
                if (call.error == ERROR_INTERRUPTED && !call.succeeded)
                        return 0;
                r = tally_forget_interrupted(f->tally, at, provider, model, &call);
                open->interrupted &= ~bit;
                open->counted &= ~bit;
        }
        if (r < 0 || (open->counted & bit))
                return r;
        open->counted |= bit;
        if (!call.succeeded && call.error == ERROR_INTERRUPTED)
                open->interrupted |= bit;
        return tally_add_call(f->tally, at, provider, model, &call);
}

/* One row of a request. *ret_waits is set when the attempt runs. */
static int count_row(Follow *f, sqlite3_stmt *s, Open *open, bool *ret_waits) {
        int r = 0;

        if (!open->ended && sqlite3_column_type(s, R_ENDED) != SQLITE_NULL) {
                open->ended = true;
                r = tally_add_request(f->tally, number(s, R_AT), (unsigned) number(s, R_STATUS), text(s, R_CACHE));
        }
        if (r < 0 || sqlite3_column_type(s, A_N) == SQLITE_NULL)
                return r;
        if (sqlite3_column_type(s, A_TOTAL) == SQLITE_NULL && sqlite3_column_type(s, A_ERROR) == SQLITE_NULL)
                *ret_waits = true;
        return count_attempt(f, s, open);
}

static int keep_open(Follow *f, const Open *open) {
        if (f->n_open == f->space) {
                size_t space = f->space + MAX(f->space / 2, (size_t) 16);
                Open *grown = reallocarray(f->open, space, sizeof(Open));

                if (!grown)
                        return -ENOMEM;
                f->open = grown;
                f->space = space;
        }
        f->open[f->n_open++] = *open;
        return 0;
}

static bool is_settled(const Open *open, bool waits, uint64_t now) {
        return (open->ended && !waits && open->interrupted == 0) || open->at + OPEN_USEC <= now;
}

/* --- What was running --- */

static int look_again(Follow *f, Open *open, bool *ret_waits) {
        int code, r = 0;

        (void) sqlite3_bind_int64(f->one, 1, open->id); /* fails for a wrong index only */
        while ((code = sqlite3_step(f->one)) == SQLITE_ROW && r >= 0)
                r = count_row(f, f->one, open, ret_waits);
        (void) sqlite3_reset(f->one);
        return r < 0 ? r : sqlite_errno(ledger_database(f->ledger), code);
}

static int look_at_open(Follow *f, uint64_t until) {
        uint64_t now = now_realtime_usec();
        int r;

        while (f->look < f->n_open) {
                Open *open = f->open + f->look;
                bool waits = false;

                r = look_again(f, open, &waits);
                if (r < 0)
                        return r;
                if (is_settled(open, waits, now))
                        *open = f->open[--f->n_open];
                else
                        f->look++;
                if (now_usec() >= until)
                        return f->look == f->n_open;
        }
        return 1;
}

/* --- What is new --- */

typedef struct Reading {
        Open open; /* the request whose rows come */
        bool waits;
} Reading;

static int end_request(Follow *f, Reading *reading, uint64_t now) {
        int r = 0;

        if (reading->open.id == 0)
                return 0;
        if (!is_settled(&reading->open, reading->waits, now))
                r = keep_open(f, &reading->open);
        if (r >= 0)
                f->last = reading->open.id;
        return r;
}

/* Stops between two requests. 1 at the end of the ledger. */
static int read_rows(Follow *f, uint64_t until) {
        uint64_t now = now_realtime_usec();
        Reading reading = {};
        unsigned n = 0;
        int code, r;

        while ((code = sqlite3_step(f->news)) == SQLITE_ROW) {
                int64_t id = sqlite3_column_int64(f->news, R_ID);

                if (id != reading.open.id) {
                        r = end_request(f, &reading, now);
                        if (r < 0 || (n >= ROWS_PER_LOOK && now_usec() >= until))
                                return r;
                        n = n >= ROWS_PER_LOOK ? 0 : n;
                        reading = (Reading) { .open = { .id = id, .at = number(f->news, R_AT) } };
                }
                n++;
                r = count_row(f, f->news, &reading.open, &reading.waits);
                if (r < 0)
                        return r;
        }
        r = sqlite_errno(ledger_database(f->ledger), code);
        if (r >= 0)
                r = end_request(f, &reading, now);
        return r < 0 ? r : 1;
}

static int read_news(Follow *f, uint64_t until) {
        int r;

        (void) sqlite3_bind_int64(f->news, 1, f->last); /* fails for a wrong index only */
        r = read_rows(f, until);
        (void) sqlite3_reset(f->news);
        f->look = f->n_open; /* those that are new among them were just looked at */
        return r;
}

int follow_step(Follow *f, uint64_t budget_usec) {
        uint64_t until = now_usec() + budget_usec;
        int r;

        r = f->checked ? 0 : follow_open(f);
        if (r < 0)
                return r;
        f->checked = true;
        r = look_at_open(f, until);
        if (r > 0)
                r = read_news(f, until);
        /* What was counted of a request half read would be counted again. */
        if (r < 0)
                close_ledger(f);
        return r;
}
