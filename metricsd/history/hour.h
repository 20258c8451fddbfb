/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"
#include "pack.h"

/* When there were ticks in an hour that is sealed: all of its blocks have one number for each of these. */
typedef struct HourTimes {
        uint64_t hour;
        size_t n;
        uint16_t *seconds; /* since its begin, ascending */
} HourTimes;

void hour_times_done(HourTimes *times);

/* 1 when there are any, 0 when there are none, -EBADMSG for what is damaged. */
int hour_times_load(History *h, uint64_t hour, HourTimes *ret);
/* The same from what a row holds. -EBADMSG. */
int hour_times_unpack(Packer *packer, const void *data, size_t size, uint64_t n, uint64_t hour, HourTimes *ret);

typedef struct HourFigures {
        uint64_t samples, blob_bytes, rollup_bytes;
} HourFigures;

/* Adds the bytes of the times to the figures. */
int hour_times_save(History *h, const HourTimes *times, const HourFigures *figures);

/* Which one that second is; -ENOENT when there was none. */
int hour_times_find(const HourTimes *times, uint64_t second);

/* The packer that all of the store uses. */
int history_packer(History *h, Packer **ret);
