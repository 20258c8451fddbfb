/* SPDX-License-Identifier: MIT */
#include "ledger-directory.h"

#include "basic/file-util.h"

TestSuite(ledger_key, .init = ledger_set_up, .fini = ledger_tear_down);

static void create(const char *name, const char *user, char text[static LEDGER_KEY_TEXT_MAX]) {
        cr_assert_eq(ledger_create_key(ledger, name, user, BEGIN, text), 0);
}

static bool any(void) {
        bool answer = false;

        cr_assert_eq(ledger_has_keys(ledger, &answer), 0);
        return answer;
}

Test(ledger_key, is_found_by_its_text_alone) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        char first[LEDGER_KEY_TEXT_MAX], second[LEDGER_KEY_TEXT_MAX];
        LedgerKey key = {};

        create("k1", "ada", first);
        create("k2", NULL, second);
        cr_expect_eq(strlen(first), 47);
        cr_expect(startswith(first, "tlk_"));
        cr_expect_eq(strspn(first + 4, alphabet), 43);
        cr_expect_str_neq(first, second);
        cr_assert_eq(ledger_find_key(ledger, first, &key), 0);
        cr_expect_str_eq(key.name, "k1");
        cr_expect_str_eq(key.user, "ada");
        cr_expect_eq(key.created, BEGIN);
        cr_expect_eq(key.revoked, 0);
        cr_assert_eq(ledger_find_key(ledger, second, &key), 0);
        cr_expect_str_eq(key.name, "k2");
        cr_expect_str_eq(key.user, "");
}

Test(ledger_key, what_is_none_of_ours_is_not_found) {
        char text[LEDGER_KEY_TEXT_MAX], other[LEDGER_KEY_TEXT_MAX + 1];
        LedgerKey key = { .id = 7 };

        create("k1", NULL, text);
        memcpy(other, text, sizeof(text));
        other[20] = other[20] == 'x' ? 'y' : 'x';
        cr_expect_eq(ledger_find_key(ledger, other, &key), -ENOENT);
        (void) snprintf(other, sizeof(other), "%sx", text);
        cr_expect_eq(ledger_find_key(ledger, other, &key), -ENOENT);
        (void) snprintf(other, sizeof(other), "%.46s", text);
        cr_expect_eq(ledger_find_key(ledger, other, &key), -ENOENT);
        (void) snprintf(other, sizeof(other), "TLK_%s", text + 4);
        cr_expect_eq(ledger_find_key(ledger, other, &key), -ENOENT);
        cr_expect_eq(ledger_find_key(ledger, "", &key), -ENOENT);
        cr_expect_eq(ledger_find_key(ledger, NULL, &key), -ENOENT);
        cr_expect_eq(key.id, 7);
}

/* RFC 6234's SHA-256, by another hand: openssl's, as the shell would ask it. */
Test(ledger_key, only_its_hash_is_kept) {
        char text[LEDGER_KEY_TEXT_MAX], command[256], expected[65] = "";
        _cleanup_(freep) char *database = NULL, *wal = NULL;
        size_t n, n_wal;
        FILE *f;

        create("k1", NULL, text);
        (void) snprintf(command, sizeof(command), "printf %%s '%s' | sha256sum", text);
        f = popen(command, "r");
        cr_assert(f);
        cr_assert_eq(fread(expected, 1, 64, f), 64);
        cr_assert_eq(pclose(f), 0);
        cr_expect_str_eq(ask_text("SELECT lower(hex(hash)) FROM gateway_key"), expected);
        cr_assert_eq(read_file("ledger.db-wal", 1 << 24, &wal, &n_wal), 0);
        cr_expect_null(memmem(wal, n_wal, text, 20));
        cr_expect(memmem(wal, n_wal, "k1", 2)); /* so it was looked for where it would be */
        execute("PRAGMA wal_checkpoint(TRUNCATE)");
        cr_assert_eq(read_file("ledger.db", 1 << 24, &database, &n), 0);
        cr_expect_null(memmem(database, n, text, 20));
}

static int name_them(const LedgerKey *key, void *userdata) {
        char *text = userdata;
        size_t n = strlen(text);

        (void) snprintf(text + n, 256 - n, "%s/%s/%llu ", key->name, key->user,
                        (unsigned long long) (key->revoked ? key->revoked - BEGIN : 0));
        return strlen(text) > 40 ? -ECANCELED : 0;
}

Test(ledger_key, a_revoked_one_is_good_for_nothing_and_its_name_stays_taken) {
        char first[LEDGER_KEY_TEXT_MAX], second[LEDGER_KEY_TEXT_MAX], text[256] = "";
        LedgerKey key = { .id = 7 };

        cr_expect_not(any());
        create("k1", "ada", first);
        create("k2", NULL, second);
        cr_expect(any());
        cr_expect_eq(ledger_revoke_key(ledger, "k3", BEGIN + 5), -ENOENT);
        cr_expect_eq(ledger_revoke_key(ledger, "", BEGIN + 5), -EINVAL);
        cr_expect_eq(ledger_revoke_key(ledger, "k1", BEGIN + 5), 0);
        cr_expect_eq(ledger_revoke_key(ledger, "k1", BEGIN + 6), -EALREADY);
        cr_expect_eq(ledger_find_key(ledger, first, &key), -EKEYREVOKED);
        cr_expect_eq(key.id, 7);
        cr_expect_eq(ledger_find_key(ledger, second, &key), 0);
        cr_expect(any());
        cr_expect_eq(ledger_revoke_key(ledger, "k2", BEGIN + 9), 0);
        cr_expect_not(any());
        memset(first, 'z', sizeof(first));
        first[sizeof(first) - 1] = '\0';
        cr_expect_eq(ledger_create_key(ledger, "k1", NULL, BEGIN, first), -EEXIST);
        cr_expect_eq(ledger_create_key(ledger, "", NULL, BEGIN, first), -EINVAL);
        cr_expect_eq(ledger_create_key(ledger, "k4", "a\tb", BEGIN, first), -EINVAL);
        cr_expect_eq(ledger_create_key(ledger, "k4", NULL, UINT64_MAX, first), -EINVAL);
        cr_expect_eq(strspn(first, "z"), sizeof(first) - 1); /* nothing of a key that is none */
        cr_expect_eq(ledger_keys(ledger, name_them, text), 0);
        cr_expect_str_eq(text, "k1/ada/5 k2//9 ");
        cr_expect_eq(ledger_keys(ledger, name_them, (char[256]) { "0123456789012345678901234567890123456789" }), -ECANCELED);
}

/* What was done with it stays said of it, under its name. */
Test(ledger_key, its_calls_count_under_its_name) {
        char text[LEDGER_KEY_TEXT_MAX];
        LedgerKey key;
        int64_t request;

        create("k1", NULL, text);
        cr_assert_eq(ledger_find_key(ledger, text, &key), 0);
        request = add_request(key.id, NULL);
        cr_assert_eq(reserve(request, 1, 10), 0);
        cr_assert_eq(ledger_revoke_key(ledger, "k1", BEGIN + 5), 0);
        cr_assert_eq(settle(request, 1, 4), 0);
        cr_expect_eq(usage("key", "k1", "day", BEGIN).settled, 4);
        cr_expect_eq(verify(), 0);
}
