/* SPDX-License-Identifier: MIT */
#include "alert-world.h"

#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <string.h>

#include "shared/strv.h"

World world;
History *history;
AlertTime now;
AlertEngine *engine;
json_object *trigger_result;
static json_object *status;

/* --- What the engine asks --- */

static bool facts(const char *service, AlertFacts *ret, void *userdata) {
        if (!streq(service, "training") && !streq(service, "meta") && !streq(service, "coach") &&
            !streq(service, "metricsd") && service[0] != 's')
                return false;
        if (world.gone && streq(service, world.gone))
                return false;
        *ret = (AlertFacts) { .condition = world.condition, .failure = "", .invocation_id = "0123456789abcdef",
                              .restarted_at = world.restarted_at, .is_self = streq(service, "metricsd") };
        return true;
}

static bool fleet(unsigned *ret_unhealthy, unsigned *ret_total, void *userdata) {
        *ret_unhealthy = world.unhealthy;
        *ret_total = world.total;
        return !world.unknown;
}

static int unhealthy(char ***ret_ids, void *userdata) {
        char **ids = NULL, id[16];

        for (unsigned i = 0; i < world.unhealthy; i++) {
                (void) snprintf(id, sizeof(id), "s%u", i);
                cr_assert_eq(strv_extend(&ids, id), 0);
        }
        *ret_ids = ids;
        return 0;
}

static bool dependency(const char *service, const char **ret_id, void *userdata) {
        if (!streq(service, "coach") || !world.down)
                return false;
        *ret_id = world.down;
        return true;
}

static int act(unsigned ticket, AlertActionRequest *request, void *userdata) {
        cr_assert(request->alert);
        (void) snprintf(world.last_params, sizeof(world.last_params), "%s",
                        request->params ? json_object_to_json_string_ext(request->params, JSON_C_TO_STRING_PLAIN) : "");
        if (request->type == ACTION_NOTIFY) {
                world.notices++;
                world.ends += request->resolved;
                world.last_notice = ticket;
                (void) snprintf(world.last_told, sizeof(world.last_told), "%s", text_of(request->alert, "status"));
                return world.act_result;
        }
        world.acts++;
        world.writes = fake_history_writes(history);
        world.last_ticket = ticket;
        world.last_action = request->type;
        (void) snprintf(world.last_service, sizeof(world.last_service), "%s", request->service ? request->service : "");
        return world.act_result;
}

static void give_up(unsigned ticket, void *userdata) {
        world.given_up++;
}

static void check(const char *service, void *userdata) {
        world.checks++;
}

static void evidence(const char *service, AlertEvidence *e, void *userdata) {
        e->journal = json_tokener_parse("[\"a line\"]");
        e->first_cursor = strdup("first");
        e->last_cursor = strdup("last");
}

static json_object *preceded(const char *service, uint64_t at, void *userdata) {
        return service && streq(service, "meta") ? json_tokener_parse("{\"kind\":\"reload\",\"secondsBefore\":12}") : NULL;
}

static void noted(const AlertNote *note, void *userdata) {
        const char *code = note->deed && note->deed->refused ? safety_verdict_to_string(note->deed->verdict) : NULL;

        cr_assert_lt(world.n_notes, ELEMENTSOF(world.notes));
        cr_assert(*note->text);
        cr_assert_eq(note->reason != NULL, streq(note->cause, "refused") || streq(note->cause, "failed"));
        (void) snprintf(world.notes[world.n_notes++], sizeof(world.notes[0]), "%s %s %s%s%s",
                        note->kind == EVENT_ALERT ? "alert" : "remediation", note->cause,
                        note->alert->service ? note->alert->service : "fleet", code ? ": " : "", code ? code : "");
}

static void changed(void *userdata) {
        world.changes++;
}

static const AlertHooks hooks = {
        .facts = facts,
        .fleet = fleet,
        .unhealthy = unhealthy,
        .dependency = dependency,
        .act = act,
        .give_up = give_up,
        .check = check,
        .evidence = evidence,
        .preceded = preceded,
        .noted = noted,
        .changed = changed,
};

/* --- Begin and end --- */

static void open_engine(void) {
        AlertBook *book;

        cr_assert_eq(alert_book_open(history, now, &book), 0);
        cr_assert_eq(alert_engine_new(book, &hooks, NULL, now, &engine), 0);
}

void set_up(void) {
        world = (World) { .condition = FLEET_RUNNING, .total = 13 };
        now = (AlertTime) { .monotonic = 1000 * MINUTE, .realtime = UINT64_C(1700000000) * SECOND };
        history = fake_history_new();
        open_engine();
        while (alert_engine_book(engine)->n_rules > 0)
                cr_assert_eq(alert_engine_delete_rule(engine, alert_engine_book(engine)->rules[0]->id, now), 0);
}

void tear_down(void) {
        engine = alert_engine_free(engine);
        history = fake_history_free(history);
        json_object_put(world.done_alert);
        json_object_put(trigger_result);
        json_object_put(status);
        trigger_result = status = NULL;
}

void restart_metricsd(void) {
        engine = alert_engine_free(engine);
        open_engine();
}

/* --- What happens --- */

void pass(uint64_t usec) {
        now.monotonic += usec;
        now.realtime += usec;
}

void add_rule(const char *id, const char *more) {
        _cleanup_(freep) char *text = NULL, *problem = NULL;
        _cleanup_(json_object_putp) json_object *json = NULL, *over = json_tokener_parse(more);
        _cleanup_(alert_rule_freep) AlertRule *rule = NULL;
        const AlertRule *kept;

        text = str_printf("{\"id\":\"%s\",\"metric\":\"service.responseTime\",\"operator\":\">\",\"threshold\":100,"
                          "\"severity\":\"warning\",\"action\":\"restart-service\",\"margin\":0}", id);
        json = json_tokener_parse(text);
        cr_assert(json && over, "%s", more);
        json_object_object_foreach(over, name, value) {
                (void) json_object_object_add(json, name, json_object_get(value));
        }
        cr_assert_eq(alert_rule_from_json(json, NULL, NULL, &rule, &problem), 0, "%s", strna(problem));
        cr_assert_eq(alert_engine_put_rule(engine, &rule, now, &kept), 0);
}

void silence(const char *service, const char *rule, uint64_t span) {
        AlertSilence *s = calloc(1, sizeof(AlertSilence));
        const AlertSilence *kept;

        s->service = service ? strdup(service) : NULL;
        s->rule = rule ? strdup(rule) : NULL;
        s->reason = strdup("a move");
        s->created = now.realtime;
        s->until = now.realtime + span;
        cr_assert_eq(alert_book_add_silence(alert_engine_book(engine), &s, now, &kept), 0);
}

void observe(const char *service, double ms) {
        alert_engine_observe(engine, METRIC_RESPONSE_TIME, service, ms, now);
}

void observe_health(const char *service, double health) {
        alert_engine_observe(engine, METRIC_HEALTH, service, health, now);
}

void job_over(const char *problem) {
        alert_engine_job_over(engine, world.last_ticket, problem, now);
}

void notice_over(const char *problem) {
        alert_engine_job_over(engine, world.last_notice, problem, now);
}

void restart_succeeds(const char *service) {
        job_over(NULL);
        observe_health(service, 1);
}

static void done(json_object *alert, void *userdata) {
        world.dones++;
        json_object_put(world.done_alert);
        world.done_alert = alert;
}

int trigger(double value, const char *service, bool dry_run) {
        AlertTrigger t = { .metric = METRIC_RESPONSE_TIME, .value = value, .service = service, .dry_run = dry_run };

        json_object_put(trigger_result);
        trigger_result = NULL;
        return alert_engine_trigger(engine, &t, now, done, NULL, &trigger_result);
}

/* --- What is seen of it --- */

static json_object *list(const char *name) {
        json_object *l;

        json_object_put(status);
        status = alert_engine_status_to_json(engine, 500);
        cr_assert(json_object_object_get_ex(status, name, &l));
        return l;
}

size_t n_active(void) {
        return json_object_array_length(list("active"));
}

size_t n_history(void) {
        return json_object_array_length(list("history"));
}

json_object *nth(const char *name, size_t i) {
        json_object *l = list(name);

        cr_assert_lt(i, json_object_array_length(l));
        return json_object_array_get_idx(l, i);
}

const char *text_of(json_object *alert, const char *name) {
        json_object *value;

        return json_object_object_get_ex(alert, name, &value) && value ? json_object_get_string(value) : "";
}

const char *active(const char *name) {
        return text_of(nth("active", 0), name);
}

const char *past(const char *name) {
        return text_of(nth("history", 0), name);
}

unsigned n_notes(const char *begin) {
        unsigned n = 0;

        for (unsigned i = 0; i < world.n_notes; i++)
                n += startswith(world.notes[i], begin) != NULL;
        return n;
}
