/* SPDX-License-Identifier: MIT */
#include "why-log.h"

#include <ctype.h>
#include <strings.h>
#include <syslog.h>

#include "basic/string-util.h"

/* What systemd says of one failure it says at once. */
#define MOMENT_USEC (5 * USEC_PER_SEC)

/* systemd's words, which have no id. */
#define GIVES_UP "Start request repeated too quickly"
#define FAILED "Failed with result"
#define STARTS_AGAIN "Scheduled restart job"

/* Of the languages that people write services in: how an error announces itself where it has no priority. */
static bool sounds_bad(const char *message) {
        static const char *const words[] = {
                "error", "exception", "fatal", "panic", "abort", "assert", "failed", "failure", "cannot", "can't", "could not",
                "denied", "refused", "not found", "no such", "unhandled", "segfault", "already in use", "out of memory",
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(message, words[i]))
                        return true;
        return false;
}

/* A stack trace's lines are indented, what it is about is not. */
static unsigned weight(const WhyLine *line) {
        bool indented = isspace((unsigned char) line->message[0]) || !line->message[0];

        if (line->priority <= LOG_ERR)
                return indented ? 3 : 4;
        return indented ? 0 : sounds_bad(line->message) ? 2 : 1;
}

static const WhyLine *pick_own(const WhyLine *lines, size_t n) {
        const WhyLine *best = NULL;

        for (const WhyLine *l = lines; l < lines + n; l++)
                if (l->own && l->this_run && weight(l) > 0 && (!best || weight(l) >= weight(best)))
                        best = l;
        return best;
}

/* Says that something went wrong, and never what: there is a better line, or the verdict has said it. */
static bool says_nothing(const WhyLine *l) {
        return (l->job_result && !streq(l->job_result, "done") && !streq(l->job_result, "dependency")) ||
               strstr(l->message, FAILED) || strstr(l->message, GIVES_UP);
}

/* The first of the gravest: what follows tells what came of it. */
static const WhyLine *pick_systemds(const WhyLine *lines, size_t n) {
        const WhyLine *best = NULL;
        uint64_t last = 0;

        for (const WhyLine *l = lines; l < lines + n; l++)
                if (!l->own)
                        last = l->time;
        for (const WhyLine *l = lines; l < lines + n; l++)
                if (!l->own && l->time + MOMENT_USEC >= last && !says_nothing(l) && (!best || l->priority < best->priority))
                        best = l;
        return best;
}

const WhyLine *why_pick_line(const WhyLine *lines, size_t n, bool from_systemd) {
        const WhyLine *first = from_systemd ? pick_systemds(lines, n) : pick_own(lines, n);

        return first ? first : from_systemd ? pick_own(lines, n) : pick_systemds(lines, n);
}

const WhyLine *why_last_job(const WhyLine *lines, size_t n) {
        for (size_t i = n; i > 0; i--)
                if (!lines[i - 1].of_socket && lines[i - 1].job_type && lines[i - 1].job_result)
                        return lines + i - 1;
        return NULL;
}

/* Has systemd brought it back by itself, as its restart policy says? Then it has said so after the failure before. */
static bool is_automatic(const WhyLine *lines, size_t i) {
        while (i-- > 0) {
                const WhyLine *l = lines + i;

                if (l->own || l->of_socket)
                        continue;
                if (strstr(l->message, STARTS_AGAIN))
                        return true;
                if (strstr(l->message, FAILED) || strstr(l->message, GIVES_UP) || (l->job_type && streq(l->job_type, "stop")))
                        return false;
        }
        return false;
}

static bool is_change(const WhyLine *lines, size_t i) {
        const WhyLine *l = lines + i;

        if (l->event)
                return streq(l->event, "reloaded") || streq(l->event, "reload-rejected") || streq(l->event, "rolled-back");
        return !l->of_socket && l->job_type && (streq(l->job_type, "restart") || streq(l->job_type, "start")) &&
               streq(strempty(l->job_result), "done") && !is_automatic(lines, i);
}

const WhyLine *why_last_change(const WhyLine *lines, size_t n, uint64_t before) {
        for (size_t i = n; i > 0; i--)
                if (lines[i - 1].time <= before && is_change(lines, i - 1))
                        return lines + i - 1;
        return NULL;
}

bool why_gave_up(const WhyLine *lines, size_t n) {
        for (size_t i = n; i > 0; i--) {
                const WhyLine *l = lines + i - 1;

                if (!l->of_socket && l->job_type && streq(strempty(l->job_result), "done"))
                        return false;
                if (!l->own && strstr(l->message, GIVES_UP))
                        return true;
        }
        return false;
}
