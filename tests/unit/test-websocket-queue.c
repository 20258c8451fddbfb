/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "foundation/http.h"
#include "foundation/websocket-queue.h"

static WsQueue queue;

static WsMessage *message_of(const char *text) {
        WsMessage *message;

        cr_assert_eq(ws_message_new(text, strlen(text), false, &message), 0);
        return message;
}

static int push(const char *text, bool latest) {
        WsMessage *message = message_of(text);
        int r = ws_queue_push(&queue, message, latest);

        ws_message_unref(message);
        return r;
}

/* What is sent next, in pieces of at most max bytes: one piece. */
static const char *send_one(size_t max, bool *ret_last) {
        static char text[64];
        WsPiece piece = ws_queue_peek(&queue, max);

        (void) snprintf(text, sizeof(text), "%.*s", (int) piece.size, piece.message->bytes + WS_HEAD_ROOM + piece.offset);
        cr_expect_eq(piece.first, piece.offset == 0);
        if (ret_last)
                *ret_last = piece.last;
        ws_queue_take(&queue, &piece);
        return text;
}

static void tear_down(void) {
        ws_queue_done(&queue);
}

TestSuite(ws_queue, .fini = tear_down);

Test(ws_queue, keeps_the_order) {
        char text[16];

        for (unsigned round = 0; round < 3; round++) {
                for (unsigned i = 0; i < 100; i++) {
                        (void) snprintf(text, sizeof(text), "%u", i);
                        cr_assert_eq(push(text, false), 0);
                }
                for (unsigned i = 0; i < 100; i++) {
                        (void) snprintf(text, sizeof(text), "%u", i);
                        cr_expect_str_eq(send_one(100, NULL), text);
                }
                cr_expect(ws_queue_is_empty(&queue));
                cr_expect_eq(queue.waiting, 0);
        }
}

Test(ws_queue, moves_on_while_it_is_filled) {
        char text[16];

        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(text, sizeof(text), "%u", i);
                cr_assert_eq(push(text, false), 0);
                if (i < 3)
                        continue;
                (void) snprintf(text, sizeof(text), "%u", i - 3);
                cr_expect_str_eq(send_one(100, NULL), text);
        }
        cr_expect_leq(queue.space, 16);
}

Test(ws_queue, in_pieces) {
        bool last;

        cr_assert_eq(push("abcdefgh", false), 0);
        cr_expect_str_eq(send_one(3, &last), "abc");
        cr_expect_not(last);
        cr_expect_str_eq(send_one(3, &last), "def");
        cr_expect_not(last);
        cr_expect_str_eq(send_one(3, &last), "gh");
        cr_expect(last);
        cr_expect(ws_queue_is_empty(&queue));
        cr_assert_eq(push("abc", false), 0);
        cr_expect_str_eq(send_one(3, &last), "abc");
        cr_expect(last, "no empty frame behind it");
        cr_assert_eq(push("", false), 0);
        cr_expect_str_eq(send_one(3, &last), "");
        cr_expect(last);
        cr_expect_eq(queue.waiting, 0);
}

Test(ws_queue, the_newest_takes_the_place_of_the_one_before) {
        cr_expect_eq(push("1", true), 0);
        cr_expect_eq(push("2", true), 1);
        cr_expect_eq(push("event", false), 0);
        cr_expect_eq(push("3", true), 1, "also where another message stands behind it");
        cr_expect_str_eq(send_one(100, NULL), "3");
        cr_expect_str_eq(send_one(100, NULL), "event");
        cr_expect(ws_queue_is_empty(&queue));
        cr_expect_eq(queue.waiting, 0);
}

Test(ws_queue, what_is_on_its_way_stays) {
        size_t most = 0;

        cr_expect_eq(push("first", true), 0);
        cr_expect_str_eq(send_one(2, NULL), "fi");
        cr_expect_eq(push("second", true), 0);
        for (unsigned i = 0; i < 1000; i++) {
                cr_expect_eq(push("another", true), 1);
                most = MAX(most, queue.end - queue.begin);
        }
        cr_expect_eq(most, 2);
        cr_expect_str_eq(send_one(100, NULL), "rst");
        cr_expect_str_eq(send_one(100, NULL), "another");
        cr_expect(ws_queue_is_empty(&queue));
}

Test(ws_queue, one_copy_for_all) {
        WsMessage *message = message_of("shared");
        WsQueue other = {};

        cr_assert_eq(ws_queue_push(&queue, message, true), 0);
        cr_assert_eq(ws_queue_push(&other, message, false), 0);
        cr_expect_eq(message->n_refs, 3);
        cr_expect_eq(ws_queue_peek(&queue, 100).message, message);
        cr_expect_eq(push("new", true), 1);
        cr_expect_eq(message->n_refs, 2);
        ws_queue_done(&other);
        cr_expect_eq(message->n_refs, 1);
        ws_message_unref(message);
}

Test(ws_queue, has_a_limit) {
        size_t size = WS_QUEUE_MAX / 2;
        char *bytes = calloc(1, WS_QUEUE_MAX);
        WsMessage *half, *whole;

        cr_assert_not_null(bytes);
        cr_assert_eq(ws_message_new(bytes, size, true, &half), 0);
        cr_assert_eq(ws_message_new(bytes, WS_QUEUE_MAX, true, &whole), 0);
        cr_expect_eq(ws_queue_push(&queue, whole, false), -ENOBUFS);
        cr_expect_eq(ws_queue_push(&queue, half, true), 0);
        cr_expect_eq(ws_queue_push(&queue, half, false), -ENOBUFS);
        cr_expect_eq(ws_queue_push(&queue, half, true), 1, "it takes the place of as much");
        cr_expect_eq(push("a little", false), 0);
        cr_expect_leq(queue.waiting, WS_QUEUE_MAX);
        ws_message_unref(half);
        ws_message_unref(whole);
        free(bytes);
}
