/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "ctl/text.h"

#define SILENCE_USEC (500 * USEC_PER_MSEC)
#define WIDTH 79

void progress_begin(Progress *p, bool quiet) {
        const char *term = getenv("TERM");

        *p = (Progress) {};
        if (!quiet && isatty(STDERR_FILENO) && term && !streq(term, "dumb"))
                p->begun = now_usec();
}

void progress_say(Progress *p, const char *format, ...) {
        _cleanup_(freep) char *text = NULL, *clean = NULL, *cut = NULL;
        uint64_t now = now_usec();
        va_list ap;

        if (p->begun == 0 || now - p->begun < SILENCE_USEC)
                return;
        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        clean = text ? text_clean(text, strlen(text)) : NULL;
        cut = clean ? text_ellipsize(clean, WIDTH - strlen(" (100s)")) : NULL;
        if (!cut)
                return;
        (void) fprintf(stderr, "\r\033[K%s (%us)", cut, (unsigned) ((now - p->begun) / USEC_PER_SEC));
        (void) fflush(stderr);
        p->shown = true;
}

void progress_end(Progress *p) {
        if (p->shown)
                (void) fputs("\r\033[K", stderr);
        p->shown = false;
}
