/* SPDX-License-Identifier: MIT */

/* Limits, and what was used of them: GET and PUT /api/v1/budget, /budget/history, /budget/can-afford. */

#include "budget.h"

#include <limits.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "shared/provider-file.h"

#define HISTORY_USUAL 30
#define LIMIT_MAX 1000
#define LIMITS_USUAL 100

static const char *const scopes[] = { "total", "key", "user", "provider", NULL };
static const char *const windows[] = { "minute", "day", "month", NULL };

/* --- One limit --- */

/* What is reserved may still be spent, so it counts wherever something is decided; sums of the ledger cannot overflow
 * here. */
static int64_t committed(const LedgerLimit *limit) {
        return limit->settled + limit->reserved;
}

void add_limit(Answer *a, const LedgerLimit *limit) {
        int64_t most = limit->hard > 0 ? limit->hard : limit->soft, left = most - committed(limit);

        answer_text(a, "scope", limit->scope);
        answer_text(a, "subject", *limit->subject ? limit->subject : NULL);
        answer_text(a, "window", limit->window);
        answer_add(a, "from", json_time(limit->begins));
        answer_add(a, "resets", json_time(limit->ends));
        answer_add(a, "used", json_usd(limit->settled));
        answer_add(a, "reserved", json_usd(limit->reserved));
        answer_number(a, "calls", limit->calls);
        answer_add(a, "limit", most > 0 ? json_usd(most) : NULL);
        answer_add(a, "hardLimit", limit->hard > 0 ? json_usd(limit->hard) : NULL);
        answer_add(a, "softLimit", limit->soft > 0 ? json_usd(limit->soft) : NULL);
        answer_add(a, "remaining", most > 0 ? json_usd(MAX(left, 0)) : NULL);
        answer_add(a, "percent", most > 0 ? json_rounded(100.0 * (double) committed(limit) / (double) most) : NULL);
        answer_bool(a, "warning", limit->soft > 0 && committed(limit) >= limit->soft);
        answer_bool(a, "blocked", limit->hard > 0 && committed(limit) >= limit->hard);
}

/* --- GET /api/v1/budget?scope&subject&window --- */

static int refuse_subject(HttpRequest *request, const char *code, const char *scope) {
        if (streq(scope, "total"))
                (void) http_reply_error(request, 400, code, "subject: none is expected where the scope is total");
        else
                (void) http_reply_error(request, 400, code, "subject: the name of a %s is expected", scope);
        return -EBADMSG;
}

static int read_subject(HttpRequest *request, LedgerLimit *ret) {
        if (query_word(request, "scope", "total", scopes, &ret->scope) < 0 ||
            query_word(request, "window", "day", windows, &ret->window) < 0 ||
            query_name(request, "subject", "", &ret->subject) < 0)
                return -EBADMSG;
        if (streq(ret->scope, "total") != !*ret->subject)
                return refuse_subject(request, "INVALID_QUERY", ret->scope);
        return 0;
}

typedef struct Listing {
        json_object *list;
        unsigned long room;
        int64_t total;
} Listing;

static int list_limit(const LedgerLimit *limit, void *userdata) {
        Listing *listing = userdata;
        Answer one;

        listing->total++;
        if (listing->room == 0)
                return 0;
        listing->room--;
        one = answer_new();
        add_limit(&one, limit);
        if (one.error >= 0 && json_object_array_add(listing->list, one.json) >= 0)
                return 0;
        answer_done(&one);
        return -ENOMEM;
}

static void add_limits(Answer *a, Ledger *l, unsigned long room, uint64_t now) {
        Listing listing = { .list = json_object_new_array(), .room = room };
        int r = listing.list ? ledger_limits(l, now, list_limit, &listing) : -ENOMEM;

        answer_add(a, "limits", listing.list);
        answer_number(a, "totalLimits", listing.total);
        if (r < 0)
                a->error = r;
}

static int reply_budget(HttpRequest *request, Ledger *l, const LedgerLimit *of, unsigned long room) {
        Answer a = answer_new(), budget = answer_new();
        uint64_t now = now_realtime_usec();
        LedgerLimit limit = { .scope = of->scope, .subject = of->subject, .window = of->window };
        int r;

        budget.error = ledger_usage(l, of->scope, of->subject, of->window, now, &limit);
        if (budget.error >= 0)
                add_limit(&budget, &limit);
        answer_object(&a, "budget", &budget);
        if (a.error >= 0)
                add_limits(&a, l, room, now);
        answer_text(&a, "formula", "percent = 100 x (used + reserved) / limit; limit is the hard one, else the soft one;"
                                   " warning: used +"
                    " reserved has reached the soft limit; blocked: it has reached the hard one");
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}

int get_budget(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;
        unsigned long room;
        LedgerLimit of;

        if (read_subject(request, &of) < 0 || query_number(request, "limit", LIMITS_USUAL, 1, LIMIT_MAX, &room) < 0 ||
            use_ledger(request, &budget->ledger) < 0)
                return 0;
        return reply_budget(request, budget->ledger, &of, room);
}

/* --- PUT /api/v1/budget {limit, softLimit, scope, subject, window} --- */

/* A limit for a name that is misspelt would never hold anybody. Users need not be known before their first call. */
static int check_subject(HttpRequest *request, Ledger *l, const LedgerLimit *limit) {
        _cleanup_(freep) char *directory = NULL, *path = NULL;
        int64_t known = 1;
        int r = 0;

        if (streq(limit->scope, "key"))
                r = ledger_number(l, &known, "SELECT count(*) FROM gateway_key WHERE name = ?1", "t", limit->subject);
        else if (streq(limit->scope, "provider")) {
                r = provider_directory(&directory);
                if (r >= 0 && !(path = str_printf("%s/%s.json", directory, limit->subject)))
                        r = -ENOMEM;
                if (r >= 0)
                        known = !strchr(limit->subject, '/') && access(path, F_OK) == 0;
        }
        if (r < 0 || known)
                return r;
        (void) http_reply_error(request, 400, "INVALID_FIELD", "subject: there is no %s %s", limit->scope, limit->subject);
        return -EBADMSG;
}

static int read_limit(HttpRequest *request, json_object *body, LedgerLimit *ret) {
        if (!json_object_object_get_ex(body, "limit", NULL) && !json_object_object_get_ex(body, "softLimit", NULL)) {
                (void) http_reply_error(request, 400, "INVALID_FIELD", "limit: USD are expected, or null for none");
                return -EBADMSG;
        }
        if (body_usd(request, body, "limit", 0, 1, &ret->hard) < 0 ||
            body_usd(request, body, "softLimit", 0, 1, &ret->soft) < 0 ||
            body_word(request, body, "scope", "total", scopes, &ret->scope) < 0 ||
            body_word(request, body, "window", "day", windows, &ret->window) < 0 ||
            body_name(request, body, "subject", false, &ret->subject) < 0)
                return -EBADMSG;
        if (!ret->subject)
                ret->subject = "";
        if (streq(ret->scope, "total") != !*ret->subject)
                return refuse_subject(request, "INVALID_FIELD", ret->scope);
        if (ret->hard > 0 && ret->soft > ret->hard) {
                (void) http_reply_error(request, 400, "INVALID_FIELD", "softLimit: no more than limit is expected");
                return -EBADMSG;
        }
        return 0;
}

int put_budget(HttpRequest *request, void *userdata) {
        _cleanup_(json_object_putp) json_object *body = NULL;
        LedgerLimit limit = { .hard = 0 };
        Budget *budget = userdata;
        int r;

        r = http_request_json(request, &body);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        if (read_limit(request, body, &limit) < 0 || use_ledger(request, &budget->ledger) < 0)
                return 0;
        if (limit.hard > 0 || limit.soft > 0)
                r = check_subject(request, budget->ledger, &limit);
        if (r == -EBADMSG)
                return 0;
        if (r >= 0)
                r = ledger_set_limit(budget->ledger, &limit);
        if (r < 0)
                return r;
        budget_changed(budget);
        return reply_budget(request, budget->ledger, &limit, LIMITS_USUAL);
}

/* --- GET /api/v1/budget/history?scope&subject&window&limit --- */

int get_history(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;
        unsigned long rows;
        LedgerLimit of;
        Answer a;
        int r;

        if (read_subject(request, &of) < 0 || query_number(request, "limit", HISTORY_USUAL, 1, LIMIT_MAX, &rows) < 0 ||
            use_ledger(request, &budget->ledger) < 0)
                return 0;
        a = answer_new();
        answer_text(&a, "scope", of.scope);
        answer_text(&a, "subject", *of.subject ? of.subject : NULL);
        answer_text(&a, "window", of.window);
        answer_rows(&a, "history", budget->ledger,
                    "SELECT begins AS \"from:time\", settled AS \"used:usd\", reserved AS \"reserved:usd\", calls FROM spent"
                    " WHERE scope = ?1 AND subject = ?2 AND window = ?3 ORDER BY begins DESC LIMIT ?4",
                    "ttti", of.scope, of.subject, of.window, (int64_t) rows);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}
