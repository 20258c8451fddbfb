/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "terminal.h"
#include "text.h"

#define FIRST_USEC (500 * USEC_PER_MSEC)
#define NEXT_USEC USEC_PER_SEC
#define WIDTH_DEFAULT 80

static struct {
        uint64_t begun, due; /* monotonic usec; due is UINT64_MAX where nothing is to be shown */
        bool shown;
} progress = { .due = UINT64_MAX };

/* To the beginning of the line, and away with the rest of it. */
#define REWRITE "\r\033[K"

static bool can_rewrite(void) {
        const char *term = getenv("TERM");

        return isatty(STDERR_FILENO) && term && !streq(term, "dumb");
}

void progress_begin(bool quiet) {
        progress.begun = now_usec();
        progress.due = !quiet && can_rewrite() ? progress.begun + FIRST_USEC : UINT64_MAX;
}

uint64_t progress_due(void) {
        return progress.due;
}

/* One column stays free: in the last one some terminals begin a new line, which could not be taken back. */
static size_t line_width(void) {
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 1 ? size.ws_col - 1U : WIDTH_DEFAULT - 1;
}

void progress_show(const char *format, ...) {
        _cleanup_(freep) char *text = NULL, *whole = NULL, *line = NULL;
        uint64_t now = now_usec();
        char span[TIMESPAN_MAX];
        va_list ap;

        if (now < progress.due)
                return;
        progress.due = now + NEXT_USEC;
        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        /* Whole seconds: the line changes once a second. */
        whole = text && now - progress.begun >= USEC_PER_SEC ?
                        str_printf("%s (%s)", text, format_timespan(span, (now - progress.begun) / USEC_PER_SEC *
                                                                                  USEC_PER_SEC)) :
                        NULL;
        line = text ? text_ellipsize(whole ? whole : text, line_width()) : NULL;
        if (!line)
                return;
        (void) fprintf(stderr, REWRITE "%s", line);
        (void) fflush(stderr);
        progress.shown = true;
}

void progress_clear(void) {
        if (!progress.shown)
                return;
        (void) fputs(REWRITE, stderr);
        (void) fflush(stderr);
        progress.shown = false;
        progress.due = MIN(progress.due, now_usec() + NEXT_USEC);
}

void progress_end(void) {
        progress_clear();
        progress.due = UINT64_MAX;
}
