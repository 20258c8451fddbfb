/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "modules/web/chat-store.h"

static char top[] = "/tmp/tooloo-chat-XXXXXX";
static ChatStore *store;

static const ChatLimits limits = {
        .sessions = 3, .messages = 8, .bytes = 2048, .session_messages = 5, .session_bytes = 1024,
};

static void set_up(void) {
        cr_assert(mkdtemp(top));
        cr_assert_eq(chdir(top), 0);
        cr_assert_eq(chat_store_open(top, &limits, &store), 0);
}

static void tear_down(void) {
        chat_store_free(store);
        (void) unlink("chat.jsonl");
        cr_expect_eq(rmdir(top), 0, "something else was left there");
}

TestSuite(chat_store, .init = set_up, .fini = tear_down);

static int append_to(ChatStore *to, const char *session, const char *content) {
        const ChatSession *got;
        int r = chat_store_append(to, &(ChatMessage) { .session = session, .role = "user", .content = content,
                                                       .content_size = strlen(content), .user = "ann" }, 1, &got);

        if (r >= 0)
                cr_expect_str_eq(got->id, session);
        return r;
}

static int append(const char *session, const char *content) {
        return append_to(store, session, content);
}

/* The contents of the messages, each followed by a blank. */
static char *contents(ChatStore *of, const char *session, size_t limit) {
        _cleanup_(freep) char *text = NULL;
        char *all = strdup("");
        json_object *list;

        cr_assert_eq(chat_store_transcripts(of, session, limit, &text), 0);
        list = json_tokener_parse(text);
        cr_assert(json_object_is_type(list, json_type_array), "%s", text);
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *content = json_object_object_get(json_object_array_get_idx(list, i), "content");

                cr_assert_eq(str_replace_printf(&all, "%s%s ", all, json_object_get_string(content)), 0);
        }
        json_object_put(list);
        return all;
}

static void expect(ChatStore *of, const char *session, size_t limit, const char *wanted) {
        _cleanup_(freep) char *got = contents(of, session, limit);

        cr_expect_str_eq(got, wanted);
}

static void reopen(void) {
        store = chat_store_free(store);
        cr_assert_eq(chat_store_open(top, &limits, &store), 0);
}

static void append_raw(const char *text) {
        FILE *f = fopen("chat.jsonl", "a");

        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static size_t file_size(void) {
        struct stat st;

        cr_assert_eq(stat("chat.jsonl", &st), 0);
        return (size_t) st.st_size;
}

Test(chat_store, an_empty_one) {
        expect(store, NULL, 10, "");
        expect(store, "nobody", 10, "");
        cr_expect_eq(chat_store_index(store)->n_sessions, 0);
        reopen();
        expect(store, NULL, 10, "");
}

Test(chat_store, the_last_ones_in_their_order) {
        cr_assert_eq(append("a", "1"), 0);
        cr_assert_eq(append("b", "2"), 0);
        cr_assert_eq(append("a", "3"), 0);
        for (int round = 0; round < 2; round++) {
                expect(store, NULL, 10, "1 2 3 ");
                expect(store, NULL, 2, "2 3 ");
                expect(store, "a", 10, "1 3 ");
                expect(store, "a", 1, "3 ");
                expect(store, "b", 10, "2 ");
                cr_expect_str_eq(TAILQ_FIRST(&chat_store_index(store)->sessions)->id, "a");
                cr_expect_str_eq(TAILQ_FIRST(&chat_store_index(store)->sessions)->user, "ann");
                cr_assert_eq(chat_store_sync(store), 0);
                reopen();
        }
}

/* A question and its answer: a session with room for one of them gets neither. */
Test(chat_store, two_messages_are_kept_or_refused_together) {
        const ChatMessage pair[] = {
                { .session = "a", .role = "user", .content = "2+2?", .content_size = 4 },
                { .session = "a", .role = "assistant", .content = "4", .content_size = 1 },
        };
        _cleanup_(freep) char *text = NULL;
        const ChatSession *session;
        json_object *list;

        for (size_t i = 0; i + 1 < limits.session_messages; i++)
                cr_assert_eq(append("a", "before"), 0);
        cr_expect_eq(chat_store_append(store, pair, 2, &session), -EDQUOT);
        cr_expect_eq(chat_store_append(store, pair, 0, &session), -EINVAL);
        cr_expect_eq(chat_store_append(store, pair, CHAT_APPEND_MAX + 1, &session), -EINVAL);
        reopen();
        cr_expect_eq(chat_index_find(chat_store_index(store), "a")->messages, limits.session_messages - 1);

        cr_assert_eq(chat_store_append(store, (const ChatMessage[]) { { .session = "b", .role = "user", .content = "2+2?",
                                                                        .content_size = 4 },
                                                                      { .session = "b", .role = "assistant", .content = "4",
                                                                        .content_size = 1 } }, 2, &session), 0);
        cr_expect_str_eq(session->id, "b");
        cr_expect_eq(session->messages, 2);
        reopen();
        cr_assert_eq(chat_store_transcripts(store, "b", 10, &text), 0);
        list = json_tokener_parse(text);
        cr_assert_eq(json_object_array_length(list), 2);
        cr_expect_str_eq(json_object_get_string(json_object_object_get(json_object_array_get_idx(list, 0), "role")), "user");
        cr_expect_str_eq(json_object_get_string(json_object_object_get(json_object_array_get_idx(list, 1), "role")),
                         "assistant");
        json_object_put(list);
}

Test(chat_store, every_byte_comes_back) {
        const char *awkward = "quotes \" and \\ and\nnewlines\r\n, \xc3\xa4\xf0\x9f\x98\x80, ]},\x7f";
        static const char nul[] = "a\0b";
        _cleanup_(freep) char *text = NULL;
        const ChatSession *session;
        json_object *list, *content;

        cr_assert_eq(append("a", awkward), 0);
        cr_assert_eq(chat_store_append(store, &(ChatMessage) { .session = "a", .role = "tool", .content = nul,
                                                               .content_size = 3 }, 1, &session), 0);
        reopen();
        cr_assert_eq(chat_store_transcripts(store, "a", 10, &text), 0);
        list = json_tokener_parse(text);
        content = json_object_object_get(json_object_array_get_idx(list, 0), "content");
        cr_expect_str_eq(json_object_get_string(content), awkward);
        content = json_object_object_get(json_object_array_get_idx(list, 1), "content");
        cr_expect_eq(json_object_get_string_len(content), 3);
        cr_expect_arr_eq(json_object_get_string(content), nul, 3);
        json_object_put(list);
}

Test(chat_store, a_torn_last_line_is_cut_off) {
        size_t whole;

        cr_assert_eq(append("a", "1"), 0);
        whole = file_size();
        append_raw("{\"sessionId\":\"a\",\"role\":\"user\",\"content\":\"to");
        reopen();
        expect(store, "a", 10, "1 ");
        cr_expect_eq(file_size(), whole);
        cr_assert_eq(append("a", "2"), 0);
        reopen();
        expect(store, "a", 10, "1 2 ");
}

Test(chat_store, strange_lines_are_left_out) {
        cr_assert_eq(append("a", "1"), 0);
        append_raw("\nnot json\n[]\n{\"sessionId\":\"a\"}\n"
                   "{\"sessionId\":\"a\",\"content\":\"x\",\"timestamp\":\"yesterday\"}\n");
        cr_assert_eq(chat_store_refresh(store), 0);
        cr_assert_eq(append("a", "2"), 0);
        reopen();
        expect(store, NULL, 10, "1 2 ");
}

Test(chat_store, two_generations_see_the_same) {
        ChatStore *other;

        cr_assert_eq(append("a", "1"), 0);
        cr_assert_eq(chat_store_open(top, &limits, &other), 0);
        cr_assert_eq(append_to(other, "a", "2"), 0);
        cr_assert_eq(chat_store_refresh(store), 0);
        cr_assert_eq(append("b", "3"), 0);
        cr_assert_eq(chat_store_refresh(other), 0);
        expect(store, NULL, 10, "1 2 3 ");
        expect(other, NULL, 10, "1 2 3 ");
        chat_store_free(other);
}

Test(chat_store, a_session_too_many_drops_the_quietest) {
        cr_assert_eq(append("a", "1"), 0);
        cr_assert_eq(append("b", "2"), 0);
        cr_assert_eq(append("c", "3"), 0);
        cr_assert_eq(append("a", "4"), 0);
        cr_expect_eq(chat_store_index(store)->n_sessions, limits.sessions);
        cr_assert_eq(append("d", "5"), 0);
        for (int round = 0; round < 2; round++) {
                cr_expect_eq(chat_store_index(store)->n_sessions, limits.sessions);
                expect(store, NULL, 10, "1 3 4 5 ");
                expect(store, "b", 10, "");
                reopen();
        }
}

Test(chat_store, a_message_too_many_drops_the_quietest) {
        for (int i = 0; i < 4; i++) {
                cr_assert_eq(append("a", "x"), 0);
                cr_assert_eq(append("b", "y"), 0);
        }
        expect(store, NULL, 10, "x y x y x y x y ");
        cr_assert_eq(append("b", "z"), 0);
        for (int round = 0; round < 2; round++) {
                expect(store, NULL, 10, "y y y y z ");
                cr_expect_eq(chat_store_index(store)->n_sessions, 1);
                reopen();
        }
}

Test(chat_store, bytes_too_many_drop_the_quietest) {
        char long_one[601] = {};

        memset(long_one, 'x', sizeof(long_one) - 1);
        cr_assert_eq(append("a", long_one), 0);
        cr_assert_eq(append("b", long_one), 0);
        cr_expect_eq(chat_store_index(store)->n_sessions, 2);
        cr_assert_eq(append("c", long_one), 0);
        cr_expect_leq(chat_store_index(store)->bytes, limits.bytes);
        cr_expect_eq(chat_store_index(store)->n_sessions, 2);
        cr_expect_null(chat_index_find(chat_store_index(store), "a"));
}

Test(chat_store, a_full_session_takes_no_more) {
        char long_one[901] = {};

        for (size_t i = 0; i < limits.session_messages; i++)
                cr_assert_eq(append("a", "x"), 0);
        cr_expect_eq(append("a", "y"), -EDQUOT);
        expect(store, "a", 10, "x x x x x ");
        memset(long_one, 'x', sizeof(long_one) - 1);
        cr_assert_eq(append("b", long_one), 0);
        cr_expect_eq(append("b", "12345678901234567890"), -EDQUOT);
        cr_expect_eq(chat_store_index(store)->n_records, 6);
}

Test(chat_store, the_file_is_written_anew_when_half_of_it_is_gone) {
        _cleanup_(freep) char *before = NULL, *after = NULL;
        ChatStore *other;
        size_t most = 0;

        cr_assert_eq(chat_store_open(top, &limits, &other), 0);
        for (int i = 0; i < 100; i++) {
                _cleanup_(freep) char *session = str_printf("s%d", i / 3), *content = str_printf("%d", i);

                cr_assert_eq(append(session, content), 0);
                most = MAX(most, file_size());
        }
        cr_expect_leq(most, 2 * limits.bytes);
        cr_assert_eq(chat_store_refresh(other), 0);
        before = contents(store, NULL, 100);
        cr_expect(endswith(before, "96 97 98 99 "));
        after = contents(other, NULL, 100);
        cr_expect_str_eq(before, after);
        chat_store_free(other);
        reopen();
        expect(store, NULL, 100, before);
}

Test(chat_store, a_write_that_fails_leaves_nothing_behind) {
        struct rlimit all, some;
        size_t whole;

        cr_assert_eq(append("a", "1"), 0);
        whole = file_size();
        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
        some = (struct rlimit) { .rlim_cur = whole + 40, .rlim_max = all.rlim_max };
        (void) signal(SIGXFSZ, SIG_IGN);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &some), 0);
        cr_expect_eq(append("a", "2"), -EFBIG); /* as on a full disk: 40 bytes of it were written */
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
        cr_expect_eq(file_size(), whole);
        cr_assert_eq(append("a", "3"), 0);
        reopen();
        expect(store, "a", 10, "1 3 ");
}

Test(chat_store, a_file_that_is_gone_is_made_again) {
        cr_assert_eq(append("a", "1"), 0);
        cr_assert_eq(unlink("chat.jsonl"), 0);
        cr_assert_eq(chat_store_refresh(store), 0);
        expect(store, NULL, 10, "");
        cr_assert_eq(append("a", "2"), 0);
        reopen();
        expect(store, NULL, 10, "2 ");
}

Test(chat_store, a_file_of_strange_size_is_refused) {
        cr_assert_eq(truncate("chat.jsonl", (off_t) limits.bytes * 8), 0);
        cr_expect_neq(chat_store_refresh(store), -EFBIG);
        cr_assert_eq(truncate("chat.jsonl", (off_t) limits.bytes * 8 + 1), 0);
        cr_expect_eq(chat_store_refresh(store), -EFBIG);
        cr_expect_eq(chat_store_sync(store), -EBADF);
}
