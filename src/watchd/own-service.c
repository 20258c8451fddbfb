/* SPDX-License-Identifier: MIT */
#include "watchd/own-service.h"

#include <inttypes.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "shared/unit-jobs.h"
#include "watchd/follow.h"

/* Longer than TimeoutStartSec= of the unit, so that systemd's verdict comes first. */
#define RUN_TIMEOUT_USEC (6 * 60 * USEC_PER_SEC)

struct OwnService {
        const OwnContext *context;
        const FleetUnit *unit;
        char *id, *reload_unit;
        char **watch, **ignore; /* as the unit file has them */
        char **roots, **globs;  /* as the filter takes them */
        Filter filter;
        Follow *follow;
        UnitJobs *run; /* NULL while none is on */
        uint64_t started;
        bool restarted;         /* the run is not a reload but the start of a service that had failed */
        char run_before[33];    /* the unit's invocation when it was last seen to run */
        uint64_t restarts;      /* by systemd, until then */
        bool expects_run;       /* what this has started is yet to be seen */
        char *unwatched, *failure, *loop;
};

bool own_service_wanted(const Service *s) {
        if (service_is_masked(s) || s->on_change == ON_CHANGE_NONE)
                return false;
        STRV_FOREACH(path, s->settings.watch)
                if (**path == '/')
                        return true;
        return false;
}

static bool strv_equal(char *const *a, char *const *b) {
        if (strv_length(a) != strv_length(b))
                return false;
        for (size_t i = 0; a && a[i]; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

bool own_service_is_current(const OwnService *o, const Service *s) {
        return strv_equal(o->watch, s->settings.watch) && strv_equal(o->ignore, s->settings.ignore);
}

/* Takes text over. */
static void set_line(OwnService *o, char **line, char *text) {
        free(*line);
        *line = text;
        o->context->news(o->context->userdata);
}

const char *own_service_trouble(const OwnService *o) {
        return o->unwatched ? o->unwatched : o->loop ? o->loop : o->failure;
}

/* --- Running it ---------------------------------------------------------------------------------------------------- */

static void add_file(const OwnService *o, LogFields *fields, const char *event) {
        log_fields_add(fields, "TOOLOO_EVENT=%s", event);
        log_fields_add(fields, "TOOLOO_TARGET=%s", o->id);
        log_fields_add(fields, "TOOLOO_CHANGED=%u", o->follow->n_changed);
        if (o->follow->first_changed)
                log_fields_add(fields, "TOOLOO_FILE=%s", o->follow->first_changed);
}

static void log_begin(const OwnService *o) {
        _cleanup_(log_fields_done) LogFields fields = {};
        _cleanup_(freep) char *more = NULL;
        const Service *s = o->unit->service;

        if (o->follow->n_changed > 1)
                more = str_printf(" and %u more", o->follow->n_changed - 1);
        add_file(o, &fields, "change");
        log_fields(LOG_INFO, (const char *const *) fields.list, "%s: %s%s changed, %s", o->id,
                   strna(o->follow->first_changed), more ? more : "",
                   o->restarted ? "starting it again, for it had failed" : on_change_to_string(s->on_change));
}

static void log_end(OwnService *o, const char *reason) {
        _cleanup_(log_fields_done) LogFields fields = {};
        uint64_t took = now_usec() - o->started;

        add_file(o, &fields, reason ? "change-failed" : "change-live");
        log_fields_add(&fields, "TOOLOO_DURATION_USEC=%" PRIu64, took);
        if (reason) {
                log_fields_add(&fields, "TOOLOO_REASON=%s", reason);
                log_fields(LOG_ERR, (const char *const *) fields.list, "%s: the change is not live: %s", o->id, reason);
        } else
                log_fields(LOG_INFO, (const char *const *) fields.list, "%s: live in %" PRIu64 " ms", o->id,
                           took / USEC_PER_MSEC);
}

static char *describe_failure(const UnitJob *job) {
        _cleanup_(freep) char *text = unit_job_describe(job);

        return str_printf("%s %s%s%s; see 'journalctl --user-unit=%s -n 20'", job->unit, strna(text), job->reason ? ": " : "",
                          job->reason ? job->reason : "", job->unit);
}

static int end_on_failure(const OwnService *o, int r) {
        return r < 0 ? sd_event_exit(o->context->event, log_errno(r, "Cannot go on")) : 0;
}

static void end_run(OwnService *o, char *problem) {
        follow_ended(o->follow);
        /* First: who sees the line in the journal finds it in the status, too. */
        set_line(o, &o->failure, problem ? str_printf("%s: %s", o->id, problem) : NULL);
        log_end(o, problem);
        free(problem);
        (void) end_on_failure(o, follow_take(o->follow));
}

static void on_run_done(UnitJobs *jobs, int error, void *userdata) {
        OwnService *o = userdata;
        char *problem = NULL;

        for (const UnitJob *job = jobs->first; job && error >= 0 && !problem; job = job->next)
                if (!unit_job_done(job))
                        problem = describe_failure(job);
        if (error < 0)
                problem = str_printf("cannot wait for systemd: %s", strerror(-error));
        o->run = unit_jobs_free(o->run);
        end_run(o, problem);
}

static int ignore_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        return 0; /* a unit that has not failed */
}

/* What systemd has given up on: the change may be what mends it. In the order of the calls, as the bus keeps it. */
static int add_start(OwnService *o) {
        const Service *s = o->unit->service;
        const char *units[] = { s->socket, s->unit };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(units) && r >= 0; i++) {
                if (!units[i])
                        continue;
                r = sd_bus_call_method_async(o->context->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                             "ResetFailedUnit", ignore_answer, NULL, "s", units[i]);
                if (r >= 0)
                        r = unit_jobs_add(o->run, UNIT_START, units[i]);
        }
        return r;
}

static int start_run(OwnService *o) {
        int r;

        o->restarted = o->unit->condition == FLEET_FAILED;
        o->started = now_usec();
        o->expects_run = true;
        follow_started(o->follow);
        log_begin(o);
        r = unit_jobs_new(o->context->bus, &o->run);
        if (r >= 0)
                r = o->restarted ? add_start(o) : unit_jobs_add(o->run, UNIT_START, o->reload_unit);
        if (r >= 0)
                r = unit_jobs_watch(o->run, RUN_TIMEOUT_USEC, on_run_done, o);
        if (r >= 0)
                return 0;
        o->run = unit_jobs_free(o->run);
        return log_errno(r, "Cannot ask systemd to reload %s", o->id);
}

static int on_due(void *userdata) {
        OwnService *o = userdata;

        switch (o->unit->condition) {
        case FLEET_RUNNING:
        case FLEET_FAILED:
                return start_run(o);
        case FLEET_CHANGING: /* what it will run may have been read before the change: own_service_unit_changed() goes on */
                return 0;
        default:
                log_debug("%s is %s: what changed is for its next start", o->id,
                          fleet_condition_to_string(o->unit->condition));
                follow_forgo(o->follow);
                return 0;
        }
}

static void on_loop(const char *path, void *userdata) {
        _cleanup_(log_fields_done) LogFields fields = {};
        OwnService *o = userdata;
        char *text;

        text = str_printf("%s is paused for %s: each time that it starts it is changed, and so calls for the next; leave it "
                          "out with Ignore= in %s, or let it lie elsewhere, such as in $STATE_DIRECTORY", o->id, path,
                          o->unit->service->unit);
        if (!text)
                return;
        log_fields_add(&fields, "TOOLOO_EVENT=change-loop");
        log_fields_add(&fields, "TOOLOO_TARGET=%s", o->id);
        log_fields_add(&fields, "TOOLOO_FILE=%s", path);
        set_line(o, &o->loop, text);
        log_fields(LOG_WARNING, (const char *const *) fields.list, "%s", text);
}

/* --- Following it -------------------------------------------------------------------------------------------------- */

/* r: of a look at the tree. What is not watched for want of something is said once; the rest goes on. */
static int take(OwnService *o, int r) {
        if (r < 0 && (!o->unwatched || !strstr(o->unwatched, watch_tree_problem(o->follow->tree)))) {
                log_error("%s: %s", o->id, watch_tree_problem(o->follow->tree));
                set_line(o, &o->unwatched, str_printf("%s: %s", o->id, watch_tree_problem(o->follow->tree)));
        }
        r = follow_take(o->follow);
        return r < 0 ? log_errno(r, "Cannot follow %s", o->id) : 0;
}

int own_service_take(OwnService *o) {
        return take(o, follow_settle(o->follow));
}

int own_service_ask(OwnService *o) {
        int r;

        set_line(o, &o->unwatched, NULL);
        set_line(o, &o->loop, NULL);
        r = follow_ask(o->follow, false);
        return take(o, r);
}

/* True when somebody has started it anew, who then looks after it: not this, nor systemd by itself. */
static bool was_started(OwnService *o) {
        const FleetUnit *u = o->unit;
        bool by_this = o->expects_run, by_systemd = u->restarts != o->restarts;

        if (u->condition != FLEET_RUNNING || streq(o->run_before, u->invocation_id))
                return false;
        (void) memcpy(o->run_before, u->invocation_id, sizeof(o->run_before));
        o->restarts = u->restarts;
        o->expects_run = false;
        return !by_this && !by_systemd;
}

/* Whoever has started it: what it writes then is its own doing. */
static void note_start(OwnService *o) {
        const FleetUnit *u = o->unit;

        if (u->condition == FLEET_CHANGING)
                follow_ran(o->follow, now_usec());
        else if (u->condition == FLEET_RUNNING)
                follow_ran(o->follow, u->active_since);
}

int own_service_unit_changed(OwnService *o) {
        note_start(o);
        if (was_started(o) && o->loop) {
                follow_trust(o->follow);
                set_line(o, &o->loop, NULL);
        }
        return follow_decide(o->follow);
}

static int add_root(OwnService *o, const char *path) {
        _cleanup_(freep) char *root = strdup(path);

        if (!root)
                return -ENOMEM;
        if (path_normalize(root) < 0 || streq(root, "/")) {
                log_warning("%s: Watch=%s is left out: give the directory of the program itself, without \"..\"", o->id, path);
                return 0;
        }
        if (access(root, F_OK) < 0)
                log_notice("%s: %s is not there yet; it is watched once it is", o->id, root);
        return strv_extend(&o->roots, root);
}

/* "logs/" is meant as "logs". */
static int add_glob(OwnService *o, const char *glob) {
        size_t n = strlen(glob);
        int r = strv_extend(&o->globs, glob);

        while (r >= 0 && n > 1 && glob[n - 1] == '/')
                o->globs[strv_length(o->globs) - 1][--n] = '\0';
        return r;
}

static int take_settings(OwnService *o, const Service *s) {
        int r = 0;

        STRV_FOREACH(path, s->settings.watch) {
                if (r >= 0)
                        r = strv_extend(&o->watch, *path);
                if (r >= 0 && **path == '/')
                        r = add_root(o, *path);
        }
        STRV_FOREACH(glob, s->settings.ignore) {
                if (r >= 0)
                        r = strv_extend(&o->ignore, *glob);
                if (r >= 0)
                        r = add_glob(o, *glob);
        }
        o->filter = (Filter) { .roots = o->roots, .ignore = o->globs, .program = true };
        return r;
}

int own_service_new(const OwnContext *context, const FleetUnit *unit, OwnService **ret) {
        _cleanup_(own_service_freep) OwnService *o = calloc(1, sizeof(*o));
        const FollowOwner owner = { on_due, on_loop, o };
        int r;

        if (!o)
                return -ENOMEM;
        o->context = context;
        o->unit = unit;
        o->id = strdup(unit->service->id);
        o->reload_unit = str_printf("tooloo-reload@%s.service", unit->service->id);
        r = o->id && o->reload_unit ? take_settings(o, unit->service) : -ENOMEM;
        if (r < 0)
                return r;
        if (!o->roots)
                return -ENOENT;
        (void) memcpy(o->run_before, unit->invocation_id, sizeof(o->run_before));
        o->restarts = unit->restarts;
        r = follow_new(context->event, context->set, &o->filter, context->options, FOLLOW_RELOAD, &owner, &o->follow);
        if (r < 0)
                return r;
        note_start(o);
        r = take(o, follow_begin(o->follow));
        if (r < 0)
                return r;
        log_info("%s: watching %zu files", o->id, content_size(o->follow->content));
        *ret = TAKE_PTR(o);
        return 0;
}

void own_service_free(OwnService *o) {
        unit_jobs_free(o->run);
        if (o->follow)
                follow_free(o->follow);
        strv_free(o->watch);
        strv_free(o->ignore);
        strv_free(o->roots);
        strv_free(o->globs);
        free(o->unwatched);
        free(o->failure);
        free(o->loop);
        free(o->reload_unit);
        free(o->id);
        free(o);
}
