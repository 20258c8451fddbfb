/* SPDX-License-Identifier: MIT */
#include "series.h"

#include <assert.h>
#include <errno.h>

#include "basic/macro.h"
#include "basic/string-util.h"

/* As fine as what is measured is exact: hundredths of what people read, and for memory the unit in which the kernel tells
 * that of a process. Blobs that are on a disk already hold numbers of these scales, so they never change. */
static const SeriesInfo infos[_SERIES_MAX] = {
        [SERIES_RESPONSE_TIME] = { "service.responseTime", "ms", 100 },
        [SERIES_HEALTH] = { "service.health", "", 2 },
        [SERIES_RESTARTS] = { "service.restarts", "", 1 },
        [SERIES_MEMORY] = { "service.memory", "bytes", 1.0 / 1024 },
        [SERIES_CPU] = { "service.cpu", "%", 100 },
        [SERIES_ERROR_RATE] = { "service.errorRate", "", 10000 },
        [SERIES_REQUESTS] = { "service.requests", "", 1 },
        [SERIES_ERRORS] = { "service.errors", "", 1 },
        [SERIES_JOURNAL_ERRORS] = { "journal.errors", "", 1 },
        [SERIES_GENERATION] = { "service.generation", "", 1 },
};

const SeriesInfo *series_info(Series series) {
        assert((unsigned) series < _SERIES_MAX);
        return &infos[series];
}

int series_from_name(const char *name, Series *ret) {
        for (size_t i = 0; i < ELEMENTSOF(infos); i++)
                if (streq(infos[i].name, name)) {
                        *ret = (Series) i;
                        return 0;
                }
        return -EINVAL;
}
