/* SPDX-License-Identifier: MIT */
#include "event.h"

#include <stdio.h>
#include <time.h>

#include "basic/time-util.h"
#include "output.h"
#include "table.h"
#include "terminal.h"
#include "text.h"

static const char *const kinds[] = {
        [EVENT_STATE] = "state", [EVENT_JOB] = "job", [EVENT_RELOAD] = "reload", [EVENT_HEALTH] = "health",
};

static int flush(void) {
        errno = 0;
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        return ctl_reader_gone() ? -EPIPE : errno > 0 ? -errno : -EIO;
}

/* A field that an event of this kind does not have is not there. */
static int set_string(json_object *o, const char *key, const char *value) {
        return value ? json_set(o, key, json_object_new_string(value)) : 0;
}

static int print_json(const Event *e) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        char time[ISO8601_MAX];
        int r;

        r = o ? set_string(o, "time", format_iso8601(time, e->time)) : -ENOMEM;
        if (r >= 0)
                r = set_string(o, "id", e->id);
        if (r >= 0)
                r = set_string(o, "kind", kinds[e->kind]);
        if (r >= 0)
                r = set_string(o, "text", e->text);
        if (r >= 0)
                r = set_string(o, "from", e->from);
        if (r >= 0)
                r = set_string(o, "to", e->to);
        if (r >= 0)
                r = set_string(o, "job", e->job);
        if (r >= 0)
                r = set_string(o, "result", e->result);
        if (r >= 0 && e->generation > 0)
                r = json_set(o, "generation", json_object_new_uint64(e->generation));
        return r < 0 ? r : json_print(o);
}

static bool is_bad(const Event *e) {
        const char *word = e->kind == EVENT_STATE || e->kind == EVENT_HEALTH ? e->to : e->result;

        return word && !streq(word, "running") && !streq(word, "active") && !streq(word, "healthy") && !streq(word, "done") &&
               !streq(word, "reloaded") && !streq(word, "starting") && !streq(word, "stopping") && !streq(word, "stopped") &&
               !streq(word, "waiting") && !streq(word, "skipped");
}

/* What is longer than the terminal is wide wraps, as in a log: nothing is cut. */
static int print_text(const Ctl *ctl, const Event *e) {
        _cleanup_(freep) char *clean = text_clean(e->text, strlen(e->text));
        const char *color = terminal_colors() && is_bad(e) ? ANSI_RED : "";
        time_t t = (time_t) (e->time / USEC_PER_SEC);
        int width = 0;
        char when[32];
        struct tm tm;

        if (!clean)
                return -ENOMEM;
        if (!localtime_r(&t, &tm) || strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm) == 0)
                return -EINVAL;
        for (size_t i = 0; i < ctl->n_selected; i++)
                width = MAX(width, (int) strlen(ctl->selected[i]->id));
        (void) printf("%s %-*s %-6s %s%s%s\n", when, width, e->id, kinds[e->kind], color, clean, *color ? ANSI_NORMAL : "");
        return 0;
}

int event_print(const Ctl *ctl, const Event *event) {
        int r;

        if (ctl->quiet)
                return 0;
        r = ctl->json ? print_json(event) : print_text(ctl, event);
        return r < 0 && !ferror(stdout) ? r : flush();
}
