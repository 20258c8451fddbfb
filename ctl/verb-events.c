/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "basic/time-util.h"
#include "event.h"
#include "live.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/service-bus.h"

/* So many of the past are shown unless more are asked for. */
#define PAST_LINES 20

/* What was shown of a service last; what is known at the beginning counts as shown. */
typedef struct Shown {
        char *id;
        char *word;   /* of its state */
        char *health;
        bool failure; /* the reason for its failure */
} Shown;

/* A job of systemd that is under way, and what it is. */
typedef struct Job {
        uint32_t number;
        char *type; /* NULL until systemd has said it */
        sd_bus_slot *slot;
        struct Job *next;
} Job;

typedef struct Events {
        Ctl *ctl;
        Live *live;
        Shown *shown; /* one for each selected service */
        Job *jobs;
        sd_bus_slot *job_new, *job_removed, *reloads;
        sd_event_source *reader;
        bool said_absent;
} Events;

static Job *job_free(Job *job) {
        (void) sd_bus_slot_unref(job->slot);
        free(job->type);
        free(job);
        return NULL;
}

static void events_done(Events *e) {
        (void) sd_event_source_disable_unref(e->reader);
        (void) sd_bus_slot_unref(e->job_new);
        (void) sd_bus_slot_unref(e->job_removed);
        (void) sd_bus_slot_unref(e->reloads);
        while (e->jobs) {
                Job *job = e->jobs;

                e->jobs = job->next;
                job_free(job);
        }
        live_free(e->live);
        for (size_t i = 0; e->shown && i < e->ctl->n_selected; i++) {
                free(e->shown[i].id);
                free(e->shown[i].word);
                free(e->shown[i].health);
        }
        free(e->shown);
}

static Shown *find_shown(const Events *e, const char *id) {
        for (size_t i = 0; i < e->ctl->n_selected; i++)
                if (streq(e->shown[i].id, id))
                        return e->shown + i;
        return NULL;
}

/* --- What goes wrong ------------------------------------------------------------------------------------------- */

static int finish(Ctl *ctl, int r) {
        if (r == -EPIPE || ferror(stdout)) {
                ctl->output_error = r; /* main() says it, but for "toolooctl events | head", which has seen enough */
                return r == -EPIPE ? CTL_OK : CTL_FAILED;
        }
        if (r == -ENODATA) {
                _cleanup_(freep) char *advice = journal_advice();

                log_error("%s", strna(advice));
                return CTL_FAILED;
        }
        (void) log_errno(r, "cannot show what happens");
        return CTL_FAILED;
}

static void end(Events *e, int r) {
        if (!e->live->ended)
                live_end(e->live, finish(e->ctl, r));
}

static void show(Events *e, const Event *event) {
        Event now = *event;
        int r;

        if (e->live->ended)
                return;
        now.time = now_realtime_usec();
        r = event_print(e->ctl, &now);
        if (r < 0)
                end(e, r);
}

/* --- States ---------------------------------------------------------------------------------------------------- */

static char *describe_state(const FleetUnit *unit, const char *word) {
        if (unit->condition == FLEET_FAILED && *unit->failure)
                return str_printf("%s: %s", word, unit->failure);
        if (streq(word, "restarting") && *unit->result && !streq(unit->result, "success"))
                return str_printf("%s: its last run ended badly (%s)", word, unit->result);
        return strdup(word);
}

/* Of a failure the reason comes a moment later; and what only passes through a rest on its way does not rest. */
static bool is_complete(const FleetUnit *unit) {
        bool rests = streq(unit->active_state, "inactive") || streq(unit->active_state, "failed");

        return unit->condition == FLEET_FAILED ? *unit->failure : unit->condition != FLEET_CHANGING || !rests;
}

static void on_changed(Live *live, FleetUnit *unit, FleetCondition was, void *userdata) {
        const char *word = fleet_unit_word(unit);
        Events *e = userdata;
        Shown *s = find_shown(e, unit->service->id);
        _cleanup_(freep) char *text = NULL, *from = NULL;

        if (!s || !is_complete(unit) || (s->word && streq(s->word, word)))
                return;
        from = TAKE_PTR(s->word);
        s->word = strdup(word);
        text = s->word ? describe_state(unit, word) : NULL;
        if (!text)
                end(e, -ENOMEM);
        else if (from)
                show(e, &(Event) { .id = s->id, .kind = EVENT_STATE, .text = text, .from = from, .to = word });
}

static void on_removed(Live *live, FleetUnit *unit, void *userdata) {
        Events *e = userdata;
        Shown *s = find_shown(e, unit->service->id);
        _cleanup_(freep) char *from = s ? TAKE_PTR(s->word) : NULL;

        if (s)
                show(e, &(Event) { .id = s->id, .kind = EVENT_STATE, .text = "its unit file has gone",
                                   .from = from, .to = "gone" });
}

/* --- Health ---------------------------------------------------------------------------------------------------- */

/* That what does not run is offline says its state. */
static void on_health(Live *live, const char *id, const char *health, const char *problem, void *userdata) {
        _cleanup_(freep) char *text = NULL, *from = NULL;
        Events *e = userdata;
        Shown *s = find_shown(e, id);

        if (!s || (s->health && streq(s->health, health)))
                return;
        from = TAKE_PTR(s->health);
        s->health = strdup(health);
        text = *problem ? str_printf("%s: %s", health, problem) : strdup(health);
        if (!s->health || !text)
                end(e, -ENOMEM);
        else if (from && (streq(health, "healthy") || streq(health, "degraded")))
                show(e, &(Event) { .id = s->id, .kind = EVENT_HEALTH, .text = text, .from = from, .to = health });
}

static void on_metrics(Live *live, void *userdata) {
        Events *e = userdata;

        if (live->metrics == LIVE_METRICS_ABSENT && !e->said_absent) {
                log_notice("metricsd does not run, so changes of health are not shown until it does");
                e->said_absent = true;
        } else if (live->metrics == LIVE_METRICS_MUTE)
                log_notice("%s, so changes of health are not shown", strna(live->trouble));
        else if (live->metrics == LIVE_METRICS_THERE)
                e->said_absent = false;
}

/* --- Jobs ------------------------------------------------------------------------------------------------------ */

static const char *id_of_unit(const Events *e, const char *unit) {
        for (size_t i = 0; i < e->ctl->n_selected; i++)
                if (streq(e->ctl->selected[i]->unit, unit))
                        return e->ctl->selected[i]->id;
        return NULL;
}

static int on_type(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *type;
        Job *job = userdata;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "s", &type) >= 0)
                job->type = strdup(type);
        return 0; /* a job that is over by now has no type for us */
}

static int on_job_new(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *unit;
        Events *e = userdata;
        uint32_t number;
        Job *job;
        int r;

        r = sd_bus_message_read(m, "uos", &number, &path, &unit);
        if (r < 0 || !id_of_unit(e, unit))
                return r;
        job = calloc(1, sizeof(Job));
        if (!job) {
                end(e, -ENOMEM);
                return 0;
        }
        job->number = number;
        job->next = e->jobs;
        e->jobs = job;
        r = sd_bus_call_method_async(e->live->bus, &job->slot, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                     on_type, job, "ss", SYSTEMD_NAME ".Job", "JobType");
        if (r < 0)
                end(e, r);
        return 0;
}

static Job *take_job(Events *e, uint32_t number) {
        for (Job **p = &e->jobs; *p; p = &(*p)->next)
                if ((*p)->number == number) {
                        Job *job = *p;

                        *p = job->next;
                        return job;
                }
        return NULL;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *unit, *result, *id, *type;
        _cleanup_(freep) char *text = NULL;
        Events *e = userdata;
        uint32_t number;
        Job *job;
        int r;

        r = sd_bus_message_read(m, "uoss", &number, NULL, &unit, &result);
        if (r < 0)
                return r;
        job = take_job(e, number);
        id = id_of_unit(e, unit);
        type = job ? job->type : NULL;
        text = str_printf("%s: %s", type ? type : "job", result);
        if (!text)
                end(e, -ENOMEM);
        else if (id)
                show(e, &(Event) { .id = id, .kind = EVENT_JOB, .text = text, .job = type, .result = result });
        if (job)
                job_free(job);
        return 0;
}

/* --- Reloads --------------------------------------------------------------------------------------------------- */

/* What a host has said of its reload, while it is asked for its id: the signal has that only by the name of its sender. */
typedef struct Reload {
        Events *events;
        uint64_t generation;
        char *result, *problem;
} Reload;

static const BusProperty reload_properties[] = {
        { NULL, "Generation", "t", offsetof(Reload, generation) },
        { NULL, "LastResult", "s", offsetof(Reload, result) },
        { NULL, "LastProblem", "s", offsetof(Reload, problem) },
};

static void reload_free(void *userdata) {
        Reload *reload = userdata;

        free(reload->result);
        free(reload->problem);
        free(reload);
}

static int on_id(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Reload *reload = userdata;
        const char *id, *result = reload->result;
        _cleanup_(freep) char *text = NULL;
        const Shown *s;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "s", &id) < 0)
                return 0; /* it ended meanwhile, which is an event of its own */
        s = find_shown(reload->events, id);
        if (!s || !result || !*result)
                return 0;
        text = streq(result, "reloaded") ? str_printf("%s: generation %" PRIu64, result, reload->generation) :
                                           str_printf("%s: %s", result, strempty(reload->problem));
        if (!text)
                end(reload->events, -ENOMEM);
        else
                show(reload->events, &(Event) { .id = s->id, .kind = EVENT_RELOAD, .text = text, .result = result,
                                                .generation = reload->generation });
        return 0;
}

/* The slot has what it needs; both go with the answer, or with the bus. */
static int ask_id(Events *e, const char *sender, Reload *reload) {
        sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_call_method_async(e->live->bus, &slot, sender, SERVICE_BUS_PATH, "org.freedesktop.DBus.Properties", "Get",
                                     on_id, reload, "ss", SERVICE_BUS_INTERFACE, "Id");
        if (r < 0)
                return r;
        (void) sd_bus_slot_set_destroy_callback(slot, reload_free);
        (void) sd_bus_slot_set_floating(slot, true);
        (void) sd_bus_slot_unref(slot);
        return 0;
}

static int on_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        Events *e = userdata;
        Reload *reload = calloc(1, sizeof(Reload));
        int r;

        if (!reload) {
                end(e, -ENOMEM);
                return 0;
        }
        reload->events = e;
        r = sd_bus_message_skip(m, "s");
        if (r >= 0)
                r = bus_read_properties(m, reload_properties, ELEMENTSOF(reload_properties), reload);
        if (r >= 0)
                r = ask_id(e, strempty(sender), reload);
        if (r < 0) {
                reload_free(reload);
                (void) log_errno(r, "cannot read the signal of a reload");
        }
        return 0;
}

/* --- The verb -------------------------------------------------------------------------------------------------- */

static const LiveEvents live_events = {
        .changed = on_changed, .removed = on_removed, .health = on_health, .metrics = on_metrics,
};

static int on_reader(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        end(userdata, -EPIPE);
        return 0;
}

/* Where stdout is a file there is no reader that could go. */
static int watch_reader(Events *e) {
        int r = sd_event_add_io(e->live->event, &e->reader, STDOUT_FILENO, 0, on_reader, e);

        return r == -EPERM ? 0 : r;
}

static int follow_signals(Events *e) {
        sd_bus *bus = e->live->bus;
        int r;

        r = sd_bus_match_signal_async(bus, &e->job_new, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobNew", on_job_new, NULL,
                                      e);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus, &e->job_removed, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
                                              on_job_removed, NULL, e);
        return r < 0 ? r : sd_bus_add_match_async(bus, &e->reloads,
                                                  "type='signal',interface='org.freedesktop.DBus.Properties',"
                                                  "member='PropertiesChanged',path='" SERVICE_BUS_PATH "',"
                                                  "arg0='" SERVICE_BUS_INTERFACE "'", on_reload, NULL, e);
}

static int follow(Ctl *ctl) {
        _cleanup_(events_done) Events e = { .ctl = ctl };
        int r = 0;

        e.shown = calloc(ctl->n_selected + 1, sizeof(Shown));
        if (!e.shown)
                return finish(ctl, -ENOMEM);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++)
                r = str_replace(&e.shown[i].id, ctl->selected[i]->id);
        if (r >= 0)
                r = live_new(ctl->bus, &live_events, &e, &e.live);
        if (r >= 0)
                r = follow_signals(&e);
        if (r >= 0)
                r = watch_reader(&e);
        return r < 0 ? finish(ctl, r) : live_run(e.live);
}

int verb_events(Ctl *ctl) {
        uint64_t lines = ctl->lines;
        int status, r = 0;

        /* Else a reader that has gone would look like a crash to whoever started this. */
        (void) signal(SIGPIPE, SIG_IGN);
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        if (lines == LINES_DEFAULT)
                lines = ctl->since > 0 ? LINES_ALL : ctl->follow ? 0 : PAST_LINES;
        if (lines > 0)
                r = events_print_past(ctl, lines, ctl->since);
        if (r < 0)
                return finish(ctl, r);
        return ctl->follow ? follow(ctl) : CTL_OK;
}
