/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "basic/time-util.h"
#include "ctl.h"
#include "journal.h"
#include "shared/log.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include "why-facts.h"

#define LABEL_WIDTH 8

/* Nothing is cut on a terminal that is no wider: there would be nothing left of it. */
#define MIN_TEXT_WIDTH 60

/* --- For people: five lines at most ---------------------------------------------------------------------------- */

/* One line whatever came from elsewhere; cut where it may be, for what mends it must not be. */
static void print_line(const char *label, const char *text, bool cut) {
        _cleanup_(freep) char *clean = text_clean(text, strlen(text)), *shorter = NULL;
        size_t width = terminal_width();

        if (clean && cut && width > MIN_TEXT_WIDTH)
                shorter = text_ellipsize(clean, width - LABEL_WIDTH - 2);
        (void) printf("%*s: %s\n", LABEL_WIDTH, label, strna(shorter ? shorter : clean));
}

/* " since 2026-01-31T08:15:30.123Z (2min 5s)", " (exit-code, 3s ago)" */
static char *describe_time(const Why *why, const WhyVerdict *v) {
        const char *result = why->facts.result;
        uint64_t now = now_realtime_usec();
        char span[TIMESPAN_MAX], time[ISO8601_MAX];
        bool bad = v->words != WHY_WORDS_NONE && result && *result && !streq(result, "success");

        if (why->since == 0 || why->since > now || v->kind == WHY_MASKED || v->kind == WHY_NEVER_STARTED)
                return strdup("");
        (void) format_timespan(span, now - why->since);
        if (v->well)
                return str_printf("%s since %s (%s)", v->kind == WHY_HEALTHY ? "" : "; active",
                                  format_iso8601(time, why->since), span);
        if (service_is_active(why->service)) /* its run began then, not what ails it */
                return strdup("");
        return str_printf(" (%s%s%s ago)", bad ? result : "", bad ? ", " : "", span);
}

static void print_head(const Why *why, const WhyVerdict *v) {
        _cleanup_(freep) char *time = describe_time(why, v), *text = NULL, *clean = NULL, *shorter = NULL;
        const char *color = !terminal_colors() ? NULL : v->well ? ANSI_GREEN : ANSI_RED;
        size_t width = terminal_width();

        (void) printf("%s%s %s%s: ", strempty(color), why->service->id, why_heading(v->kind), color ? ANSI_NORMAL : "");
        text = str_printf("%s%s", v->text, strempty(time));
        clean = text ? text_clean(text, strlen(text)) : NULL;
        if (clean && width > MIN_TEXT_WIDTH)
                shorter = text_ellipsize(clean, width - strlen(why->service->id) - strlen(why_heading(v->kind)) - 3);
        (void) puts(strna(shorter ? shorter : clean));
}

static void print_log(const Why *why, const WhyLine *line) {
        _cleanup_(freep) char *text = NULL;
        char when[32] = "";
        time_t t;
        struct tm tm;

        if (why->journal_error < 0) {
                text = why->journal_error == -ENODATA ? journal_advice() :
                                                        str_printf("it cannot be read: %s", strerror(-why->journal_error));
                print_line("Log", strna(text), true);
                return;
        }
        if (!line)
                return;
        t = (time_t) (line->time / USEC_PER_SEC);
        if (localtime_r(&t, &tm))
                (void) strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm);
        text = str_printf("%s %s", when, line->message);
        print_line("Log", strna(text), true);
}

static void print_change(const Why *why) {
        const WhyChange *c = &why->change;
        bool of_other = *c->service && !streq(c->service, why->service->id);
        _cleanup_(freep) char *text = NULL;
        char span[TIMESPAN_MAX];

        text = str_printf("%s earlier, %s%s%s", format_timespan(span, why->until - c->at), of_other ? c->service : "",
                          of_other ? ": " : "", c->text);
        print_line("Before", strna(text), true);
}

static void print_needs(const Why *why) {
        const WhyFacts *f = &why->facts;
        _cleanup_(freep) char *text = NULL;

        text = str_printf("%s is %s%s%s", f->dependency, strna(f->dependency_state), f->dependency_reason ? ": " : "",
                          strempty(f->dependency_reason));
        print_line("Needs", strna(text), true);
}

static void print_text(const Why *why, const WhyVerdict *v, const WhyLine *line) {
        print_head(why, v);
        if (v->words != WHY_WORDS_NONE)
                print_log(why, line);
        if (v->words != WHY_WORDS_NONE && why->change.at > 0)
                print_change(why);
        if (why->facts.dependency && why_blames_others(v->kind))
                print_needs(why);
        if (v->command) {
                _cleanup_(freep) char *mend = str_printf("%s%s%s", strempty(v->advice), v->advice ? " " : "", v->command);

                print_line("Mend", strna(mend), false);
        }
}

/* --- For programs ---------------------------------------------------------------------------------------------- */

/* null for NULL and for "". */
static int set_string(json_object *o, const char *key, const char *value) {
        if (value && *value)
                return json_set(o, key, json_object_new_string(value));
        return json_object_object_add(o, key, NULL) < 0 ? -ENOMEM : 0;
}

static int set_time(json_object *o, const char *key, uint64_t time) {
        char text[ISO8601_MAX];

        return set_string(o, key, time > 0 ? format_iso8601(text, time) : NULL);
}

static int set_number(json_object *o, const char *key, bool known, int number) {
        if (known)
                return json_set(o, key, json_object_new_int(number));
        return json_object_object_add(o, key, NULL) < 0 ? -ENOMEM : 0;
}

static int set_end(json_object *o, const WhyFacts *f) {
        _cleanup_(freep) char *signal_name = NULL;
        bool killed = f->code == CLD_KILLED || f->code == CLD_DUMPED;
        int r;

        if (killed)
                signal_name = str_printf("SIG%s", strna(sigabbrev_np((int) f->status)));
        r = set_string(o, "result", f->result);
        if (r >= 0)
                r = set_number(o, "exitCode", f->code == CLD_EXITED, (int) f->status);
        return r < 0 ? r : set_string(o, "signal", signal_name);
}

static int add_log(json_object *root, const WhyLine *line) {
        _cleanup_(json_putp) json_object *o = line ? json_object_new_object() : NULL;
        int r;

        if (!line)
                return set_string(root, "log", NULL);
        r = o ? set_time(o, "time", line->time) : -ENOMEM;
        if (r >= 0)
                r = json_set(o, "priority", json_object_new_int((int) line->priority));
        if (r >= 0)
                r = json_set(o, "message", json_object_new_string(line->message));
        return r < 0 ? r : json_set(root, "log", TAKE_PTR(o));
}

static int add_change(json_object *root, const WhyChange *c) {
        _cleanup_(json_putp) json_object *o = c->at > 0 ? json_object_new_object() : NULL;
        int r;

        if (c->at == 0)
                return set_string(root, "change", NULL);
        r = o ? set_time(o, "time", c->at) : -ENOMEM;
        if (r >= 0)
                r = set_string(o, "kind", c->kind);
        if (r >= 0)
                r = set_string(o, "id", c->service);
        if (r >= 0)
                r = set_string(o, "cause", c->cause);
        if (r >= 0)
                r = set_string(o, "text", c->text);
        return r < 0 ? r : json_set(root, "change", TAKE_PTR(o));
}

static int add_dependency(json_object *root, const WhyFacts *f) {
        _cleanup_(json_putp) json_object *o = f->dependency ? json_object_new_object() : NULL;
        int r;

        if (!f->dependency)
                return set_string(root, "dependency", NULL);
        r = o ? set_string(o, "unit", f->dependency) : -ENOMEM;
        if (r >= 0)
                r = set_string(o, "state", f->dependency_state);
        if (r >= 0)
                r = set_string(o, "reason", f->dependency_reason);
        return r < 0 ? r : json_set(root, "dependency", TAKE_PTR(o));
}

static int set_head(json_object *root, const Why *why, const WhyVerdict *v) {
        int r;

        r = set_string(root, "id", why->service->id);
        if (r >= 0)
                r = json_set(root, "well", json_object_new_boolean(v->well));
        if (r >= 0)
                r = set_string(root, "verdict", why_kind_to_string(v->kind));
        if (r >= 0)
                r = set_string(root, "text", v->text);
        if (r >= 0)
                r = set_time(root, "since", why->since);
        if (r >= 0)
                r = set_string(root, "state", service_state_word(why->service));
        return r < 0 ? r : set_string(root, "health", why->facts.health);
}

static int print_json(const Why *why, const WhyVerdict *v, const WhyLine *line) {
        _cleanup_(json_putp) json_object *root = json_object_new_object();
        int r;

        r = root ? set_head(root, why, v) : -ENOMEM;
        if (r >= 0)
                r = set_end(root, &why->facts);
        if (r >= 0)
                r = add_log(root, line);
        if (r >= 0)
                r = add_change(root, &why->change);
        if (r >= 0)
                r = add_dependency(root, &why->facts);
        if (r >= 0)
                r = set_string(root, "advice", v->advice);
        if (r >= 0)
                r = set_string(root, "command", v->command);
        return r < 0 ? r : json_print(root);
}

/* --- The verb -------------------------------------------------------------------------------------------------- */

static int explain(const Ctl *ctl, Why *why, WhyVerdict *v) {
        const WhyLine *line;
        int r;

        r = why_gather(ctl, ctl->selected[0], why);
        if (r >= 0)
                r = why_judge(&why->facts, v);
        if (r < 0)
                return r;
        line = v->words == WHY_WORDS_NONE ? NULL :
               why_pick_line(why->lines, why->n_lines, v->words == WHY_WORDS_SYSTEMDS);
        if (ctl->json)
                return print_json(why, v, line);
        if (!ctl->quiet)
                print_text(why, v, line);
        return 0;
}

int verb_why(Ctl *ctl) {
        _cleanup_(why_verdict_done) WhyVerdict v = {};
        _cleanup_(why_done) Why why = {};
        int status, r;

        status = ctl_select(ctl, CTL_STATUS_UNKNOWN);
        if (status != CTL_OK)
                return status;
        r = explain(ctl, &why, &v);
        if (r < 0) {
                (void) log_errno(r, "cannot find out how %s is", ctl->selected[0]->id);
                return CTL_FAILED;
        }
        return v.well ? CTL_OK : CTL_NOT_ACTIVE;
}
