/* SPDX-License-Identifier: MIT */
#include "history-directory.h"

#include <sqlite3.h>
#include <sys/syscall.h>

TestSuite(history_book, .init = history_set_up, .fini = history_tear_down);

/* A text of n characters. */
static char *text_of(size_t n) {
        char *text = malloc(n + 1);

        cr_assert(text);
        memset(text, 'x', n);
        text[n] = '\0';
        return text;
}

/* --- Timeline --- */

/* What a callback was told, as "text text text ". */
typedef struct Told {
        char *texts;
        size_t n, end_after;
        TimelineEvent last;
} Told;

static int tell(const TimelineEvent *event, void *userdata) {
        Told *told = userdata;

        cr_assert_eq(str_replace_printf(&told->texts, "%s%s ", told->texts ?: "", strna(event->text)), 0);
        told->last = *event;
        return ++told->n == told->end_after ? -ECANCELED : 0;
}

static void expect_events(EventQuery query, const char *wanted) {
        Told told = {};
        int n = history_each_event(history, &query, tell, &told);

        cr_expect_eq(n, (int) told.n);
        cr_expect_str_eq(told.texts ?: "", wanted);
        free(told.texts);
}

static int add_event(uint64_t at, const char *service, EventKind kind, const char *text) {
        return history_add_event(history, &(TimelineEvent) { .at = at, .service = service, .kind = kind, .text = text });
}

Test(history_book, kinds) {
        EventKind kind;

        for (size_t i = 0; i < _EVENT_KIND_MAX; i++) {
                cr_assert_eq(event_kind_from_string(event_kind_to_string((EventKind) i), &kind), 0);
                cr_expect_eq(kind, (EventKind) i);
        }
        cr_expect_null(event_kind_to_string(_EVENT_KIND_MAX));
        cr_expect_eq(event_kind_from_string("nothing", &kind), -EINVAL);
}

static int compare_event(const TimelineEvent *event, void *userdata) {
        const TimelineEvent *wanted = userdata;

        cr_expect_eq(event->id, wanted->id);
        cr_expect_eq(event->at, wanted->at);
        cr_expect_eq(event->kind, wanted->kind);
        cr_expect_str_eq(event->service, wanted->service);
        cr_expect_str_eq(event->cause, wanted->cause);
        cr_expect_str_eq(event->text, wanted->text);
        cr_expect_str_eq(event->detail, wanted->detail);
        cr_expect_str_eq(event->invocation_id, wanted->invocation_id);
        cr_expect_str_eq(event->cursor, wanted->cursor);
        return 0;
}

static int expect_nothing_said(const TimelineEvent *event, void *userdata) {
        cr_expect(!event->service && !event->cause && !event->text && !event->detail && !event->invocation_id &&
                  !event->cursor);
        cr_expect_eq(event->kind, EVENT_MONITOR);
        return 0;
}

Test(history_book, an_event_comes_back_as_it_was) {
        TimelineEvent event = {
                .at = BEGIN + 123456, .service = "web", .kind = EVENT_RESTART, .cause = "crash",
                .text = "web ended with \"SEGV\" \xe2\x86\x92 restarted", .detail = "{\"a\":1}",
                .invocation_id = "0123456789abcdef0123456789abcdef", .cursor = "s=1;i=2",
        }, none = { .at = BEGIN, .kind = EVENT_MONITOR };

        cr_assert_eq(history_add_event(history, &event), 0);
        cr_assert_gt(event.id, 0);
        history_reopen();
        cr_expect_eq(history_each_event(history, &(EventQuery) { .to = UINT64_MAX, .limit = 9 }, compare_event, &event), 1);
        cr_assert_eq(history_add_event(history, &none), 0);
        cr_expect_gt(none.id, event.id);
        cr_expect_eq(history_each_event(history, &(EventQuery) { .to = BEGIN + 1, .limit = 9 }, expect_nothing_said, NULL), 1);
}

Test(history_book, events_by_service_kind_and_time) {
        Told told = { .end_after = 2 };

        cr_assert_eq(add_event(BEGIN + 1, "web", EVENT_STATE, "a"), 0);
        cr_assert_eq(add_event(BEGIN + 2, "cup", EVENT_STATE, "b"), 0);
        cr_assert_eq(add_event(BEGIN + 3, NULL, EVENT_ALERT, "c"), 0);
        cr_assert_eq(add_event(BEGIN + 3, "web", EVENT_RELOAD, "d"), 0);
        cr_assert_eq(add_event(BEGIN, "web", EVENT_STATE, "e"), 0); /* its clock was behind */
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 100 }, "d c b a e ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = SIZE_MAX }, "d c b a e ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 2 }, "d c ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 0 }, "");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9, .service = "web" }, "d c a e ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9, .service = "nobody" }, "c ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9, .kinds = 1 << EVENT_STATE | 1 << EVENT_RELOAD }, "d b a e ");
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9, .kinds = 1 << EVENT_BUILD }, "");
        expect_events((EventQuery) { .from = BEGIN + 1, .to = BEGIN + 3, .limit = 9 }, "b a ");
        expect_events((EventQuery) { .from = BEGIN + 3, .to = BEGIN + 3, .limit = 9 }, "");
        cr_expect_eq(history_each_event(history, &(EventQuery) { .to = UINT64_MAX, .limit = 9 }, tell, &told), -ECANCELED);
        cr_expect_eq(told.n, 2);
        free(told.texts);
}

Test(history_book, an_event_may_be_so_long) {
        _cleanup_(freep) char *fits = text_of(HISTORY_STRING_MAX), *too_long = text_of(HISTORY_STRING_MAX + 1);

        cr_expect_eq(add_event(BEGIN, "web", EVENT_STATE, fits), 0);
        cr_expect_eq(add_event(BEGIN, "web", EVENT_STATE, too_long), -EFBIG);
        cr_expect_eq(add_event(BEGIN, too_long, EVENT_STATE, "a"), -EFBIG);
        cr_expect_eq(add_event(BEGIN, "web", _EVENT_KIND_MAX, "a"), -EINVAL);
        cr_expect_eq(history_add_event(history, &(TimelineEvent) { .detail = too_long }), -EFBIG);
        cr_expect_eq(history_add_event(history, &(TimelineEvent) { .cause = too_long }), -EFBIG);
        cr_expect_eq(history_add_event(history, &(TimelineEvent) { .cursor = too_long }), -EFBIG);
        cr_expect_eq(history_add_event(history, &(TimelineEvent) { .invocation_id = too_long }), -EFBIG);
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9, .from = BEGIN + 1 }, "");
        cr_expect_null(history_problem(history), "that is no problem of the disk");
}

static int count_event(const TimelineEvent *event, void *userdata) {
        uint64_t *oldest = userdata;

        *oldest = event->at;
        return 0;
}

/* So many at once are written by SQLite alone. */
static void add_events(uint64_t begin, size_t n) {
        _cleanup_(freep) char *sql = str_printf(
                "INSERT INTO event (at, kind) WITH RECURSIVE i (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < %zu) "
                "SELECT %lu + n, 0 FROM i", n - 1, (unsigned long) begin);
        sqlite3 *db;

        cr_assert_eq(sqlite3_open("metrics.db", &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

Test(history_book, events_are_so_many_and_so_old) {
        uint64_t oldest = 0;

        cr_assert_eq(add_event(BEGIN, "web", EVENT_STATE, "old"), 0);
        add_events(BEGIN + HOUR, HISTORY_EVENTS_MAX);
        settle(BEGIN + HOUR);
        cr_expect_eq(history_each_event(history, &(EventQuery) { .to = UINT64_MAX, .limit = SIZE_MAX }, count_event, &oldest),
                     HISTORY_EVENTS_MAX);
        cr_expect_eq(oldest, BEGIN + HOUR);
        settle(BEGIN + 31 * DAY);
        expect_events((EventQuery) { .to = UINT64_MAX, .limit = 9 }, "");
}

/* --- Errors --- */

static ErrorGroup group_of(const char *service, uint64_t fingerprint, uint64_t last) {
        return (ErrorGroup) {
                .service = service, .fingerprint = fingerprint, .message = "cannot open #", .sample = "cannot open 7",
                .priority = 3, .count = 1, .first = last, .last = last, .cursor = "s=1",
        };
}

typedef struct Groups {
        uint64_t fingerprints[4], counts[4], first[4], last[4];
        char sample[32];
        int priority;
        size_t n;
} Groups;

static int take_group(const ErrorGroup *group, void *userdata) {
        Groups *groups = userdata;

        if (groups->n < 4) {
                groups->fingerprints[groups->n] = group->fingerprint;
                groups->counts[groups->n] = group->count;
                groups->first[groups->n] = group->first;
                groups->last[groups->n] = group->last;
        }
        if (groups->n == 0) {
                (void) snprintf(groups->sample, sizeof(groups->sample), "%s", group->sample);
                groups->priority = group->priority;
        }
        groups->n++;
        return 0;
}

Test(history_book, errors_add_up) {
        ErrorGroup group = group_of("web", UINT64_MAX, BEGIN + 5), other = group_of("web", 7, BEGIN + 6);
        ErrorGroup cup = group_of("cup", 7, BEGIN + 7);
        Groups all = {}, web = {};

        group.message_id = "abc";
        group.code_func = "run";
        cr_assert_eq(history_add_error(history, &group), 0);
        cr_assert_eq(history_add_error(history, &other), 0);
        cr_assert_eq(history_add_error(history, &cup), 0);
        group = (ErrorGroup) { .service = "web", .fingerprint = UINT64_MAX, .sample = "cannot open 8", .priority = 2,
                               .count = 3, .first = BEGIN + 1, .last = BEGIN + 9, .cursor = "s=2" };
        cr_assert_eq(history_add_error(history, &group), 0);
        history_reopen();
        cr_expect_eq(history_each_error(history, NULL, 100, take_group, &all), 3);
        cr_expect_eq(all.fingerprints[0], UINT64_MAX);
        cr_expect_eq(all.counts[0], 4);
        cr_expect_eq(all.first[0], BEGIN + 1);
        cr_expect_eq(all.last[0], BEGIN + 9);
        cr_expect_str_eq(all.sample, "cannot open 8");
        cr_expect_eq(all.priority, 2);
        cr_expect_eq(all.fingerprints[1], 7);
        cr_expect_eq(all.last[1], BEGIN + 7);
        cr_expect_eq(history_each_error(history, "web", 100, take_group, &web), 2);
        cr_expect_eq(web.last[1], BEGIN + 6);
        cr_expect_eq(history_each_error(history, "web", 1, take_group, &(Groups) {}), 1);
        cr_expect_eq(history_each_error(history, "nobody", 100, take_group, &(Groups) {}), 0);
}

static int compare_group(const ErrorGroup *group, void *userdata) {
        cr_expect_str_eq(group->service, "web");
        cr_expect_str_eq(group->message, "cannot open #");
        cr_expect_str_eq(group->message_id, "abc");
        cr_expect_str_eq(group->code_func, "run");
        cr_expect_str_eq(group->cursor, "s=1");
        return 0;
}

Test(history_book, an_error_comes_back_as_it_was) {
        ErrorGroup group = group_of("web", 1, BEGIN);
        _cleanup_(freep) char *too_long = text_of(HISTORY_STRING_MAX + 1);

        group.message_id = "abc";
        group.code_func = "run";
        cr_assert_eq(history_add_error(history, &group), 0);
        cr_expect_eq(history_each_error(history, "web", 9, compare_group, NULL), 1);
        group.sample = too_long;
        cr_expect_eq(history_add_error(history, &group), -EFBIG);
        group = group_of("", 1, BEGIN);
        cr_expect_eq(history_add_error(history, &group), -EINVAL);
        group = group_of(NULL, 1, BEGIN);
        cr_expect_eq(history_add_error(history, &group), -EINVAL);
}

/* The one seen longest ago goes; other services' stay. */
Test(history_book, a_service_has_so_many_groups) {
        ErrorGroup other = group_of("cup", 1, BEGIN), again;
        Groups groups = {};

        cr_assert_eq(history_begin(history), 0);
        cr_assert_eq(history_add_error(history, &other), 0);
        for (uint64_t i = 0; i < ERROR_GROUPS_MAX; i++) {
                ErrorGroup group = group_of("web", i, BEGIN + i);

                cr_assert_eq(history_add_error(history, &group), 0);
        }
        again = group_of("web", 0, BEGIN + 5000);
        cr_assert_eq(history_add_error(history, &again), 0);
        cr_assert_eq(history_commit(history), 0);
        cr_expect_eq(history_each_error(history, "web", SIZE_MAX, take_group, &groups), ERROR_GROUPS_MAX);
        again = group_of("web", 777777, BEGIN + 5001);
        cr_assert_eq(history_add_error(history, &again), 0);
        groups = (Groups) {};
        cr_expect_eq(history_each_error(history, "web", SIZE_MAX, take_group, &groups), ERROR_GROUPS_MAX);
        cr_expect_eq(groups.fingerprints[0], 777777);
        cr_expect_eq(groups.fingerprints[1], 0);
        cr_expect_eq(groups.counts[1], 2);
        cr_expect_eq(history_each_error(history, "cup", 9, take_group, &(Groups) {}), 1);
        settle(BEGIN + 31 * DAY);
        cr_expect_eq(history_each_error(history, NULL, SIZE_MAX, take_group, &(Groups) {}), 0);
}

/* --- Documents --- */

Test(history_book, texts) {
        _cleanup_(freep) char *fits = text_of(HISTORY_TEXT_MAX), *too_long = text_of(HISTORY_TEXT_MAX + 1);
        char name[HISTORY_NAME_MAX + 2] = {}, *text = NULL;

        memset(name, 'n', HISTORY_NAME_MAX + 1);
        for (int durable = 0; durable < 2; durable++) {
                cr_expect_eq(history_put_text(history, name, "a", durable), -EINVAL);
                cr_expect_eq(history_put_text(history, "", "a", durable), -EINVAL);
                cr_expect_eq(history_put_text(history, "a", too_long, durable), -EFBIG);
                cr_expect_eq(history_get_text(history, "a", &text), durable ? 0 : -ENODATA);
                cr_assert_eq(history_put_text(history, "a", durable ? "" : fits, durable), 0);
                history_reopen();
                free(TAKE_PTR(text));
                cr_assert_eq(history_get_text(history, "a", &text), 0);
                cr_expect(streq(text, durable ? "" : fits));
                free(TAKE_PTR(text));
        }
        name[HISTORY_NAME_MAX] = '\0';
        cr_expect_eq(history_put_text(history, name, "a", true), 0);
}

/* SQLite calls this one in place of libc's. */
static unsigned n_syncs;

_public_ int fdatasync(int fd) {
        n_syncs++;
        return (int) syscall(SYS_fdatasync, fd);
}

static unsigned syncs_since(void) {
        unsigned n = n_syncs;

        n_syncs = 0;
        return n;
}

Test(history_book, what_has_to_last_waits_for_the_disk) {
        HistorySample sample = no_sample("web");

        (void) syncs_since();
        cr_assert_eq(history_put_text(history, "a", "1", false), 0);
        cr_assert_eq(history_add_event(history, &(TimelineEvent) { .at = BEGIN }), 0);
        cr_assert_eq(history_add_tick(history, BEGIN, &sample, 1), 1);
        cr_expect_eq(syncs_since(), 0);
        cr_assert_eq(history_put_text(history, "a", "2", true), 0);
        cr_expect_gt(syncs_since(), 0);
        cr_assert_eq(history_put_alert(history, "a", BEGIN, 0, "{}"), 0);
        cr_expect_gt(syncs_since(), 0);
        cr_assert_eq(history_begin(history), 0);
        cr_assert_eq(history_put_text(history, "a", "3", true), 0);
        cr_expect_eq(syncs_since(), 0, "not before its commit");
        cr_assert_eq(history_commit(history), 0);
        cr_expect_gt(syncs_since(), 0);
        cr_assert_eq(history_put_text(history, "a", "4", false), 0);
        cr_expect_eq(syncs_since(), 0);
}

/* --- Alerts --- */

static int tell_alert(const char *id, bool active, const char *json, void *userdata) {
        char **told = userdata;

        return str_replace_printf(told, "%s%s%s=%s ", *told ?: "", id, active ? "!" : "", json);
}

static void expect_alerts(size_t limit, int n, const char *wanted) {
        _cleanup_(freep) char *told = NULL;

        cr_expect_eq(history_each_alert(history, limit, tell_alert, &told), n);
        cr_expect_str_eq(told ?: "", wanted);
}

Test(history_book, alerts) {
        _cleanup_(freep) char *fits = text_of(HISTORY_ALERT_MAX), *too_long = text_of(HISTORY_ALERT_MAX + 1);
        char id[HISTORY_NAME_MAX + 2] = {};

        expect_alerts(9, 0, "");
        cr_assert_eq(history_put_alert(history, "a", BEGIN, 0, "1"), 0);
        cr_assert_eq(history_put_alert(history, "b", BEGIN + 1, 0, "1"), 0);
        cr_assert_eq(history_put_alert(history, "c", BEGIN + 2, BEGIN + 3, "1"), 0);
        cr_assert_eq(history_put_alert(history, "a", BEGIN, BEGIN + 4, "2"), 0);
        expect_alerts(9, 3, "b!=1 a=2 c=1 ");
        expect_alerts(1, 2, "b!=1 a=2 ");
        expect_alerts(0, 1, "b!=1 ");
        history_reopen();
        expect_alerts(SIZE_MAX, 3, "b!=1 a=2 c=1 ");
        cr_expect_eq(history_put_alert(history, "d", BEGIN, 0, too_long), -EFBIG);
        cr_expect_eq(history_put_alert(history, "", BEGIN, 0, "1"), -EINVAL);
        memset(id, 'x', HISTORY_NAME_MAX + 1);
        cr_expect_eq(history_put_alert(history, id, BEGIN, 0, "1"), -EINVAL);
        expect_alerts(SIZE_MAX, 3, "b!=1 a=2 c=1 ");
        cr_expect_eq(history_put_alert(history, "d", BEGIN, 0, fits), 0);
}

static int count_alert(const char *id, bool active, const char *json, void *userdata) {
        size_t *n_active = userdata;

        *n_active += active;
        return 0;
}

Test(history_book, alerts_are_so_many_and_so_old) {
        size_t active = 0;
        char id[16];

        cr_assert_eq(history_begin(history), 0);
        for (uint64_t i = 0; i < HISTORY_ALERTS_MAX + 10; i++) {
                (void) snprintf(id, sizeof(id), "%zu", (size_t) i);
                cr_assert_eq(history_put_alert(history, id, BEGIN + i, i % 1000 == 5 ? 0 : BEGIN + i + 1, "{}"), 0);
        }
        cr_assert_eq(history_commit(history), 0);
        settle(BEGIN + HOUR);
        cr_expect_eq(history_each_alert(history, SIZE_MAX, count_alert, &active), HISTORY_ALERTS_MAX + 3);
        cr_expect_eq(active, 3);
        settle(BEGIN + 31 * DAY);
        cr_expect_eq(history_each_alert(history, SIZE_MAX, count_alert, &active), 3, "what is active stays");
}
