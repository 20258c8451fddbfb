/* SPDX-License-Identifier: MIT */
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/random.h>

#include "basic/string-util.h"
#include "ledger-internal.h"

#define PREFIX "tlk_"
#define RANDOM_SIZE 32
#define TEXT_SIZE (sizeof(PREFIX) - 1 + 43) /* 32 bytes in base64url, without the '=' */

static void hash(const char *text, size_t size, uint8_t ret[static SHA256_DIGEST_SIZE]) {
        struct sha256_ctx context;

        sha256_init(&context);
        sha256_update(&context, size, (const uint8_t *) text);
        sha256_digest(&context, SHA256_DIGEST_SIZE, ret);
        explicit_bzero(&context, sizeof(context));
}

static int make_text(char ret[static LEDGER_KEY_TEXT_MAX]) {
        uint8_t random[RANDOM_SIZE];
        char encoded[BASE64_ENCODE_LENGTH(RANDOM_SIZE) + BASE64_ENCODE_FINAL_LENGTH];
        struct base64_encode_ctx context;
        size_t n;

        if (getrandom(random, sizeof(random), 0) != sizeof(random)) /* so few come as a whole, or not at all */
                return -errno;
        base64url_encode_init(&context);
        n = base64_encode_update(&context, encoded, sizeof(random), random);
        (void) base64_encode_final(&context, encoded + n);
        (void) snprintf(ret, LEDGER_KEY_TEXT_MAX, PREFIX "%.43s", encoded);
        explicit_bzero(random, sizeof(random));
        explicit_bzero(encoded, sizeof(encoded));
        explicit_bzero(&context, sizeof(context));
        return 0;
}

static int insert(Ledger *l, const char *name, const char *user, uint64_t at,
                  const uint8_t digest[static SHA256_DIGEST_SIZE]) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ADD_KEY,
                          "INSERT INTO gateway_key (name, hash, user, created) VALUES (?, ?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(l, s, "tbtu", name, digest, (size_t) SHA256_DIGEST_SIZE, user, at);
        return r < 0 ? r : statement_run(l, s);
}

int ledger_create_key(Ledger *l, const char *name, const char *user, uint64_t at,
                      char ret_text[static LEDGER_KEY_TEXT_MAX]) {
        uint8_t digest[SHA256_DIGEST_SIZE];
        char text[LEDGER_KEY_TEXT_MAX];
        bool own;
        int r;

        if (!name_valid(name) || !name_valid_or_null(user) || !time_valid(at))
                return -EINVAL;
        r = make_text(text);
        if (r < 0)
                return r;
        hash(text, TEXT_SIZE, digest);
        r = transaction_enter(l, &own);
        if (r >= 0)
                r = transaction_leave(l, own, insert(l, name, user, at, digest));
        if (r >= 0)
                memcpy(ret_text, text, sizeof(text));
        explicit_bzero(text, sizeof(text));
        return r;
}

#define COLUMNS "id, name, user, created, revoked"

static void read_key(sqlite3_stmt *s, LedgerKey *ret) {
        *ret = (LedgerKey) {
                .id = sqlite3_column_int64(s, 0),
                .created = (uint64_t) sqlite3_column_int64(s, 3),
                .revoked = (uint64_t) sqlite3_column_int64(s, 4),
        };
        (void) snprintf(ret->name, sizeof(ret->name), "%s", strempty(statement_text(s, 1)));
        (void) snprintf(ret->user, sizeof(ret->user), "%s", strempty(statement_text(s, 2)));
}

int ledger_find_key(Ledger *l, const char *text, LedgerKey *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t digest[SHA256_DIGEST_SIZE];
        LedgerKey key;
        int r;

        if (!text || !startswith(text, PREFIX) || strnlen(text, TEXT_SIZE + 1) != TEXT_SIZE)
                return -ENOENT;
        hash(text, TEXT_SIZE, digest);
        r = statement_get(l, STATEMENT_FIND_KEY, "SELECT " COLUMNS " FROM gateway_key WHERE hash = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "b", digest, sizeof(digest));
        if (r >= 0)
                r = statement_step(l, s);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        if (sqlite3_column_type(s, 4) != SQLITE_NULL)
                return -EKEYREVOKED;
        read_key(s, &key);
        *ret = key;
        return 0;
}

static int has_name(Ledger *l, const char *name) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_HAS_KEY, "SELECT 1 FROM gateway_key WHERE name = ?", &s);
        if (r >= 0)
                r = statement_bind(l, s, "t", name);
        return r < 0 ? r : statement_step(l, s);
}

static int revoke_name(Ledger *l, const char *name, uint64_t at) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_REVOKE_KEY,
                          "UPDATE gateway_key SET revoked = ? WHERE name = ? AND revoked IS NULL", &s);
        if (r >= 0)
                r = statement_bind(l, s, "ut", at, name);
        if (r >= 0)
                r = statement_run(l, s);
        if (r < 0 || sqlite3_changes(l->db) > 0)
                return r;
        r = has_name(l, name);
        return r < 0 ? r : r > 0 ? -EALREADY : -ENOENT;
}

int ledger_revoke_key(Ledger *l, const char *name, uint64_t at) {
        bool own;
        int r;

        if (!name_valid(name) || !time_valid(at))
                return -EINVAL;
        r = transaction_enter(l, &own);
        return r < 0 ? r : transaction_leave(l, own, revoke_name(l, name, at));
}

int ledger_keys(Ledger *l, int (*tell)(const LedgerKey *key, void *userdata), void *userdata) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        LedgerKey key;
        int r;

        r = statement_get(l, STATEMENT_KEYS, "SELECT " COLUMNS " FROM gateway_key ORDER BY id", &s);
        while (r >= 0 && (r = statement_step(l, s)) > 0) {
                read_key(s, &key);
                r = tell(&key, userdata);
        }
        return MIN(r, 0);
}

int ledger_has_keys(Ledger *l, bool *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(l, STATEMENT_ANY_KEY, "SELECT 1 FROM gateway_key WHERE revoked IS NULL LIMIT 1", &s);
        if (r >= 0)
                r = statement_step(l, s);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 0;
}
