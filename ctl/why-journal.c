/* SPDX-License-Identifier: MIT */
#include "journal.h"
#include "text.h"
#include "why-facts.h"

/* The newest of so many are looked at: enough for several runs of a crash loop with a stack trace each. */
#define LINES_READ 500

static int read_message(sd_journal *j, WhyLine *line) {
        _cleanup_(freep) char *raw = NULL;
        int r;

        r = journal_field_optional(j, "MESSAGE", &raw);
        if (r < 0)
                return r;
        line->message = text_clean(strempty(raw), strcspn(strempty(raw), "\n"));
        return line->message ? 0 : -ENOMEM;
}

static int read_priority(sd_journal *j, WhyLine *line) {
        _cleanup_(freep) char *text = NULL;
        unsigned long priority = 6;
        int r;

        r = journal_field_optional(j, "PRIORITY", &text);
        if (r < 0)
                return r;
        if (text)
                (void) parse_uint(text, 0, 7, &priority); /* a service can send any nonsense */
        line->priority = (unsigned) priority;
        return 0;
}

/* What systemd, or its child before it becomes the program, says about a unit has that unit's name in a field of its own. */
static int read_origin(sd_journal *j, const char *socket, const char *run, WhyLine *line) {
        _cleanup_(freep) char *about = NULL, *id = NULL;
        int r;

        r = journal_field_optional(j, "USER_UNIT", &about);
        if (r < 0)
                return r;
        line->own = !about;
        line->of_socket = about && socket && streq(about, socket);
        r = journal_field_optional(j, about ? "USER_INVOCATION_ID" : "_SYSTEMD_INVOCATION_ID", &id);
        line->this_run = id && streq(id, run);
        return r;
}

static int read_line(sd_journal *j, const char *socket, const char *run, WhyLine *line) {
        int r;

        r = sd_journal_get_realtime_usec(j, &line->time);
        if (r >= 0)
                r = read_message(j, line);
        if (r >= 0)
                r = read_priority(j, line);
        if (r >= 0)
                r = read_origin(j, socket, run, line);
        if (r >= 0)
                r = journal_field_optional(j, "JOB_TYPE", &line->job_type);
        if (r >= 0)
                r = journal_field_optional(j, "JOB_RESULT", &line->job_result);
        return r < 0 ? r : journal_field_optional(j, "TOOLOO_EVENT", &line->event);
}

static void reverse(WhyLine *lines, size_t n) {
        for (size_t i = 0; i < n / 2; i++) {
                WhyLine line = lines[i];

                lines[i] = lines[n - 1 - i];
                lines[n - 1 - i] = line;
        }
}

static int read_newest(Why *why, sd_journal *j, const char *run) {
        sd_id128_t boot, of;
        int r;

        why->lines = calloc(LINES_READ, sizeof(WhyLine));
        if (!why->lines)
                return -ENOMEM;
        r = sd_id128_get_boot(&boot);
        if (r >= 0)
                r = sd_journal_seek_tail(j);
        while (r >= 0 && why->n_lines < LINES_READ && (r = sd_journal_previous(j)) > 0) {
                /* What was before this boot is no reason for what is. */
                if (sd_journal_get_monotonic_usec(j, NULL, &of) >= 0 && !sd_id128_equal(of, boot))
                        break;
                r = read_line(j, why->service->socket, run, why->lines + why->n_lines++);
                if (r == -EBADMSG) /* one damaged entry is no reason to be silent about the others */
                        r = 0;
        }
        for (size_t i = 0; i < why->n_lines; i++)
                if (!why->lines[i].message && str_replace(&why->lines[i].message, "") < 0)
                        return -ENOMEM;
        reverse(why->lines, why->n_lines);
        return r;
}

int why_read_journal(Why *why) {
        const Service *s = why->service;
        const LogSource source = { s->id, s->unit, s->socket, 0 };
        _cleanup_(journal_closep) sd_journal *j = NULL;
        char run[SD_ID128_STRING_MAX];
        const WhyLine *job;
        int r;

        r = journal_open(&source, 1, &j);
        if (r >= 0)
                r = read_newest(why, j, sd_id128_to_string(why->invocation, run));
        if (r == -ENOMEM)
                return r;
        why->journal_error = MIN(r, 0);
        job = why_last_job(why->lines, why->n_lines);
        why->facts.job_type = job ? job->job_type : NULL;
        why->facts.job_result = job ? job->job_result : NULL;
        why->facts.gave_up = why_gave_up(why->lines, why->n_lines);
        return 0;
}
