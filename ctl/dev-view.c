/* SPDX-License-Identifier: MIT */
#include "dev-view.h"

#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <time.h>

#include "basic/time-util.h"
#include "journal.h"
#include "output.h"
#include "progress.h"
#include "shared/journal-follow.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "terminal.h"
#include "text.h"

/* Of one build; who has more to put right begins with these. */
#define ERRORS_MAX 20

/* For a build of the whole fleet on a slow machine. */
#define BUILD_TIMEOUT_USEC (15 * 60 * USEC_PER_SEC)

typedef enum Outcome { GOES_ON, BUILD_DONE, BUILD_FAILED, INTERRUPTED, WATCHD_STOPPED, TIME_OVER } Outcome;

/* One line of the journal, as far as it matters here. Strings are NULL where it has no such field. */
typedef struct DevLine {
        uint64_t time; /* realtime usec */
        unsigned long priority, changed, usec, generation;
        char *message, *event, *unit, *target, *file, *modules, *reason, *job_type, *about;
} DevLine;

struct DevView {
        sd_journal *journal;
        LogSource *sources;
        size_t n_sources;
        char **names; /* what sources point to: the registry may be read anew meanwhile */
        const Ctl *ctl;
        bool only_errors, colors, compiles;
        regex_t diagnostic;
        char **errors; /* of the build that is on */
        char *waits_for;
        int signals; /* a signalfd */
        uint64_t end; /* monotonic usec, UINT64_MAX for none */
};

/* --- Reading a line ------------------------------------------------------------------------------------------------ */

static void dev_line_done(DevLine *line) {
        char *strings[] = { line->message, line->event, line->unit, line->target, line->file, line->modules, line->reason,
                            line->job_type, line->about };

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                free(strings[i]);
}

static int read_text(sd_journal *j, const char *field, char **ret) {
        size_t size, skip = strlen(field) + 1;
        const void *data;
        int r;

        r = sd_journal_get_data(j, field, &data, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        *ret = text_clean((const char *) data + skip, size - MIN(size, skip));
        return *ret ? 0 : -ENOMEM;
}

static int read_number(sd_journal *j, const char *field, unsigned long *ret) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = read_text(j, field, &text);
        if (r >= 0 && text)
                (void) parse_uint(text, 0, ULONG_MAX, ret); /* what is no number is not shown */
        return r;
}

static int read_line(sd_journal *j, DevLine *line) {
        const struct {
                const char *field;
                char **text;
        } texts[] = {
                { "MESSAGE", &line->message },        { "TOOLOO_EVENT", &line->event },   { "_SYSTEMD_USER_UNIT", &line->unit },
                { "TOOLOO_TARGET", &line->target },   { "TOOLOO_FILE", &line->file },     { "TOOLOO_MODULES", &line->modules },
                { "TOOLOO_REASON", &line->reason },   { "JOB_TYPE", &line->job_type },    { "USER_UNIT", &line->about },
        };
        const struct {
                const char *field;
                unsigned long *number;
        } numbers[] = {
                { "PRIORITY", &line->priority },
                { "TOOLOO_CHANGED", &line->changed },
                { "TOOLOO_DURATION_USEC", &line->usec },
                { "TOOLOO_GENERATION", &line->generation },
        };
        int r;

        line->priority = LOG_INFO;
        r = sd_journal_get_realtime_usec(j, &line->time);
        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
                r = read_text(j, texts[i].field, texts[i].text);
        for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
                r = read_number(j, numbers[i].field, numbers[i].number);
        return r;
}

/* --- Showing it ---------------------------------------------------------------------------------------------------- */

/* "12:00:01 changed  src/x.c". word is a verb of one column. Where only errors are shown, they are this program's own. */
static void _printf_(5, 6) show(const DevView *v, const DevLine *line, const char *color, const char *word, const char *format,
                                ...) {
        time_t seconds = (time_t) (line->time / USEC_PER_SEC);
        _cleanup_(freep) char *text = NULL;
        char when[sizeof("00:00:00")] = "";
        struct tm tm;
        va_list ap;

        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        progress_clear();
        if (v->only_errors) {
                log_error("%s: %s", word, strna(text));
                return;
        }
        if (localtime_r(&seconds, &tm))
                (void) strftime(when, sizeof(when), "%H:%M:%S", &tm);
        (void) printf("%s%s%s %s%-9s%s %s\n", v->colors ? ANSI_GREY : "", when, v->colors ? ANSI_NORMAL : "",
                      v->colors ? color : "", word, v->colors ? ANSI_NORMAL : "",
                      strna(text)); /* a full or closed stdout is found by the flush */
}

static void show_changed(DevView *v, const DevLine *line, const char *what) {
        const char *color = ANSI_BOLD;

        if (v->only_errors || !line->file)
                return;
        if (line->changed > 1)
                show(v, line, color, "changed", "%s%s and %lu more", what, line->file, line->changed - 1);
        else
                show(v, line, color, "changed", "%s%s", what, line->file);
}

/* What the build waits for is shown where there is a terminal. */
static void wait_for(DevView *v, char *what) {
        free(v->waits_for);
        v->waits_for = what;
        if (what)
                progress_begin(v->ctl->quiet);
        else
                progress_end();
}

static void take_build_failed(DevView *v, const DevLine *line) {
        wait_for(v, NULL);
        if (!v->errors)
                show(v, line, ANSI_BOLD_RED, "failed", "%s", strna(line->reason ? line->reason : line->message));
        STRV_FOREACH(error, v->errors)
                show(v, line, ANSI_BOLD_RED, "failed", "%s", *error);
        v->errors = strv_free(v->errors);
}

static void take_build_done(DevView *v, const DevLine *line) {
        wait_for(v, NULL);
        v->errors = strv_free(v->errors);
        if (v->only_errors)
                return;
        if (line->modules)
                show(v, line, ANSI_GREEN, "built", "%s in %lu ms", line->modules, line->usec / 1000);
        else
                show(v, line, ANSI_GREEN, "built", "nothing new in %lu ms", line->usec / 1000);
}

/* Of a build that is on: what a compiler says is wrong, with file and line. */
static void take_output(DevView *v, const DevLine *line) {
        if (line->message && strv_length(v->errors) < ERRORS_MAX && !strv_contains(v->errors, line->message) &&
            regexec(&v->diagnostic, line->message, 0, NULL, 0) == 0)
                (void) strv_extend(&v->errors, line->message); /* without memory there is one less */
}

static Outcome take_watchd_event(DevView *v, const DevLine *line) {
        if (streq(line->event, "build-started")) {
                show_changed(v, line, "");
                v->errors = strv_free(v->errors);
                wait_for(v, strdup("Building"));
        } else if (streq(line->event, "build-failed")) {
                take_build_failed(v, line);
                return BUILD_FAILED;
        } else if (streq(line->event, "build-done")) {
                take_build_done(v, line);
                return BUILD_DONE;
        } else if (streq(line->event, "change")) {
                _cleanup_(freep) char *id = str_printf("%s: ", strna(line->target));

                show_changed(v, line, id ? id : "");
                wait_for(v, str_printf("Bringing %s up to date", strna(line->target)));
        } else if (streq(line->event, "change-live")) {
                wait_for(v, NULL);
                if (!v->only_errors)
                        show(v, line, ANSI_GREEN, "live", "%s in %lu ms", strna(line->target), line->usec / 1000);
        } else if (streq(line->event, "change-failed")) {
                wait_for(v, NULL);
                show(v, line, ANSI_BOLD_RED, "failed", "%s: %s", strna(line->target), strna(line->reason));
        } else if (streq(line->event, "build-loop") || streq(line->event, "change-loop"))
                show(v, line, ANSI_BOLD_YELLOW, "paused", "%s", strna(line->message));
        return GOES_ON;
}

static Outcome take_watchd_line(DevView *v, const DevLine *line) {
        if (line->event)
                return take_watchd_event(v, line);
        if (line->priority > LOG_WARNING) {
                take_output(v, line);
                return GOES_ON;
        }
        show(v, line, line->priority <= LOG_ERR ? ANSI_BOLD_RED : ANSI_BOLD_YELLOW,
             line->priority <= LOG_ERR ? "failed" : "warning", "%s", strna(line->message));
        return line->priority <= LOG_ERR ? BUILD_FAILED : GOES_ON;
}

static const LogSource *source_of(const DevView *v, const char *unit) {
        for (size_t i = 0; unit && i < v->n_sources; i++)
                if (streq(v->sources[i].unit, unit))
                        return v->sources + i;
        return NULL;
}

static bool is_own(const DevView *v, const char *unit) {
        const Service *s = unit ? registry_find(v->ctl->registry, unit) : NULL;

        return s && dev_is_own(s);
}

/* What a service says, or systemd or "toolooctl reload" about it. */
static void take_service_line(DevView *v, const DevLine *line) {
        const LogSource *source = source_of(v, line->unit);
        bool bad = line->priority <= LOG_WARNING;

        if (!source)
                source = source_of(v, line->about);
        if (!source || !line->message)
                return;
        if (line->event && streq(line->event, "reloaded") && !v->only_errors)
                show(v, line, ANSI_GREEN, "live", "%s: generation %lu, loaded in %lu ms", source->id, line->generation,
                     line->usec / 1000);
        else if (line->event && (streq(line->event, "reload-rejected") || streq(line->event, "rolled-back")))
                show(v, line, ANSI_BOLD_RED, "rejected", "%s: %s", source->id, line->reason ? line->reason : line->message);
        else if (bad || (is_own(v, line->unit) && !v->only_errors))
                show(v, line, bad ? ANSI_BOLD_YELLOW : ANSI_GREY, source->id, "%s", line->message);
}

static Outcome take_line(DevView *v, const DevLine *line) {
        if (line->unit && streq(line->unit, WATCHD_UNIT))
                return take_watchd_line(v, line);
        if (line->about && streq(line->about, WATCHD_UNIT) && line->job_type && streq(line->job_type, "stop"))
                return WATCHD_STOPPED;
        take_service_line(v, line);
        return GOES_ON;
}

/* --- Following ----------------------------------------------------------------------------------------------------- */

/* Until the journal has nothing more for now, or something ends the wait. */
static int take_entries(DevView *v, bool (*ends)(Outcome outcome), Outcome *ret) {
        int r;

        while ((r = sd_journal_next(v->journal)) > 0) {
                _cleanup_(dev_line_done) DevLine line = {};

                r = read_line(v->journal, &line);
                if (r == -EBADMSG) /* damaged there */
                        continue;
                if (r < 0)
                        return r;
                *ret = take_line(v, &line);
                if (ends(*ret))
                        break;
        }
        errno = 0;
        if (fflush(stdout) != 0 || ferror(stdout))
                return ctl_reader_gone() ? -EPIPE : errno > 0 ? -errno : -EIO;
        return r < 0 ? r : 0;
}

static int wait_limit(const DevView *v) {
        uint64_t until = MIN(progress_due(), v->end), now = now_usec(), journal;

        if (sd_journal_get_timeout(v->journal, &journal) >= 0)
                until = MIN(until, journal);
        if (until == UINT64_MAX)
                return -1;
        return until <= now ? 0 : (int) MIN((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t) INT32_MAX);
}

static int wait_for_more(DevView *v, Outcome *ret) {
        struct pollfd fds[] = {
                { .fd = sd_journal_get_fd(v->journal), .events = (short) sd_journal_get_events(v->journal) },
                { .fd = v->signals, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* POLLERR: the reader has gone, even if nothing is logged any more */
        };
        struct signalfd_siginfo info;
        int r;

        if (fds[0].fd < 0)
                return fds[0].fd;
        if (poll(fds, ELEMENTSOF(fds), wait_limit(v)) < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[1].revents && read(v->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
                *ret = INTERRUPTED;
                return 0;
        }
        if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL))
                return -EPIPE;
        if (now_usec() >= v->end)
                *ret = TIME_OVER;
        r = journal_process(v->journal);
        if (v->waits_for)
                progress_show("%s", v->waits_for);
        return r < 0 ? r : 0;
}

static int run(DevView *v, bool (*ends)(Outcome outcome), Outcome *ret) {
        int r;

        *ret = GOES_ON;
        do {
                r = take_entries(v, ends, ret);
                if (r >= 0 && !ends(*ret))
                        r = wait_for_more(v, ret);
        } while (r >= 0 && !ends(*ret));
        progress_end();
        return r;
}

/* -EPIPE is no failure: whoever read has seen enough. */
static int finish(Ctl *ctl, int r) {
        if (r == -EPIPE) {
                ctl->output_error = r;
                return CTL_OK;
        }
        (void) log_errno(r, "cannot follow the journal");
        return CTL_FAILED;
}

static bool ends_view(Outcome outcome) {
        return outcome == INTERRUPTED || outcome == WATCHD_STOPPED;
}

int dev_view_follow(DevView *v, Ctl *ctl) {
        Outcome outcome;
        int r;

        v->only_errors = ctl->quiet;
        r = run(v, ends_view, &outcome);
        if (r < 0)
                return finish(ctl, r);
        if (outcome == INTERRUPTED)
                ctl_say(ctl, "%sAll of it goes on running and following its files; 'toolooctl stop' ends it.",
                        isatty(STDOUT_FILENO) ? "\n" : "");
        else
                ctl_say(ctl, "Nothing is followed any more: " WATCHD_UNIT " was stopped.");
        return CTL_OK;
}

static bool ends_build(Outcome outcome) {
        return outcome != GOES_ON;
}

int dev_view_wait_for_build(DevView *v, Ctl *ctl) {
        Outcome outcome;
        int r;

        v->only_errors = true;
        v->end = now_usec() + BUILD_TIMEOUT_USEC;
        wait_for(v, strdup("Building"));
        r = run(v, ends_build, &outcome);
        wait_for(v, NULL);
        if (r < 0)
                return finish(ctl, r);
        if (outcome == WATCHD_STOPPED)
                log_error("nothing was built: " WATCHD_UNIT " was stopped");
        else if (outcome == TIME_OVER)
                log_error("nothing was heard of the build within 15 minutes; see 'toolooctl status'");
        else if (outcome == INTERRUPTED)
                log_error("interrupted; the build goes on, see 'toolooctl status'");
        return outcome == BUILD_DONE ? CTL_OK : CTL_FAILED;
}

/* --- Beginning ----------------------------------------------------------------------------------------------------- */

/* A copy that lives as long as the view. */
static int keep(DevView *v, const char *name, const char **ret) {
        int r = name ? strv_extend(&v->names, name) : 0;

        if (r >= 0)
                *ret = name ? v->names[strv_length(v->names) - 1] : NULL;
        return r;
}

static int add_source(DevView *v, const char *id, const char *unit, const char *socket) {
        LogSource *source = v->sources + v->n_sources++;
        int r;

        r = keep(v, id, &source->id);
        if (r >= 0)
                r = keep(v, unit, &source->unit);
        return r < 0 ? r : keep(v, socket, &source->socket);
}

static int add_sources(DevView *v) {
        const Ctl *ctl = v->ctl;
        int r;

        v->sources = calloc((2 * ctl->n_selected) + 1, sizeof(LogSource));
        if (!v->sources)
                return -ENOMEM;
        r = add_source(v, "watchd", WATCHD_UNIT, NULL);
        for (size_t i = 0; i < ctl->n_selected && r >= 0; i++) {
                const Service *s = ctl->selected[i];
                _cleanup_(freep) char *unit = NULL;

                r = add_source(v, s->id, s->unit, s->socket);
                if (r < 0 || !dev_is_own(s))
                        continue;
                unit = str_printf("tooloo-reload@%s.service", s->id);
                r = unit ? add_source(v, s->id, unit, NULL) : -ENOMEM;
        }
        return r;
}

/* Signals are taken in between two lines, so that none is cut in half. */
static int open_signals(DevView *v) {
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGINT);
        (void) sigaddset(&mask, SIGTERM);
        /* Else a reader that has gone would look like a crash to whoever started this. */
        (void) signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        v->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        return v->signals < 0 ? -errno : 0;
}

int dev_view_new(const Ctl *ctl, DevView **ret) {
        _cleanup_(dev_view_freep) DevView *v = calloc(1, sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        v->signals = -EBADF;
        v->end = UINT64_MAX;
        v->ctl = ctl;
        v->colors = terminal_colors();
        if (regcomp(&v->diagnostic, "^[^:]+:[0-9]+(:[0-9]+)?: (fatal )?error: ", REG_EXTENDED | REG_NOSUB) != 0)
                return -ENOMEM;
        v->compiles = true;
        r = add_sources(v);
        if (r >= 0)
                r = journal_open(v->sources, v->n_sources, &v->journal);
        if (r >= 0)
                r = sd_journal_get_fd(v->journal); /* before anything is read, so that a new journal file is not missed */
        if (r >= 0)
                r = journal_seek(v->journal, 0, 0);
        if (r >= 0)
                r = open_signals(v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

DevView *dev_view_free(DevView *v) {
        if (!v)
                return NULL;
        sd_journal_close(v->journal);
        if (v->compiles)
                regfree(&v->diagnostic);
        free(v->sources);
        strv_free(v->names);
        strv_free(v->errors);
        free(v->waits_for);
        safe_close(v->signals);
        free(v);
        return NULL;
}
