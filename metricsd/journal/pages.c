/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "basic/macro.h"
#include "basic/string-util.h"

static void closefilep(FILE **f) {
        if (*f)
                (void) fclose(*f); /* it was only read */
}

/* Nothing is lost by it, for nobody writes through these mappings: MADV_DONTNEED takes pages out of the process's tables, not
 * out of the file. */
static int release(const char *line) {
        uintptr_t begin, end;
        int path = 0;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " r--s %*s %*s %*s %n", &begin, &end, &path) != 2 || path == 0)
                return 0;
        /* Also what was deleted while it was mapped. */
        if (!strstr(line + path, ".journal\n") && !strstr(line + path, ".journal (deleted)\n") &&
            !strstr(line + path, ".journal~\n"))
                return 0;
        return madvise((void *) begin, end - begin, MADV_DONTNEED) < 0 ? -errno : 0; /* NOLINT(performance-no-int-to-ptr) */
}

int journal_release_pages(void) {
        _cleanup_(closefilep) FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        int r = 0;

        if (!maps)
                return -errno;
        while (r >= 0 && fgets(line, sizeof(line), maps))
                r = release(line);
        return r;
}
