/* SPDX-License-Identifier: MIT */
#pragma once

/* What every call of a model cost and how it went: one SQLite database (WAL), DIRECTORY/ledger.db, which provider writes and
 * budget, reports, analytics and toolooctl read. Every call here waits for the disk; none blocks longer than that. Times are
 * realtime usec, durations usec, money whole nano-USD, prices whole pico-USD a token. schema.h describes the tables.
 *
 * Facts (request, attempt, reservation, price, budget_limit, gateway_key, grade, match, event, setting) are written once; what is
 * derived of them (spent) is rebuilt from them by ledger_rebuild(). Answers and prompts are in neither (content.h).
 *
 * A process that is killed loses nothing that was committed. What it had reserved stands until it expires, and its attempt
 * then says "interrupted". */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/sqlite-util.h"

typedef struct Ledger Ledger;

typedef enum LedgerMode {
        LEDGER_WRITE, /* makes and migrates it */
        LEDGER_READ,  /* -ENOENT when there is none yet */
} LedgerMode;

#define LEDGER_NAME_MAX 128        /* bytes of a provider's, model's, key's, user's name; longer is -EINVAL */
#define LEDGER_TEXT_MAX 1024       /* bytes of an error's text; cut off there */
#define LEDGER_DETAIL_MAX 65536    /* bytes of an event's detail; longer is -EFBIG */
#define LEDGER_MONEY_MAX (INT64_MAX / 4)

/* A name is valid UTF-8 without control characters, a time before the year 10000, and money is not negative; anything else is
 * -EINVAL. -EBUSY when others have kept on writing for two seconds. */

/* LEDGER_WRITE makes the directory too; what would write is -EROFS with LEDGER_READ. -EBADMSG for a file that is none of ours,
 * -EPROTONOSUPPORT for one that a newer version has made (one line in the journal says so, nothing is touched). */
int ledger_open(const char *directory, LedgerMode mode, Ledger **ret);
Ledger *ledger_free(Ledger *l);
TL_DEFINE_CLEANUP(Ledger *, ledger_free)

/* The element of the colon-separated $STATE_DIRECTORY that units name tooloo-ledger; NULL when there is none. The caller
 * frees. */
char *ledger_directory_of_unit(void);
/* Where that lies for the calling user, asked by a program outside of a unit (systemd before 254 keeps state below
 * $XDG_CONFIG_HOME, later ones below $XDG_STATE_HOME). The caller frees. */
int ledger_directory_of_user(char **ret);

/* For those who only read and whose questions are their own. Valid as long as l. */
sqlite3 *ledger_database(Ledger *l);
/* Such a question; `types` and what follows are as sqlite_bind() has them, and last until the caller ends
 * *ret with statement_finish(). Errors as of sqlite_errno(). */
int ledger_ask(Ledger *l, sqlite3_stmt **ret, const char *sql, const char *types, ...);
int ledger_ask_v(Ledger *l, sqlite3_stmt **ret, const char *sql, const char *types, va_list ap);
/* 1 for a row, 0 at the end. */
int ledger_next(sqlite3_stmt *s);

/* --- Writing. Everything between begin and commit is kept or lost as one; they do not nest (-EBUSY). Each function below also
 * works without, as a transaction of its own. After a failure of the disk or of SQLite within one, the others and the commit
 * fail with the same error. What a function refuses is no such failure: it has written nothing, and the transaction goes on.
 * Those are the errors that are named beside each, -EINVAL, and -ESRCH for an id that is there of no row. --- */
int ledger_begin(Ledger *l);
int ledger_commit(Ledger *l);
void ledger_rollback(Ledger *l);

typedef struct LedgerRequest {
        uint64_t at;
        const char *name;    /* the id the client was told (X-Request-Id); need not be unique */
        const char *api;     /* what it speaks: "openai", "anthropic", "ollama" */
        int64_t key;         /* gateway_key.id, 0 for none */
        const char *user, *session, *intent; /* NULL for none */
        int64_t parent;      /* request.id, 0 for none */
        const char *source;  /* "v1", "chat", "burst", "cup", ... */
        const char *cache;   /* "none", "miss", "hit" or "joined" */
        bool stream;
} LedgerRequest;

/* *ret is the new row's id. A hit or a joined one has no attempts. */
int ledger_add_request(Ledger *l, const LedgerRequest *request, int64_t *ret);
/* status: what the client was answered, 499 when it went away before. -EALREADY when it has ended. */
int ledger_end_request(Ledger *l, int64_t request, unsigned status, uint64_t at);

typedef struct LedgerPrice {
        const char *provider, *model;
        int64_t input, output, cached, cache_write, reasoning; /* pico-USD a token; 0 is free, -1 "as input" (cached,
                                                                * cache_write) or "as output" (reasoning); else -EINVAL */
        const char *source; /* where it is from: "given", a file's name */
} LedgerPrice;

/* The id of the price, a new row when it differs (in its source, too) from the newest of that provider and model: rows never
 * change, so neither does what an attempt cost. Never 0, which is no price known. */
int ledger_price(Ledger *l, const LedgerPrice *price, uint64_t at, int64_t *ret);

typedef struct LedgerTokens {
        int64_t in, out;      /* in: all of the prompt, cached ones and cache writes included; out: reasoning included */
        int64_t cached, cache_write, reasoning;
        bool reported;        /* the provider's own figures; else there were none, and these are estimates */
} LedgerTokens;

/* Nano-USD: ((in - cached - cache_write) x input + cached x cached + cache_write x cache_write + (out - reasoning) x output +
 * reasoning x reasoning) / 1000, rounded half up. Tokens that do not add up (cached > in) count as far as they do: cached first,
 * then cache writes. -EOVERFLOW over LEDGER_MONEY_MAX. */
int ledger_cost(const LedgerPrice *price, const LedgerTokens *tokens, int64_t *ret);

typedef struct LedgerReserve {
        int64_t request;
        unsigned n;            /* counted from 1 within the request */
        uint64_t at, expires;
        const char *provider, *model;
        int64_t price;         /* ledger_price()'s id, 0 for none */
        int64_t amount;        /* the most that it can cost */
} LedgerReserve;

/* Which limit was in the way. */
typedef struct LedgerRefusal {
        char scope[16];                    /* "total", "key", "user", "provider" */
        char subject[LEDGER_NAME_MAX + 1]; /* the key's name, the user, ...; empty for total */
        char window[16];                   /* "minute", "day", "month" */
        int64_t limit, settled, reserved;
        uint64_t resets;
} LedgerRefusal;

/* Adds the attempt, pending, and its reservation, if every limit that it falls under (its provider, its request's key and user,
 * the total; each for minute, day and month, which begin with UTC's) has room for settled + reserved + amount; 0 has room in any.
 * -EDQUOT and *ret_refusal when one has not: nothing was added. The one that resets last is told, of those the key's, user's,
 * provider's before the total. -EEXIST for an attempt of that number; -EOVERFLOW over LEDGER_MONEY_MAX in that month. */
int ledger_reserve(Ledger *l, const LedgerReserve *reserve, LedgerRefusal *ret_refusal);

typedef struct LedgerOutcome {
        int64_t request;
        unsigned n;
        uint64_t ttft, total;  /* since the attempt began; ttft 0 when nothing came */
        unsigned status;       /* the upstream's, 0 when none came */
        const char *error;     /* NULL for success, else a word: see schema.h */
        const char *text;      /* of the error, NULL for none */
        LedgerTokens tokens;
        int64_t cost;          /* of the attempt's price and tokens, as ledger_cost() says; ledger_verify() compares */
} LedgerOutcome;

/* For an attempt that runs on: its reservation stands until then. So the time it is made for can be short, and what a process that
 * was killed had reserved is soon free again. -ENOENT when it has expired. */
int ledger_extend(Ledger *l, int64_t request, unsigned n, uint64_t expires);

/* Ends the attempt: the reservation goes, the cost counts in the windows that it was reserved in. -ENOENT when there is no such
 * reservation, because it expired: the attempt gets its outcome and its cost all the same, and counts, once. -EALREADY when it
 * has been settled or released. -EINVAL also for the words "interrupted" and "released", by which those are known. */
int ledger_settle(Ledger *l, const LedgerOutcome *outcome);

/* An attempt that was not made after all (nothing was sent, so nothing can cost). error NULL is "released". -ENOENT and -EALREADY
 * as above, but nothing changes. */
int ledger_release(Ledger *l, int64_t request, unsigned n, const char *error);

/* Reservations past their time: their attempts end with "interrupted" and no cost. *ret_n: how many; *ret_next: when the next one
 * expires, UINT64_MAX for none. Either may be NULL. Writes nothing, and waits for nobody, when there are none. */
int ledger_expire(Ledger *l, uint64_t now, size_t *ret_n, uint64_t *ret_next);

/* --- Limits. hard or soft 0 means none of that kind; both 0 takes the row away. --- */
typedef struct LedgerLimit {
        const char *scope, *subject, *window; /* as in LedgerRefusal; subject of a key is its name */
        int64_t hard, soft;
        int64_t settled, reserved, calls;     /* in the window that holds the time asked for; only read */
        uint64_t begins, ends;
} LedgerLimit;

int ledger_set_limit(Ledger *l, const LedgerLimit *limit);
/* Calls tell for each limit, ordered by scope, subject, window. A negative result of tell ends it and is returned. tell may ask
 * and write, but not call the function that calls it. */
int ledger_limits(Ledger *l, uint64_t now, int (*tell)(const LedgerLimit *limit, void *userdata), void *userdata);
/* What was used in the window that holds `now`, whether there is a limit or not. Its texts are the caller's. */
int ledger_usage(Ledger *l, const char *scope, const char *subject, const char *window, uint64_t now, LedgerLimit *ret);
/* True when a reservation of `amount` with that provider would be refused for the provider's own or the total limit. */
int ledger_provider_exhausted(Ledger *l, const char *provider, int64_t amount, uint64_t now, bool *ret);

/* --- Gateway keys: "tlk_" and 43 characters of base64url, of which the SHA-256 alone is kept. --- */
#define LEDGER_KEY_TEXT_MAX 48

typedef struct LedgerKey {
        int64_t id;
        char name[LEDGER_NAME_MAX + 1];
        char user[LEDGER_NAME_MAX + 1]; /* empty for none */
        uint64_t created, revoked;      /* revoked 0 while it is good */
} LedgerKey;

/* -EEXIST for a name that is taken, also by one that was revoked. ret_text is shown once and never again. */
int ledger_create_key(Ledger *l, const char *name, const char *user, uint64_t at, char ret_text[static LEDGER_KEY_TEXT_MAX]);
/* -ENOENT for none of ours, -EKEYREVOKED. */
int ledger_find_key(Ledger *l, const char *text, LedgerKey *ret);
/* -ENOENT, -EALREADY. */
int ledger_revoke_key(Ledger *l, const char *name, uint64_t at);
int ledger_keys(Ledger *l, int (*tell)(const LedgerKey *key, void *userdata), void *userdata);
/* Whether there is any that is good: then requests need one. */
int ledger_has_keys(Ledger *l, bool *ret);

/* --- Events: what people did, for analytics. detail is JSON text (else -EINVAL) or NULL. --- */
int ledger_add_event(Ledger *l, uint64_t at, const char *user, const char *kind, const char *detail, int64_t *ret);

/* --- Settings: wishes for the choice of providers, which budget writes and provider reads for each choice. --- */
#define LEDGER_SETTING_PREFERRED "provider.preferred"          /* a provider's name: asked first while it can take the call */
#define LEDGER_SETTING_MAX_CONCURRENCY "policy.max-concurrency" /* calls of each provider at a time, where its own limit is not lower */
#define LEDGER_SETTING_CRITICALITY "policy.criticality"        /* low: price weighs more; normal; high: price does not count */
#define LEDGER_SETTING_STORE_CONTENT "policy.store-content"    /* days for which what calls say is kept (content.h); none: not at all */
#define LEDGER_SETTING_MAX 256                                 /* bytes of a name or a value; more is -EINVAL */

/* NULL takes it away. */
int ledger_set_setting(Ledger *l, const char *name, const char *value);
/* *ret is NULL where there is none. The caller frees. */
int ledger_setting(Ledger *l, const char *name, char **ret);

/* --- Upkeep --- */
/* Makes everything derived anew from the facts, as one transaction: nobody else writes meanwhile. */
int ledger_rebuild(Ledger *l);
/* Compares what is derived with the facts, the facts with each other (each cost with its price and tokens) and runs SQLite's own
 * check. tell gets one line a fault and may be NULL; *ret is how many. A damaged file is a fault, not an error. */
int ledger_verify(Ledger *l, void (*tell)(const char *fault, void *userdata), void *userdata, size_t *ret);
