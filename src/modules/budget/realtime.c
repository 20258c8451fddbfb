/* SPDX-License-Identifier: MIT */

/* GET /api/v1/providers/realtime: Server-Sent Events "status", one at the start and one for each change of the ledger: the
 * providers, the total budget of the day, the calls that run and the last ones that ended. Made once for all streams. */

#include "budget.h"

#include "basic/time-util.h"
#include "shared/log.h"

#define CALLS_MAX "50"
/* At most that often, and never more than a twentieth of the time. */
#define PAUSE_USEC (100 * USEC_PER_MSEC)
#define PAUSE_FACTOR 20

typedef struct Seen {
        uint64_t version;    /* of what the client was sent */
        uint64_t generation; /* which counts versions from 1 */
} Seen;

void budget_changed(Budget *budget) {
        budget->stale = true;
        service_wake_streams(budget->service, REALTIME_PATH);
}

static void on_changed(void *userdata) {
        budget_changed(userdata);
}

static void add_total(Answer *a, Ledger *l) {
        Answer budget = answer_new();
        LedgerLimit limit = { .scope = "total", .subject = "", .window = "day" };

        budget.error = ledger_usage(l, "total", "", "day", now_realtime_usec(), &limit);
        if (budget.error >= 0)
                add_limit(&budget, &limit);
        answer_object(a, "budget", &budget);
}

/* An attempt that runs has a reservation, and there are few of those. */
static Answer make_status(Ledger *l) {
        Answer a = answer_new();

        add_provider_status(&a, l, STATUS_HOURS);
        add_total(&a, l);
        answer_rows(&a, "running", l,
                    "SELECT r.request, r.n, provider, model, at AS \"startedAt:time\" FROM reservation r JOIN attempt a"
                    " ON a.request = r.request AND a.n = r.n WHERE total IS NULL ORDER BY at DESC LIMIT " CALLS_MAX, "");
        answer_rows(&a, "ended", l,
                    "SELECT request, n, provider, model, at AS \"startedAt:time\", status, error, total AS \"total:ms\","
                    " tokens_in AS tokensIn, tokens_out AS tokensOut, cost AS \"cost:usd\""
                    " FROM attempt WHERE total IS NOT NULL ORDER BY at DESC LIMIT " CALLS_MAX, "");
        return a;
}

static int refresh(Budget *budget) {
        uint64_t begun = now_usec();
        Answer a;
        int r;

        if (!budget->watch) {
                r = watch_new(service_event(budget->service), budget->ledger, on_changed, budget, &budget->watch);
                if (r < 0)
                        return r;
        }
        r = watch_arm(budget->watch);
        if (r < 0)
                return log_errno(r, "Cannot follow the ledger");
        a = make_status(budget->ledger);
        if (a.error < 0) {
                r = log_errno(a.error, "Cannot say what providers do");
                answer_done(&a);
                return r;
        }
        budget->stale = false;
        if (budget->shown && json_object_equal(a.json, budget->shown))
                answer_done(&a);
        else {
                json_object_put(budget->shown);
                budget->shown = a.json;
                budget->version++;
                r = sd_event_source_set_enabled(budget->wake, SD_EVENT_ONESHOT); /* for the other streams */
                if (r < 0)
                        return r;
        }
        return watch_wait(budget->watch, MAX(PAUSE_USEC, (now_usec() - begun) * PAUSE_FACTOR));
}

int get_realtime(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;

        if (use_ledger(request, &budget->ledger) < 0)
                return 0;
        return http_reply_stream(request, "text/event-stream", NULL);
}

static int next_status(HttpStream *stream, void *data, void *userdata) {
        Budget *budget = userdata;
        Seen *seen = data;
        bool begins = seen->generation != http_stream_generation(stream);
        int r = 0;

        if (!budget->ledger)
                r = open_unit_ledger(&budget->ledger);
        if (r >= 0 && (budget->stale || begins))
                r = refresh(budget);
        if (r < 0)
                return r;
        if (seen->version == budget->version && !begins)
                return 0;
        *seen = (Seen) { .version = budget->version, .generation = http_stream_generation(stream) };
        return http_stream_event(stream, "status",
                                 json_object_to_json_string_ext(budget->shown,
                                                                JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

const HttpStreamType realtime_stream = { .version = 1, .data_size = sizeof(Seen), .next = next_status };
