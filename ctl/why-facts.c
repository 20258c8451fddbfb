/* SPDX-License-Identifier: MIT */
#include "why-facts.h"

#include <sys/stat.h>

#include "basic/time-util.h"
#include "health.h"
#include "shared/metrics-bus.h"
#include "shared/port-owner.h"
#include "shared/strv.h"
#include "shared/unit-state.h"

#define FIELD(f) offsetof(Why, f)

/* The same restart stands in metricsd's timeline a little earlier or later than in the journal. */
#define SAME_CHANGE_USEC (2 * USEC_PER_SEC)

static const BusProperty service_properties[] = {
        { SYSTEMD_SERVICE, "Result", "s", FIELD(result) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
        { SYSTEMD_SERVICE, "ExecMainCode", "i", FIELD(facts.code) },
        { SYSTEMD_SERVICE, "ExecMainStatus", "i", FIELD(facts.status) },
        { SYSTEMD_SERVICE, "MainPID", "u", FIELD(facts.pid) },
        { SYSTEMD_SERVICE, "NRestarts", "u", FIELD(facts.restarts) },
        { SYSTEMD_UNIT, "StartLimitBurst", "u", FIELD(facts.burst) },
        { SYSTEMD_UNIT, "InactiveExitTimestamp", "t", FIELD(inactive_exit) },
        { SYSTEMD_UNIT, "ActiveEnterTimestamp", "t", FIELD(active_enter) },
        { SYSTEMD_UNIT, "StateChangeTimestamp", "t", FIELD(state_change) },
        { SYSTEMD_UNIT, "InvocationID", "ay", FIELD(invocation) },
        { SYSTEMD_UNIT, "Requires", "as", FIELD(required) },
        { SYSTEMD_UNIT, "Requisite", "as", FIELD(requisite) },
        { SYSTEMD_UNIT, "BindsTo", "as", FIELD(bound) },
};

static const BusProperty socket_properties[] = {
        { SYSTEMD_SOCKET, "Result", "s", FIELD(socket_result) },
};

void why_done(Why *why) {
        char *const strings[] = {
                why->load_error, why->result, why->status_text, why->socket_result, why->port_owner, why->condition,
                why->explanation, why->dependency, why->dependency_state, why->dependency_reason, why->change.kind,
                why->change.service, why->change.cause, why->change.text,
        };

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                free(strings[i]);
        for (size_t i = 0; i < why->n_lines; i++) {
                free(why->lines[i].message);
                free(why->lines[i].job_type);
                free(why->lines[i].job_result);
                free(why->lines[i].event);
        }
        free(why->lines);
        strv_free(why->required);
        strv_free(why->requisite);
        strv_free(why->bound);
        status_report_done(&why->report);
}

/* --- systemd's and metricsd's words ---------------------------------------------------------------------------- */

static int on_load_error(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *text;
        Why *why = userdata;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "(ss)", NULL, &text) < 0)
                return 0;
        return *text ? str_replace(&why->load_error, text) : 0;
}

/* Why a unit file is not valid; of a type that BusProperty does not have. */
static int ask_load_error(BusBatch *batch, const char *path, Why *why) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(batch->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_UNIT, "LoadError");
        return r < 0 ? r : bus_batch_call(batch, m, 0, on_load_error, why);
}

static int ask_units(BusBatch *batch, Why *why) {
        const Service *s = why->service;
        _cleanup_(freep) char *path = bus_unit_path(s->unit), *socket = s->socket ? bus_unit_path(s->socket) : NULL;
        int r;

        if (!path || (s->socket && !socket))
                return -ENOMEM;
        r = bus_batch_hold_unit(batch, s->unit);
        if (r >= 0)
                r = bus_batch_unit_properties(batch, path, service_properties, ELEMENTSOF(service_properties), why);
        if (r >= 0)
                r = ask_load_error(batch, path, why);
        if (r >= 0 && socket)
                r = bus_batch_unit_properties(batch, socket, socket_properties, ELEMENTSOF(socket_properties), why);
        return r;
}

static int ask_first(sd_bus *bus, Why *why) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        int r;

        why->report.services = calloc(1, sizeof(ServiceStatus));
        if (!why->report.services)
                return -ENOMEM;
        why->report.n = 1;
        why->report.services->service = why->service;
        r = ask_units(&batch, why);
        if (r >= 0)
                r = health_ask(&batch, &why->report);
        if (r >= 0)
                r = host_status_ask(&batch, why->service->id, &why->report.services->host);
        return r < 0 ? r : bus_batch_wait(&batch);
}

static int on_explained(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *condition, *explanation, *kind, *service, *cause, *text;
        WhyChange *change;
        Why *why = userdata;
        uint64_t at;

        /* It does not run, does not watch this one, or is of another version: then it is not known. */
        if (sd_bus_message_is_method_error(m, NULL) ||
            sd_bus_message_read(m, "sstssss", &condition, &explanation, &at, &kind, &service, &cause, &text) < 0)
                return 0;
        change = &why->change;
        if (str_replace(&why->condition, condition) < 0 || str_replace(&why->explanation, explanation) < 0 ||
            str_replace(&change->kind, kind) < 0 || str_replace(&change->service, service) < 0 ||
            str_replace(&change->cause, cause) < 0 || str_replace(&change->text, text) < 0)
                return -ENOMEM;
        change->at = at;
        return 0;
}

static int ask_metricsd(sd_bus *bus, Why *why, uint64_t before) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, METRICS_BUS_NAME, METRICS_BUS_PATH, METRICS_BUS_INTERFACE, "Explain");
        if (r >= 0)
                r = sd_bus_message_append(m, "st", why->service->id, before);
        if (r >= 0)
                r = bus_batch_call(&batch, m, USEC_PER_SEC, on_explained, why);
        return r < 0 ? r : bus_batch_wait(&batch);
}

/* --- What it needs --------------------------------------------------------------------------------------------- */

static bool is_down(const char *word) {
        return streq(word, "failed") || streq(word, "stopped") || streq(word, "masked") || streq(word, "restarting");
}

static int take_dependency(sd_bus *bus, Why *why, const char *unit, const char *word) {
        if (str_replace(&why->dependency, unit) < 0 || str_replace(&why->dependency_state, word) < 0)
                return -ENOMEM;
        return streq(word, "failed") || streq(word, "restarting") ?
               unit_failure_reason(bus, unit, &why->dependency_reason, NULL) : 0;
}

typedef struct Needed {
        char *load, *active, *sub;
} Needed;

static void needed_done(Needed *n) {
        free(n->load);
        free(n->active);
        free(n->sub);
}

/* 1 when it is down, and the reason then. */
static int look_at_unit(sd_bus *bus, Why *why, const char *unit) {
        static const BusProperty properties[] = {
                { SYSTEMD_UNIT, "LoadState", "s", offsetof(Needed, load) },
                { SYSTEMD_UNIT, "ActiveState", "s", offsetof(Needed, active) },
                { SYSTEMD_UNIT, "SubState", "s", offsetof(Needed, sub) },
        };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(freep) char *path = bus_unit_path(unit);
        _cleanup_(needed_done) Needed n = {};
        const char *word;
        int r;

        r = path ? bus_batch_unit_properties(&batch, path, properties, ELEMENTSOF(properties), &n) : -ENOMEM;
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                return r;
        word = streq(strempty(n.load), "not-found") ? "not found" : unit_state_word(n.load, n.active, n.sub, NULL);
        if (!is_down(word) && !streq(word, "not found"))
                return 0;
        r = take_dependency(bus, why, unit, word);
        return r < 0 ? r : 1;
}

static int look_at_units(sd_bus *bus, Why *why, char *const *units) {
        int r = 0;

        for (char *const *u = units; u && *u && r == 0; u++)
                if (!streq(*u, strempty(why->service->socket))) /* that has verdicts of its own */
                        r = look_at_unit(bus, why, *u);
        return r;
}

/* What it cannot do without comes first, then what stands in After= or Wants=. */
static int find_dependency(const Ctl *ctl, Why *why) {
        int r;

        r = look_at_units(ctl->bus, why, why->requisite);
        if (r == 0)
                r = look_at_units(ctl->bus, why, why->bound);
        if (r == 0)
                r = look_at_units(ctl->bus, why, why->required);
        STRV_FOREACH(need, why->service->needs) {
                const Service *s = registry_find(ctl->registry, *need);

                if (r == 0 && s && is_down(service_state_word(s))) {
                        r = take_dependency(ctl->bus, why, s->unit, service_state_word(s));
                        break;
                }
        }
        return MIN(r, 0);
}

/* --- What changed last ----------------------------------------------------------------------------------------- */

static int take_change(Why *why, uint64_t at, const char *kind, const char *text) {
        WhyChange *c = &why->change;

        if (at <= c->at)
                return 0;
        if (str_replace(&c->kind, kind) < 0 || str_replace(&c->service, why->service->id) < 0 ||
            str_replace(&c->cause, "") < 0 || str_replace(&c->text, text) < 0)
                return -ENOMEM;
        c->at = at;
        return 0;
}

/* The journal knows of this service alone, and not who did it. But metricsd keeps no start of what was stopped, and nothing
 * while it does not run; so what stands in the journal later than its own words has a say. */
static int change_of_journal(Why *why, uint64_t before) {
        const WhyLine *line = why_last_change(why->lines, why->n_lines, before);

        if (!line || line->time <= why->change.at + SAME_CHANGE_USEC)
                return 0;
        return take_change(why, line->time, line->event ? "reload" : line->job_type, line->message);
}

static int change_of_file(Why *why, const char *path, uint64_t before) {
        _cleanup_(freep) char *text = NULL;
        struct stat st;
        uint64_t at;

        if (!path || stat(path, &st) < 0)
                return 0;
        at = (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) st.st_mtim.tv_nsec / NSEC_PER_USEC;
        if (at > before)
                return 0;
        text = str_printf("%s was changed", path);
        return text ? take_change(why, at, "unit-file", text) : -ENOMEM;
}

/* A change of a unit file a month ago is the reason for nothing. */
static int find_change(Why *why, uint64_t before) {
        uint64_t floor = before > 24 * 3600 * USEC_PER_SEC ? before - 24 * 3600 * USEC_PER_SEC : 0;
        int r;

        r = change_of_journal(why, before);
        if (r >= 0)
                r = change_of_file(why, why->service->fragment_path, before);
        STRV_FOREACH(path, why->service->drop_in_paths)
                if (r >= 0)
                        r = change_of_file(why, *path, before);
        if (why->change.at < floor)
                why->change.at = 0;
        return r;
}

/* --- All of it ------------------------------------------------------------------------------------------------- */

static void find_port_owner(Why *why) {
        const Service *s = why->service;

        if (s->port > 0 && (s->socket_state ? streq(s->socket_state, "failed") : !service_is_active(s)))
                why->port_owner = port_owner_describe(s->port);
}

static void set_facts(Why *why) {
        const ServiceStatus *st = why->report.services;
        const Service *s = why->service;
        WhyFacts *f = &why->facts;

        f->id = s->id;
        f->unit = s->unit;
        f->socket = s->socket;
        f->load_state = s->load_state;
        f->load_error = why->load_error;
        f->active_state = s->active_state;
        f->sub_state = s->sub_state;
        f->fragment_path = s->fragment_path;
        f->result = why->result;
        f->status_text = why->status_text;
        f->has_run = why->inactive_exit > 0 || f->job_type; /* systemd forgets what nothing refers to */
        f->was_ready = why->active_enter > 0 && why->active_enter >= why->inactive_exit;
        f->socket_state = s->socket_state;
        f->socket_result = why->socket_result;
        f->port_owner = why->port_owner;
        f->dependency = why->dependency;
        f->dependency_state = why->dependency_state;
        f->dependency_reason = why->dependency_reason;
        f->host_hangs = st->host.hangs;
        f->generation = st->host.generation;
        f->host_problem = st->host.last_problem;
        f->health = st->health;
        f->problem = st->health_problem;
        f->condition = why->condition;
}

int why_gather(const Ctl *ctl, const Service *service, Why *ret) {
        const WhyLine *job;
        int r;

        ret->service = service;
        r = ask_first(ctl->bus, ret);
        if (r < 0)
                return r;
        ret->since = service_is_active(service) && ret->active_enter > 0 ? ret->active_enter : ret->state_change;
        /* What came before it went down; or, of one that runs, before now. */
        ret->until = service_is_active(service) || ret->since == 0 ? now_realtime_usec() : ret->since;
        r = ask_metricsd(ctl->bus, ret, ret->until);
        if (r >= 0)
                r = find_dependency(ctl, ret);
        if (r >= 0)
                r = why_read_journal(ret);
        if (r >= 0)
                r = find_change(ret, ret->until);
        find_port_owner(ret);
        set_facts(ret);
        if (ret->since == 0 && (job = why_last_job(ret->lines, ret->n_lines)))
                ret->since = job->time;
        return r;
}
