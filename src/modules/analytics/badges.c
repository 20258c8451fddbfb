/* SPDX-License-Identifier: MIT */

/* Badges: each has a rule over what its user did. Whoever asks for it is given it if the rule holds, once: an event of the
 * kind "badge", written in the transaction that has looked whether there is one. */

#include "analytics.h"

#include <inttypes.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

typedef enum Figure {
        FIGURE_CALLS,
        FIGURE_STREAK,
        FIGURE_PROVIDERS,
        FIGURE_DAYS,
        _FIGURE_MAX,
} Figure;

static const struct {
        const char *id, *name, *rule;
        Figure figure;
        int64_t threshold;
} badges[] = {
        { "first-call", "First call", "1 request answered with 2xx", FIGURE_CALLS, 1 },
        { "hundred-calls", "Hundred calls", "100 requests answered with 2xx", FIGURE_CALLS, 100 },
        { "thousand-calls", "Thousand calls", "1000 requests answered with 2xx", FIGURE_CALLS, 1000 },
        { "week-streak", "A week in a row", "active on 7 UTC days in a row", FIGURE_STREAK, 7 },
        { "month-streak", "A month in a row", "active on 30 UTC days in a row", FIGURE_STREAK, 30 },
        { "explorer", "Explorer", "answers of 3 different providers", FIGURE_PROVIDERS, 3 },
        { "regular", "Regular", "active on 50 UTC days", FIGURE_DAYS, 50 },
};

/* --- What there is --- */

#define AWARDED                                                                                                          \
        "awarded AS (SELECT user, json_extract(CASE WHEN json_valid(detail) THEN detail END, '$.badge') AS badge,"       \
        " min(at) AS at FROM event WHERE kind = 'badge' AND user IS NOT NULL GROUP BY 1, 2)"

static int awarded_at(Ledger *l, const char *user, const char *badge, int64_t *ret) {
        return ledger_number(l, ret, "WITH " AWARDED " SELECT at FROM awarded WHERE user = ?1 AND badge = ?2", "tt", user,
                             badge);
}

static int read_figures(Ledger *l, const char *user, int64_t ret[static _FIGURE_MAX]) {
        static const char *const questions[_FIGURE_MAX] = {
                [FIGURE_CALLS] = "SELECT count(*) FROM request WHERE user = ?1 AND " SUCCEEDED,
                [FIGURE_STREAK] = "WITH " ACTIVITY ", day AS (SELECT DISTINCT day FROM activity WHERE user = ?1 AND day <="
                                                   " ?2),"
                                  " run AS (SELECT day - row_number() OVER (ORDER BY day) AS start FROM day)"
                                  " SELECT max(n) FROM (SELECT count(*) AS n FROM run GROUP BY start)",
                [FIGURE_PROVIDERS] = "SELECT count(DISTINCT provider) FROM request q JOIN attempt a ON a.request = q.id"
                                     " WHERE q.user = ?1 AND a.total IS NOT NULL AND a.error IS NULL",
                [FIGURE_DAYS] = "WITH " ACTIVITY " SELECT count(DISTINCT day) FROM activity WHERE user = ?1 AND day <= ?2",
        };
        int r = 0;

        for (size_t i = 0; i < _FIGURE_MAX && r >= 0; i++)
                r = ledger_number(l, &ret[i], questions[i], strstr(questions[i], "?2") ? "ti" : "t", user, day_of_today());
        return r;
}

static Answer badge_to_answer(size_t i, int64_t value, int64_t at) {
        Answer badge = answer_new();

        answer_text(&badge, "id", badges[i].id);
        answer_text(&badge, "name", badges[i].name);
        answer_text(&badge, "rule", badges[i].rule);
        answer_number(&badge, "value", value);
        answer_number(&badge, "threshold", badges[i].threshold);
        answer_bool(&badge, "earned", value >= badges[i].threshold);
        answer_add(&badge, "awardedAt", json_time((uint64_t) at));
        return badge;
}

static void list_add(Answer *a, json_object *list, Answer *badge) {
        if (badge->error < 0 || !list || json_object_array_add(list, badge->json) < 0) {
                answer_done(badge);
                a->error = -ENOMEM;
        }
}

void add_badges(Answer *a, Ledger *l, const char *user) {
        json_object *awarded = json_object_new_array(), *open = json_object_new_array();
        int64_t figures[_FIGURE_MAX] = { 0 }, at;

        if (a->error >= 0)
                a->error = read_figures(l, user, figures);
        for (size_t i = 0; i < ELEMENTSOF(badges) && a->error >= 0; i++) {
                a->error = awarded_at(l, user, badges[i].id, &at);
                if (a->error >= 0) {
                        Answer badge = badge_to_answer(i, figures[badges[i].figure], at);

                        list_add(a, at > 0 ? awarded : open, &badge);
                }
        }
        answer_add(a, "badges", awarded);
        answer_add(a, "open", open);
        answer_text(a, "formula", "a badge is earned when value >= threshold, as its rule says; it is given by POST"
                                  " /api/v1/badges/award");
}

void add_badge_leaderboard(Answer *a, Ledger *l, unsigned long limit) {
        answer_rows(a, "leaderboard", l,
                    "WITH " AWARDED " SELECT rank() OVER (ORDER BY count(*) DESC) AS rank, user AS userId, count(*) AS"
                                    " badges,"
                    " max(at) AS \"lastAwardedAt:time\" FROM awarded WHERE badge IS NOT NULL GROUP BY user"
                    " ORDER BY badges DESC, max(at), user LIMIT ?1", "i", (int64_t) limit);
}

/* --- POST /api/v1/badges/award {userId, badge} --- */

/* 1 when it was given, 0 when the user had it or has not earned it. */
static int award(Ledger *l, const char *user, size_t i, const int64_t figures[static _FIGURE_MAX]) {
        _cleanup_(freep) char *detail = NULL;
        int64_t at, event;
        int r;

        r = awarded_at(l, user, badges[i].id, &at);
        if (r < 0 || at > 0 || figures[badges[i].figure] < badges[i].threshold)
                return r;
        detail = str_printf("{\"badge\":\"%s\",\"value\":%" PRIi64 ",\"threshold\":%" PRIi64 "}", badges[i].id,
                            figures[badges[i].figure], badges[i].threshold);
        if (!detail)
                return -ENOMEM;
        r = ledger_add_event(l, now_realtime_usec(), user, "badge", detail, &event);
        return r < 0 ? r : 1;
}

/* All that fit, as one transaction. given[i] says which ones were given. */
static int award_all(Ledger *l, const char *user, const char *id, bool given[static ELEMENTSOF(badges)],
                     int64_t ret_figures[static _FIGURE_MAX]) {
        int r = ledger_begin(l);

        if (r < 0)
                return r;
        r = read_figures(l, user, ret_figures);
        for (size_t i = 0; i < ELEMENTSOF(badges) && r >= 0; i++)
                if (!id || streq(id, badges[i].id)) {
                        r = award(l, user, i, ret_figures);
                        given[i] = r > 0;
                }
        if (r >= 0)
                r = ledger_commit(l);
        if (r < 0)
                ledger_rollback(l);
        return r;
}

static int reply_awarded(HttpRequest *request, Ledger *l, const char *user, const bool given[static ELEMENTSOF(badges)]) {
        json_object *list = json_object_new_array();
        Answer a = answer_new();
        int r;

        for (size_t i = 0; i < ELEMENTSOF(badges) && list; i++)
                if (given[i] && json_object_array_add(list, json_object_new_string(badges[i].id)) < 0)
                        a.error = -ENOMEM;
        answer_text(&a, "userId", user);
        answer_add(&a, "awarded", list);
        add_badges(&a, l, user);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

/* One badge that was asked for by name, neither given now nor before. */
static int refuse(HttpRequest *request, const char *user, size_t i, const int64_t figures[static _FIGURE_MAX]) {
        return http_reply_error(request, 409, "NOT_EARNED", "%s is not earned by %s yet: %s, so far %" PRIi64, badges[i].id,
                                user,
                                badges[i].rule, figures[badges[i].figure]);
}

static int award_and_reply(HttpRequest *request, Ledger *l, const char *user, const char *id) {
        bool given[ELEMENTSOF(badges)] = { false };
        int64_t figures[_FIGURE_MAX] = { 0 }, at;
        int r;

        r = award_all(l, user, id, given, figures);
        for (size_t i = 0; i < ELEMENTSOF(badges) && r >= 0 && id; i++) {
                if (!streq(id, badges[i].id) || given[i])
                        continue;
                r = awarded_at(l, user, id, &at);
                if (r >= 0 && at == 0)
                        return refuse(request, user, i, figures);
        }
        return r < 0 ? r : reply_awarded(request, l, user, given);
}

/* Without a badge: all that are earned. */
int post_award(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        const char *words[ELEMENTSOF(badges) + 2] = { NULL }, *user, *id;
        Analytics *analytics = userdata;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        for (size_t i = 0; i < ELEMENTSOF(badges); i++)
                words[i] = badges[i].id;
        words[ELEMENTSOF(badges)] = "all";
        if (body_name(request, body, "userId", true, &user) < 0 ||
            body_word(request, body, "badge", "all", words, &id) < 0 ||
            use_ledger(request, &analytics->ledger) < 0)
                return 0;
        return award_and_reply(request, analytics->ledger, user, streq(id, "all") ? NULL : id);
}
