/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdlib.h>

/* Finds in the output of a build the one line that tells why it failed. */

typedef struct Diagnosis {
        unsigned rank; /* how sure it is that line is the reason; 0 for the last line seen */
        char *line;
} Diagnosis;

static inline void diagnosis_done(Diagnosis *d) {
        free(d->line);
}

/* Makes a line fit for the journal and for STATUS=: no colours, no control characters, nothing that is not text in
 * the current locale's encoding. Changes it in place; it never grows. */
void line_clean(char *line);

/* Looks at the next line of output. -ENOMEM. */
int diagnose_line(Diagnosis *d, const char *line);

/* "src/x.c:1:2: error: ..." from "../src/x.c:1:2: error: ..." or with the source directory in front; a pointer
 * into line. Compilers are run in the build directory, people stand in the source directory. */
const char *line_shorten(const char *line, const char *source);
