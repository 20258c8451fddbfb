/* SPDX-License-Identifier: MIT */

/* GET /api/v1/providers/status: every provider that there is a file of, or that was called, and how that went. */

#include "budget.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "shared/provider-file.h"
#include "shared/strv.h"

#define HOURS_MAX (366 * 24)
#define HEALTHY 0.9
#define DEGRADED 0.5

static const char formula[] =
        "status: healthy from a successRate of 0.9, degraded from 0.5, else failing; untried without a call that tells."
        " successRate ="
        " successful attempts / attempts, without those that the client or this side gave up; avgLatency: mean of the"
        " successful"
        " ones in ms; costPer1kTokens = 1000 x cost / tokens in and out";

/* One provider in the making. */
typedef struct Provider {
        const char *name;
        ProviderFile file;
        bool has_file, good_file, exhausted;
        char *fault;          /* of its file */
        json_object *figures; /* NULL for none */
        double rate;          /* -1: no call that tells */
} Provider;

static void provider_done(Provider *p) {
        provider_file_done(&p->file);
        free(p->fault);
}

/* --- What is known of it --- */

static int read_provider_file(const char *directory, Provider *p) {
        int r = provider_file_read(directory, p->name, &p->file, &p->fault);

        p->has_file = r != -ENOENT;
        p->good_file = r >= 0;
        if (r < 0 && r != -ENOENT && !p->fault) {
                p->fault = strdup(strerror(-r));
                if (!p->fault)
                        return -ENOMEM;
        }
        return r == -ENOMEM ? r : 0;
}

static int read_figures(json_object *all, Provider *p) {
        json_object *rate;

        p->rate = -1;
        if (json_object_object_get_ex(all, p->name, &p->figures) &&
            json_object_object_get_ex(p->figures, "successRate", &rate) &&
            rate)
                p->rate = json_object_get_double(rate);
        return 0;
}

static const char *status_of(const Provider *p) {
        if (!p->has_file)
                return "removed";
        if (!p->good_file)
                return "misconfigured";
        if (!p->file.enabled)
                return "disabled";
        if (p->exhausted)
                return "over-budget";
        if (p->rate < 0)
                return "untried";
        return p->rate >= HEALTHY ? "healthy" : p->rate >= DEGRADED ? "degraded" : "failing";
}

/* --- Telling it --- */

static json_object *models_of(const ProviderFile *file) {
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < file->n_models && list; i++)
                (void) json_object_array_add(list, json_object_new_string(file->models[i].name));
        return list;
}

static void add_state(Answer *status, const Provider *p, const char *preferred) {
        Answer state = answer_new();

        answer_bool(&state, "available", p->good_file && p->file.enabled && !p->exhausted);
        answer_bool(&state, "enabled", p->good_file && p->file.enabled);
        answer_text(&state, "status", status_of(p));
        answer_text(&state, "kind", p->good_file ? provider_kind_to_string(p->file.kind) : NULL);
        answer_text(&state, "model", p->file.n_models > 0 ? p->file.models[0].name : NULL);
        answer_add(&state, "models", models_of(&p->file));
        answer_bool(&state, "preferred", preferred && streq(preferred, p->name));
        if (p->fault)
                answer_text(&state, "error", p->fault);
        answer_object(status, p->name, &state);
}

static void add_figures(json_object *list, const Provider *p, Answer *a) {
        static const char *const fields[] = { "avgLatency", "successRate", "costPer1kTokens", "requestsProcessed",
                                              "tokensProcessed", "cost", "lastCall" };
        static const bool counted[] = { false, false, false, true, true, true, false };
        Answer row = answer_new();

        answer_text(&row, "name", p->name);
        answer_text(&row, "status", status_of(p));
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                json_object *value = p->figures ? json_object_get(json_object_object_get(p->figures, fields[i])) : NULL;

                answer_add(&row, fields[i], value ? value : counted[i] ? json_object_new_int64(0) : NULL);
        }
        if (row.error < 0 || json_object_array_add(list, row.json) < 0) {
                answer_done(&row);
                a->error = -ENOMEM;
        }
}

typedef struct Survey {
        Ledger *ledger;
        char *directory;
        json_object *figures; /* by name */
        char **names;
        char *preferred;
} Survey;

static void survey_done(Survey *s) {
        free(s->directory);
        json_object_put(s->figures);
        strv_free(s->names);
        free(s->preferred);
}

static int survey_one(const Survey *s, const char *name, Answer *status, json_object *list, Answer *a) {
        _cleanup_(provider_done) Provider p = { .name = name };
        int r;

        r = read_provider_file(s->directory, &p);
        if (r >= 0)
                r = read_figures(s->figures, &p);
        if (r >= 0)
                r = ledger_provider_exhausted(s->ledger, name, 1, now_realtime_usec(), &p.exhausted);
        if (r < 0)
                return r;
        add_state(status, &p, s->preferred);
        add_figures(list, &p, a);
        return 0;
}

/* The rows by their name, and the names of which there is no file. */
static int collect_figures(Survey *s, sqlite3_stmt *rows) {
        int r;

        while ((r = ledger_next(rows)) > 0) {
                const char *name = (const char *) sqlite3_column_text(rows, 0);
                json_object *row = row_to_json(rows);

                if (!name || !row || !json_add(s->figures, name, row))
                        return -ENOMEM;
                if (!strv_contains(s->names, name) && (r = strv_extend(&s->names, name)) < 0)
                        return r;
        }
        return r;
}

static int survey(Survey *s, Ledger *l, unsigned long hours) {
        _cleanup_(statement_finishp) sqlite3_stmt *rows = NULL;
        uint64_t since = now_realtime_usec() - hours * 3600 * USEC_PER_SEC;
        int r;

        s->ledger = l;
        s->figures = json_object_new_object();
        r = s->figures ? provider_directory(&s->directory) : -ENOMEM;
        if (r >= 0)
                r = provider_names(s->directory, &s->names);
        if (r >= 0)
                r = ledger_setting(l, LEDGER_SETTING_PREFERRED, &s->preferred);
        if (r >= 0)
                r = ledger_ask(l, &rows,
                               "SELECT provider AS name, avg(CASE WHEN " SUCCEEDED " THEN total END) AS \"avgLatency:ms\","
                               " " SUCCESS_RATE " AS \"successRate:number\", " COST_PER_1K " AS \"costPer1kTokens:usd\","
                               " count(*) AS requestsProcessed, sum(tokens_in + tokens_out) AS tokensProcessed,"
                               " sum(cost) AS \"cost:usd\", max(at) AS \"lastCall:time\""
                               " FROM attempt WHERE at >= ?1 AND " DONE " GROUP BY provider ORDER BY provider", "i",
                               (int64_t) since);
        return r < 0 ? r : collect_figures(s, rows);
}

void add_provider_status(Answer *a, Ledger *l, unsigned long hours) {
        _cleanup_(survey_done) Survey s = { .ledger = NULL };
        json_object *list = json_object_new_array();
        Answer status = answer_new();
        int r;

        r = list ? survey(&s, l, hours) : -ENOMEM;
        for (char **name = s.names; name && *name && r >= 0; name++)
                r = survey_one(&s, *name, &status, list, a);
        if (r >= 0 && !s.names)
                answer_text(a, "hint", "there is no provider yet: 'toolooctl provider add' makes one");
        if (r < 0)
                status.error = r;
        answer_object(a, "status", &status);
        answer_add(a, "providers", list);
        answer_text(a, "preferred", s.preferred);
}

int get_status(HttpRequest *request, void *userdata) {
        Budget *budget = userdata;
        unsigned long hours;
        Answer a;
        int r;

        if (query_number(request, "hours", STATUS_HOURS, 1, HOURS_MAX, &hours) < 0 ||
            use_ledger(request, &budget->ledger) < 0)
                return 0;
        a = answer_new();
        add_provider_status(&a, budget->ledger, hours);
        answer_number(&a, "hours", (int64_t) hours);
        answer_text(&a, "formula", formula);
        r = answer_send(request, &a);
        answer_done(&a);
        return r;
}
