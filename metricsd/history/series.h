/* SPDX-License-Identifier: MIT */
#pragma once

/* What is kept of each service at each tick. The numbers stand in the database: a new one goes to the end. */
typedef enum Series {
        SERIES_RESPONSE_TIME,  /* ms */
        SERIES_HEALTH,         /* 1 healthy, 0.5 degraded, 0 offline */
        SERIES_RESTARTS,       /* automatic ones so far, as FleetUnit.restarts */
        SERIES_MEMORY,         /* bytes */
        SERIES_CPU,            /* percent of one core */
        SERIES_ERROR_RATE,     /* 0..1 */
        SERIES_REQUESTS,       /* so far, in this run */
        SERIES_ERRORS,         /* of these */
        SERIES_JOURNAL_ERRORS, /* lines of priority err or worse since the tick before */
        SERIES_GENERATION,
        _SERIES_MAX,
} Series;

typedef struct SeriesInfo {
        const char *name; /* "service.responseTime": as the alert metric of that name, where there is one */
        const char *unit; /* "ms", "bytes", "%", "" */
        double scale;     /* a value is kept as the integer nearest to value * scale */
} SeriesInfo;

const SeriesInfo *series_info(Series series);
/* -EINVAL when there is none of that name. */
int series_from_name(const char *name, Series *ret);
