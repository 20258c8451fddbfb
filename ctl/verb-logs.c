/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "basic/time-util.h"
#include "command-line.h"
#include "journal.h"
#include "log-command.h"
#include "log-generation.h"
#include "log-priority.h"
#include "output.h"
#include "pager.h"
#include "shared/journal-follow.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "terminal.h"

/* The source watcher is no service, but what it says of a failed build is what one looks for. */
#define WATCHD_ID "watchd"

#define FOLLOW_LINES 10
/* So many entries at a time, then a look at the signals: a service can log faster than a terminal takes it. */
#define BATCH_MAX 1000

typedef struct Logs {
        sd_journal *journal;
        WideJournal wide;
        LogSource *sources;
        LogQuery query;
        LogPattern *pattern;
        LogStyle style;
        uint64_t n_printed;
        int signals; /* a signalfd */
} Logs;

static void logs_done(Logs *l) {
        sd_journal_close(l->journal);
        wide_journal_done(&l->wide);
        log_pattern_free(l->pattern);
        free(l->sources);
        safe_close(l->signals);
}

static bool names_watchd(const char *name) {
        return streq(name, WATCHD_ID) || streq(name, "tooloo-" WATCHD_ID) || streq(name, WATCHD_UNIT);
}

/* The services named, and the watcher when it is, or when nothing is. */
static int find_sources(Ctl *ctl, Logs *l) {
        _cleanup_(freep) char **services = calloc(strv_length(ctl->names) + 1, sizeof(char *));
        char **names = ctl->names;
        bool watchd = !names;
        size_t n = 0;
        int status;

        if (!services) {
                (void) log_errno(-ENOMEM, "cannot look up the services");
                return CTL_FAILED;
        }
        STRV_FOREACH(name, names) {
                if (names_watchd(*name))
                        watchd = true;
                else
                        services[n++] = *name;
        }
        ctl->names = names ? services : NULL;
        status = ctl_select(ctl, CTL_UNKNOWN);
        ctl->names = names;
        if (status != CTL_OK)
                return status;
        l->sources = calloc(ctl->n_selected + 1, sizeof(LogSource));
        l->query.sources = l->sources;
        if (!l->sources) {
                (void) log_errno(-ENOMEM, "cannot look up the services");
                return CTL_FAILED;
        }
        for (size_t i = 0; i < ctl->n_selected; i++)
                l->sources[l->query.n_sources++] = log_source_of(ctl, ctl->selected[i]);
        if (watchd)
                l->sources[l->query.n_sources++] = (LogSource) {
                        .id = WATCHD_ID,
                        .unit = WATCHD_UNIT,
                        .number = (unsigned) ctl->registry->n_services,
                };
        return CTL_OK;
}

/* -EPIPE when whoever read has gone. */
static int flush(void) {
        errno = 0;
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        return ctl_reader_gone() ? -EPIPE : errno > 0 ? -errno : -EIO;
}

/* Nothing that is wanted comes any more. */
static int is_past_end(Logs *l) {
        uint64_t time;
        int r;

        if (l->query.until == 0)
                return false;
        r = sd_journal_get_realtime_usec(l->journal, &time);
        return r < 0 ? r : time > l->query.until;
}

/* At most max entries from the one that the journal is at, where at is set, or the next. 1 when there may be more. */
static int print_entries(Logs *l, bool at, uint64_t max) {
        for (uint64_t n = 0; n < max; n++) {
                int r;

                r = at && n == 0 ? 1 : sd_journal_next(l->journal);
                if (r <= 0)
                        return r;
                r = is_past_end(l);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = log_entry_print_query(l->journal, &l->query, &l->style);
                if (r >= 0 && ferror(stdout))
                        return flush();
                if (r < 0)
                        return r;
                l->n_printed += (uint64_t) r;
        }
        return 1;
}

/* Milliseconds until the journal wants to look for itself (on network file systems, which announce nothing), -1 for
 * never. */
static int wait_limit(sd_journal *j) {
        uint64_t until, now = now_usec();

        if (sd_journal_get_timeout(j, &until) < 0 || until == UINT64_MAX)
                return -1;
        return until <= now ? 0 : (int) MIN((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t) INT32_MAX);
}

/* 0 when the journal has something new, -EPIPE, -EINTR with *ret_signal, or another error. */
static int wait_for_more(Logs *l, bool more, int *ret_signal) {
        struct pollfd fds[] = {
                { .fd = sd_journal_get_fd(l->journal), .events = (short) sd_journal_get_events(l->journal) },
                { .fd = l->signals, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* POLLERR: the reader has gone, even if nothing is logged any more */
        };
        struct signalfd_siginfo info;
        int r;

        if (fds[0].fd < 0)
                return fds[0].fd;
        if (poll(fds, ELEMENTSOF(fds), more ? 0 : wait_limit(l->journal)) < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[1].revents && read(l->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
                *ret_signal = (int) info.ssi_signo;
                return -EINTR;
        }
        if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL))
                return -EPIPE;
        r = journal_process(l->journal);
        return r < 0 ? r : 0;
}

/* What there is, up to the end. r is what is known of it: 1 for "there may be more". */
static int catch_up(Logs *l, int r, int *ret_signal) {
        while (r > 0) {
                r = print_entries(l, false, BATCH_MAX);
                if (r > 0) {
                        int f = flush();

                        r = f < 0 ? f : wait_for_more(l, true, ret_signal);
                        r = r < 0 ? r : 1;
                }
        }
        return r;
}

/* From now on in the wide journal, where there is one. */
static int widen(Logs *l) {
        int r;

        if (!l->wide.journal)
                return 0;
        r = wide_journal_follow(&l->wide, l->journal);
        if (r < 0)
                return r;
        sd_journal_close(l->journal);
        l->journal = TAKE_PTR(l->wide.journal);
        return r > 0 ? print_entries(l, true, 1) : 0;
}

static int follow(Logs *l, int *ret_signal) {
        int r;

        r = catch_up(l, 1, ret_signal);
        if (r >= 0)
                r = widen(l);
        while (r >= 0) {
                r = catch_up(l, 1, ret_signal);
                if (r >= 0)
                        r = flush();
                if (r >= 0)
                        r = wait_for_more(l, false, ret_signal);
        }
        return r;
}

/* Signals are taken in between two batches, so that no line is cut in half. */
static int prepare_follow(Logs *l) {
        sigset_t mask;
        int r;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGINT);
        (void) sigaddset(&mask, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        l->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (l->signals < 0)
                return -errno;
        /* Before anything is read, so that a new journal file is not missed. */
        r = sd_journal_get_fd(l->journal);
        return r < 0 ? r : 0;
}

static int open_journals(const Ctl *ctl, Logs *l) {
        int r = 0;

        if (ctl->follow)
                r = wide_journal_open(&l->query, &l->wide);
        if (r >= 0)
                r = journal_open_query(&l->query, &l->journal);
        return r >= 0 && ctl->follow ? prepare_follow(l) : r;
}

static int show(const Ctl *ctl, Logs *l, int *ret_signal) {
        uint64_t lines = ctl->lines;
        int r;

        if (lines == LINES_DEFAULT)
                lines = ctl->follow && l->query.since == 0 ? FOLLOW_LINES : LINES_ALL;
        r = open_journals(ctl, l);
        if (r >= 0)
                r = journal_seek_query(l->journal, &l->query, lines);
        if (r > 0)
                r = print_entries(l, true, ctl->follow ? BATCH_MAX : UINT64_MAX);
        if (r >= 0 && ctl->follow)
                return follow(l, ret_signal);
        if (r >= 0 && l->n_printed == 0 && !ctl->json && !ctl->quiet)
                (void) puts("-- No entries --");
        return r < 0 ? r : flush();
}

/* As the signal itself would have done it, for the shell that waits. */
static void die_of(int number) {
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, number);
        (void) sigprocmask(SIG_UNBLOCK, &mask, NULL);
        (void) raise(number);
}

static int finish(Ctl *ctl, int r) {
        if (r == -EPIPE || ferror(stdout)) {
                ctl->output_error = r; /* main() says it, but for "toolooctl logs | head", which has seen enough */
                return r == -EPIPE ? CTL_OK : CTL_FAILED;
        }
        if (r == -ENODATA) {
                _cleanup_(freep) char *advice = journal_advice();

                log_error("%s", strna(advice));
                return CTL_FAILED;
        }
        if (r < 0) {
                (void) log_errno(r, "cannot read the journal");
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* What of the entries is wanted; CTL_OK, or a line was said. */
static int read_query(Ctl *ctl, Logs *l) {
        const char *priority = ctl->given[OPTION_PRIORITY], *grep = ctl->given[OPTION_GREP];
        int r;

        if (ctl->follow && ctl->given[OPTION_UNTIL])
                return verb_usage(ctl, "--until does not go with --follow");
        if (priority && parse_priorities(priority, &l->query.priorities) < 0)
                return verb_usage(ctl, "--priority takes emerg, alert, crit, err, warning, notice, info, debug, a number from "
                                       "0 to 7, or a range such as err..warning, not '%s'", priority);
        r = grep ? log_pattern_new(grep, &l->pattern) : 0;
        if (r < 0)
                return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
        l->query.pattern = l->pattern;
        l->query.since = ctl->since;
        l->query.until = ctl->until;
        return CTL_OK;
}

/* Each source by its own generation. Beyond the longest of them nothing need be read. */
static int settle_generation(const Ctl *ctl, Logs *l) {
        uint64_t from = UINT64_MAX, until = 0;
        bool ended = true;

        for (size_t i = 0; ctl->given[OPTION_GENERATION] && i < l->query.n_sources; i++) {
                int status = log_generation_find(ctl, l->sources + i);

                if (status != CTL_OK)
                        return status;
                from = MIN(from, l->sources[i].from);
                until = MAX(until, l->sources[i].until);
                ended = ended && l->sources[i].until > 0;
        }
        if (!ctl->given[OPTION_GENERATION])
                return CTL_OK;
        if (ctl->follow && ended)
                return verb_usage(ctl, "--generation=%s does not go with --follow: it has ended",
                                  ctl->given[OPTION_GENERATION]);
        l->query.since = MAX(l->query.since, from);
        if (ended)
                l->query.until = l->query.until > 0 ? MIN(l->query.until, until) : until;
        return CTL_OK;
}

static void settle_style(const Ctl *ctl, Logs *l) {
        l->style.json = ctl->json;
        l->style.colors = !ctl->json && terminal_colors();
        l->style.colors_256 = terminal_colors_256();
        for (size_t i = 0; i < l->query.n_sources; i++)
                l->style.id_width = MAX(l->style.id_width, (int) strlen(l->query.sources[i].id));
}

int verb_logs(Ctl *ctl) {
        _cleanup_(logs_done) Logs l = { .signals = -EBADF };
        int status, number = 0, r;

        /* Else a reader that has gone would look like a crash to whoever started this. */
        (void) signal(SIGPIPE, SIG_IGN);
        status = read_query(ctl, &l);
        if (status == CTL_OK)
                status = find_sources(ctl, &l);
        if (status == CTL_OK)
                status = settle_generation(ctl, &l);
        if (status != CTL_OK)
                return status;
        if (ctl->given[OPTION_CMD])
                return log_command_print(ctl, &l.query);
        settle_style(ctl, &l);
        if (!ctl->follow)
                pager_open(ctl);
        r = show(ctl, &l, &number);
        if (r == -EINTR && number > 0) {
                die_of(number);
                return CTL_FAILED; /* only where the signal is ignored */
        }
        return finish(ctl, r);
}
