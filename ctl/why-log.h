/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the journal matters for "toolooctl why". Pure. */

typedef struct WhyLine {
        uint64_t time;  /* realtime usec */
        char *message;  /* its first line */
        unsigned priority;
        bool own;       /* of the service's own process, not systemd's about it */
        bool of_socket; /* systemd's about its socket */
        bool this_run;  /* of its present or last run */
        char *job_type, *job_result; /* of a line with which systemd ends a job; NULL else */
        char *event;    /* TOOLOO_EVENT=; NULL for none */
} WhyLine;

/* Lines are in the order of time. Each returns one of them, or NULL. */

/* The one that says most likely why: of its own last run, an error rather than anything else, the last of those; or what
 * systemd says, of the same moment as its last word. from_systemd prefers the latter. */
const WhyLine *why_pick_line(const WhyLine *lines, size_t n, bool from_systemd);

/* With which the last job of the unit ended. */
const WhyLine *why_last_job(const WhyLine *lines, size_t n);

/* The last change of what it runs that came at `before` at the latest: a reload, or a start or restart that was asked for. */
const WhyLine *why_last_change(const WhyLine *lines, size_t n, uint64_t before);

/* systemd has said that it gives up, after the last job that went well. */
bool why_gave_up(const WhyLine *lines, size_t n);
