/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "alert-manager.h"
#include "basic/string-util.h"
#include "foundation/json-util.h"
#include "manager.h"
#include "shared/log.h"
#include "timeline.h"

/* Reloads and builds, as the service host, the source watcher and toolooctl log them. */

TL_DEFINE_CLEANUP(json_object *, json_object_put)

/* A reload so soon after a build that made its module is for that. */
#define BUILD_USEC (UINT64_C(60) * USEC_PER_SEC)

/* --- What the line says --- */

static bool add_text(json_object *json, const char *name, const JournalLine *line, const char *field) {
        const char *value = journal_line_field(line, field);

        return !value || json_add(json, name, json_object_new_string(value));
}

/* TOOLOO_...USEC= as milliseconds. */
static bool add_usec(json_object *json, const char *name, const JournalLine *line, const char *field) {
        const char *value = journal_line_field(line, field);
        unsigned long usec;

        if (!value || parse_uint(value, 0, ULONG_MAX, &usec) < 0)
                return true;
        return json_add(json, name, json_rounded((double) usec / USEC_PER_MSEC));
}

static json_object *detail_of(const JournalLine *line, const char *file) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();

        if (json && json_add(json, "result", json_object_new_string(line->event)) &&
            (!file || json_add(json, "file", json_object_new_string(file))) &&
            add_text(json, file ? "module" : "file", line, "FILE") && add_text(json, "generation", line, "GENERATION") &&
            add_text(json, "changed", line, "CHANGED") && add_text(json, "modules", line, "MODULES") &&
            add_text(json, "reason", line, "REASON") && add_usec(json, "pauseMs", line, "PAUSE_USEC") &&
            add_usec(json, "durationMs", line, "DURATION_USEC"))
                return TAKE_PTR(json);
        return NULL;
}

static int on_known(const TimelineEvent *event, void *userdata) {
        const char **cursor = userdata;

        if (event->cursor && streq(event->cursor, *cursor))
                *cursor = NULL;
        return 0;
}

/* metricsd reads again what came between its last tick and its end. */
static bool is_kept(const Manager *m, const JournalLine *line) {
        const char *cursor = line->cursor;

        (void) history_each_event(m->history, &(EventQuery) { .from = line->at, .to = line->at + 1, .limit = 100 },
                                  on_known, &cursor); /* rather twice than not at all */
        return !cursor;
}

static void keep(Manager *m, const Watched *w, const JournalLine *line, EventKind kind, const char *cause,
                 const char *file) {
        bool about_itself = !w || (line->unit && streq(line->unit, w->unit->service->unit));
        _cleanup_(json_object_putp) json_object *detail = NULL;

        if (is_kept(m, line))
                return;
        detail = detail_of(line, file);
        timeline_add(m, w, &(TimelineEvent) {
                .at = line->at, .kind = kind, .cause = cause, .text = line->message, .cursor = line->cursor,
                .detail = detail ? json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN) : NULL,
                .invocation_id = about_itself ? line->invocation_id : NULL });
}

/* --- Builds --- */

/* True when one of the words, separated by blanks, is that id. */
static bool names(const char *words, const char *id) {
        size_t n = strlen(id);

        for (const char *p = words; (p = strstr(p, id)); p += n)
                if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
                        return true;
        return false;
}

static int remember_build(Manager *m, const JournalLine *line) {
        const char *modules = journal_line_field(line, "MODULES"), *file = journal_line_field(line, "FILE");
        int r;

        r = str_replace(&m->build.modules, modules ? modules : "");
        if (r >= 0)
                r = str_replace(&m->build.file, file ? file : "");
        m->build.at = r < 0 ? 0 : line->at;
        return r;
}

static const char *built_from(const Manager *m, const Watched *w, uint64_t at) {
        return m->build.at > 0 && at >= m->build.at && at - m->build.at <= BUILD_USEC && *m->build.file &&
                               names(m->build.modules, w->unit->service->id) ? m->build.file : NULL;
}

static void take_build(Manager *m, const JournalLine *line) {
        bool failed = streq(line->event, "build-failed");
        int r = failed ? 0 : remember_build(m, line);

        if (r < 0)
                log_errno(r, "Cannot remember a build");
        /* Every save makes one that goes well; the reload that follows it is the news. */
        if (failed || m->build.failing)
                keep(m, NULL, line, EVENT_BUILD, failed ? "failed" : "mended", NULL);
        m->build.failing = failed;
}

/* --- Reloads --- */

static void take_reload(Manager *m, const Watched *w, const JournalLine *line) {
        const char *acted_on = alerts_acting_on(m->alerts), *file = built_from(m, w, line->at);
        bool by_metricsd = acted_on && streq(acted_on, w->unit->service->id);

        keep(m, w, line, EVENT_RELOAD, by_metricsd ? "metricsd" : file ? "change" : NULL, file);
}

static Watched *watched_by_id(const Manager *m, const char *id) {
        const FleetUnit *unit = id && service_id_valid(id) ? fleet_find(m->fleet, id) : NULL;

        return unit ? unit->userdata : NULL;
}

static Watched *watched_by_unit(const Manager *m, const char *unit) {
        _cleanup_(freep) char *id = NULL;

        return unit && service_id_from_unit(unit, ".service", &id) >= 0 ? watched_by_id(m, id) : NULL;
}

/* --- Files of own services --- */

/* watchd acts on a change, and says what came of it. */
static void take_change(Manager *m, const JournalLine *line) {
        Watched *target = watched_by_id(m, journal_line_field(line, "TARGET"));
        const char *file;

        if (!target)
                return;
        file = journal_line_field(line, "FILE");
        if (streq(line->event, "change-failed")) {
                timeline_expect_no_restart(target);
                keep(m, target, line, EVENT_RELOAD, "failed", NULL);
        } else if (target->unit->service->on_change != ON_CHANGE_RELOAD) {
                if (streq(line->event, "change")) /* the restart is the news */
                        timeline_expect_restart(target, file);
        } else if (streq(line->event, "change-live"))
                keep(m, target, line, EVENT_RELOAD, "change", NULL);
}

void timeline_take_line(Manager *m, const JournalLine *line) {
        Watched *w = watched_by_unit(m, line->unit);

        if (streq(line->event, "build-failed") || streq(line->event, "build-done"))
                take_build(m, line);
        else if (streq(line->event, "restart-for-change")) {
                Watched *target = watched_by_id(m, journal_line_field(line, "SERVICE"));

                if (target)
                        timeline_expect_restart(target, journal_line_field(line, "FILE"));
        } else if (streq(line->event, "change") || streq(line->event, "change-live") || streq(line->event, "change-failed"))
                take_change(m, line);
        else if (w && (streq(line->event, "reloaded") || streq(line->event, "reload-rejected") ||
                         streq(line->event, "rolled-back")))
                take_reload(m, w, line);
}
