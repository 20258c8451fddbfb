/* SPDX-License-Identifier: MIT */
#pragma once

#include "statement.h"
#include "varint.h"

/* A tick's row: for each service its number, the size of what follows of it, which series there are (bit by bit), and these
 * as zigzag of the scaled value; all of them varints. So whoever wants one service skips the others by their size. */

/* What a value of a series is kept as; VALUE_NONE for NAN and for what is infinite. Those too big to be added up over an hour
 * are the biggest that is not. */
#define VALUE_NONE INT64_MIN
#define VALUE_MAX (INT64_C(1) << 50)

int64_t value_from_double(Series series, double value);

typedef struct TickReader {
        ByteReader bytes;
        uint32_t service; /* of the entry that was read last */
        uint64_t series;  /* bits */
        ByteReader values;
} TickReader;

void tick_reader_init(TickReader *reader, const void *data, size_t size);
/* The next service: 1, 0 at the end, -EBADMSG. */
int tick_reader_next(TickReader *reader);
/* Its values; VALUE_NONE for those that are not there. */
int tick_reader_values(TickReader *reader, int64_t values[static _SERIES_MAX]);

/* The rows of these seconds, one by one, in their order. The data lasts until the next one or statement_done(). */
int ticks_select(History *h, uint64_t from, uint64_t to, sqlite3_stmt **ret);
int ticks_next(History *h, sqlite3_stmt *s, uint64_t *ret_second, TickReader *ret);
