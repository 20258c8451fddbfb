/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "ctl.h"
#include "diff-facts.h"
#include "service-status.h"
#include "shared/log.h"
#include "table.h"
#include "text.h"

/* As diff(1) has them: 0 the same, 1 different, 2 trouble; and those of the other verbs. */
enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

#define LABEL_WIDTH 10

/* What brings together what runs and what lies on disk: the heaviest that one of the differences needs. */
static char *find_command(const Diff *diff) {
        const char *id = diff->service->id;
        unsigned kinds = 0;

        for (size_t i = 0; i < diff->n; i++)
                kinds |= 1u << diff->differences[i].kind;
        if (kinds & 1u << DIFFERENCE_DAEMON_RELOAD)
                return str_printf("systemctl --user daemon-reload && toolooctl restart %s", id);
        if (kinds & (1u << DIFFERENCE_PROGRAM | 1u << DIFFERENCE_UNIT_FILE))
                return str_printf("toolooctl restart %s", id);
        if (diff->service->on_change == ON_CHANGE_RELOAD || diff->service->on_change == ON_CHANGE_SWAP)
                return str_printf("toolooctl reload %s", id);
        return str_printf("toolooctl restart %s", id);
}

static char *describe(const Difference *d) {
        switch (d->kind) {
        case DIFFERENCE_MODULE:
                return str_printf("another module lies on disk%s", d->changed > 0 ? "" : ": none, it was removed");
        case DIFFERENCE_PROGRAM:
                return str_printf("its program was %s: %s", d->changed > 0 ? "replaced" : "removed", strempty(d->file));
        case DIFFERENCE_DAEMON_RELOAD:
                return strdup("systemd has not read its unit file as it is now");
        case DIFFERENCE_UNIT_FILE:
                return str_printf("its unit file was changed since it started: %s", strempty(d->file));
        case DIFFERENCE_WATCHED:
        default:
                return str_printf("changed since it started: %s", strempty(d->file));
        }
}

/* --- For people ------------------------------------------------------------------------------------------------ */

static void print_line(const char *label, const char *text) {
        _cleanup_(freep) char *clean = text_clean(text, strlen(text));

        (void) printf("%*s: %s\n", LABEL_WIDTH, label, strna(clean));
}

static void print_module(const Diff *diff) {
        const HostStatus *h = &diff->host;
        char time[ISO8601_MAX], size[BYTES_MAX];

        if (!h->known)
                return;
        (void) printf("%*s: version %s, generation %" PRIu64 ", loaded %s", LABEL_WIDTH, "Running", strna(h->version),
                      h->generation, format_iso8601(time, h->last_reload > 0 ? h->last_reload : diff->started));
        if (diff->loaded.known)
                (void) printf(", %s", format_bytes(size, diff->loaded.size));
        (void) putchar('\n');
        if (diff->module.known)
                (void) printf("%*s: changed %s, %s, %s\n", LABEL_WIDTH, "On disk", format_iso8601(time, diff->module.changed),
                              format_bytes(size, diff->module.size), h->module_file);
        if (h->last_problem && *h->last_problem)
                print_line("Rejected", h->last_problem);
}

static int print_text(const Diff *diff) {
        const char *id = diff->service->id;
        _cleanup_(freep) char *command = NULL;

        (void) printf("%s: what runs %s what lies on disk\n", id, diff->n > 0 ? "is not" : "is");
        print_module(diff);
        for (size_t i = 0; i < diff->n; i++) {
                _cleanup_(freep) char *text = describe(diff->differences + i);

                if (!text)
                        return -ENOMEM;
                print_line("Differs", text);
        }
        if (diff->n_watched > DIFFERENCES_MAX)
                (void) printf("%*s: %zu more files\n", LABEL_WIDTH, "Differs", diff->n_watched - DIFFERENCES_MAX);
        if (diff->cut)
                (void) printf("%*s: only %d files under Watch= were looked at\n", LABEL_WIDTH, "Note", WATCHED_FILES_MAX);
        if (diff->trouble)
                print_line("Note", diff->trouble);
        if (diff->n == 0)
                return 0;
        command = find_command(diff);
        if (!command)
                return -ENOMEM;
        print_line("Mend", command);
        return 0;
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

static int set_file(json_object *o, const char *path, const FileFacts *file) {
        int r;

        r = set_string(o, "file", path);
        if (r >= 0)
                r = file->known ? json_set(o, "bytes", json_object_new_uint64(file->size)) : set_string(o, "bytes", NULL);
        return r;
}

/* What of it is a module's is null for other programs. */
static int add_running(json_object *root, const Diff *diff) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        const HostStatus *h = &diff->host;
        int r;

        r = o ? set_time(o, "started", diff->started) : -ENOMEM;
        if (r >= 0)
                r = set_string(o, "version", h->known ? h->version : NULL);
        if (r >= 0)
                r = h->known ? json_set(o, "generation", json_object_new_uint64(h->generation)) :
                               set_string(o, "generation", NULL);
        if (r >= 0)
                r = set_time(o, "loaded", !h->known ? 0 : h->last_reload > 0 ? h->last_reload : diff->started);
        if (r >= 0)
                r = set_string(o, "rejected", h->last_problem);
        if (r >= 0)
                r = set_file(o, h->loaded_file, &diff->loaded);
        return r < 0 ? r : json_set(root, "running", TAKE_PTR(o));
}

static int add_disk(json_object *root, const Diff *diff) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        int r;

        if (!diff->module.known)
                return set_string(root, "onDisk", NULL);
        r = o ? set_time(o, "changed", diff->module.changed) : -ENOMEM;
        if (r >= 0)
                r = set_file(o, diff->host.module_file, &diff->module);
        return r < 0 ? r : json_set(root, "onDisk", TAKE_PTR(o));
}

static int add_difference(json_object *list, const Difference *d) {
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        _cleanup_(freep) char *text = describe(d);
        int r;

        if (!o || !text)
                return -ENOMEM;
        r = set_string(o, "kind", difference_to_string(d->kind));
        if (r >= 0)
                r = set_string(o, "text", text);
        if (r >= 0)
                r = set_string(o, "file", d->file);
        if (r >= 0)
                r = set_time(o, "changed", d->changed);
        if (r < 0 || json_object_array_add(list, o) < 0)
                return r < 0 ? r : -ENOMEM;
        (void) TAKE_PTR(o);
        return 0;
}

static int add_differences(json_object *root, const Diff *diff) {
        _cleanup_(json_putp) json_object *list = json_object_new_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < diff->n && r >= 0; i++)
                r = add_difference(list, diff->differences + i);
        return r < 0 ? r : json_set(root, "differences", TAKE_PTR(list));
}

static int print_json(const Diff *diff) {
        _cleanup_(json_putp) json_object *root = json_object_new_object();
        _cleanup_(freep) char *command = diff->n > 0 ? find_command(diff) : NULL;
        int r;

        if (!root || (diff->n > 0 && !command))
                return -ENOMEM;
        r = set_string(root, "id", diff->service->id);
        if (r >= 0)
                r = json_set(root, "same", json_object_new_boolean(diff->n == 0));
        if (r >= 0)
                r = add_running(root, diff);
        if (r >= 0)
                r = add_disk(root, diff);
        if (r >= 0)
                r = add_differences(root, diff);
        if (r >= 0)
                r = json_set(root, "newerFiles", json_object_new_uint64(diff->n_watched));
        if (r >= 0)
                r = set_string(root, "trouble", diff->trouble);
        if (r >= 0)
                r = set_string(root, "command", command);
        return r < 0 ? r : json_print(root);
}

/* --- The verb -------------------------------------------------------------------------------------------------- */

int verb_diff(Ctl *ctl) {
        _cleanup_(diff_done) Diff diff = {};
        const Service *s;
        int status, r;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status == CTL_FAILED ? DIFF_TROUBLE : status;
        s = ctl->selected[0];
        if (!service_is_active(s)) {
                log_error("%s does not run (%s), so there is nothing to compare; 'toolooctl start %s' starts what lies on disk",
                          s->id, service_state_word(s), s->id);
                return CTL_NOT_ACTIVE;
        }
        r = diff_gather(ctl->bus, s, &diff);
        if (r >= 0 && ctl->json)
                r = print_json(&diff);
        else if (r >= 0 && !ctl->quiet)
                r = print_text(&diff);
        if (r < 0) {
                (void) log_errno(r, "cannot compare %s with what lies on disk", s->id);
                return DIFF_TROUBLE;
        }
        return diff.n > 0 ? DIFF_DIFFERENT : diff.trouble ? DIFF_TROUBLE : DIFF_SAME;
}
