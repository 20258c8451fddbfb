/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a service says of itself in the body of its /health: of a foreign program that may be anything. */

#define HEALTH_REASON_MAX 200

typedef struct HealthBody {
        uint64_t generation;                /* 0 for none */
        uint64_t requests, errors;          /* so far; UINT64_MAX for not said */
        char reason[HEALTH_REASON_MAX + 1]; /* why it is not well: one line of UTF-8 without control characters, "" for none */
} HealthBody;

/* data need not end in a NUL. What cannot be read is as if it were not there. */
void health_body_parse(const char *data, size_t size, HealthBody *ret);
