/* SPDX-License-Identifier: MIT */
#include "log-generation.h"

#include <stdio.h>

#include "command-line.h"
#include "output.h"
#include "shared/log.h"

#define MESSAGE_ID_STARTING "7d4958e842da4a758f6c1cdc7b36dcc5" /* SD_MESSAGE_UNIT_STARTING */
#define MESSAGE_ID_STARTED "39f53479d3a045ac8e11786248231fbf"  /* SD_MESSAGE_UNIT_STARTED; some units have it alone */
#define GENERATIONS_MAX 1000000000

enum { CURRENT = 0, PREVIOUS = -1 }; /* else a number since the last start */

#define RUN_MAX 33

typedef struct Beginning {
        char run[RUN_MAX]; /* the invocation */
        unsigned long number;
        uint64_t time;
} Beginning;

/* From the newest back to as far as need be. */
typedef struct Beginnings {
        Beginning *list;
        size_t n, space;
} Beginnings;

static void beginnings_done(Beginnings *b) {
        free(b->list);
}

/* What begins a generation: the host's own line, or systemd's about the unit. */
static int add_matches(sd_journal *j, const char *unit) {
        int r;

        r = journal_match(j, "_SYSTEMD_USER_UNIT", unit);
        if (r >= 0)
                r = journal_match(j, "TOOLOO_EVENT", "reloaded");
        if (r >= 0)
                r = journal_match_user(j, "_UID");
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = journal_match(j, "USER_UNIT", unit);
        if (r >= 0)
                r = journal_match(j, "MESSAGE_ID", MESSAGE_ID_STARTING);
        if (r >= 0)
                r = journal_match(j, "MESSAGE_ID", MESSAGE_ID_STARTED);
        return r < 0 ? r : journal_match_user(j, "_UID");
}

/* Of the generation that the journal's entry is the beginning of. */
static int read_beginning(sd_journal *j, Beginning *ret) {
        _cleanup_(freep) char *number = NULL, *run = NULL;
        int r;

        ret->number = 1;
        r = journal_field(j, "TOOLOO_GENERATION", &number, NULL);
        if (r >= 0)
                r = parse_uint(number, 1, GENERATIONS_MAX, &ret->number);
        if (r >= 0 || r == -ENOENT)
                r = journal_field(j, number ? "_SYSTEMD_INVOCATION_ID" : "USER_INVOCATION_ID", &run, NULL);
        if (r < 0)
                return r;
        (void) snprintf(ret->run, sizeof(ret->run), "%s", run);
        return sd_journal_get_realtime_usec(j, &ret->time);
}

/* "Started" and "Starting" of one run are one beginning, that of the latter, which is older. */
static int add_beginning(Beginnings *b, const Beginning *it) {
        Beginning *last = b->n > 0 ? b->list + b->n - 1 : NULL;

        if (last && streq(last->run, it->run) && last->number == it->number) {
                last->time = it->time;
                return 0;
        }
        if (b->n == b->space) {
                size_t space = MAX(b->space * 2, (size_t) 16);
                Beginning *grown = reallocarray(b->list, space, sizeof(Beginning));

                if (!grown)
                        return -ENOMEM;
                b->list = grown;
                b->space = space;
        }
        b->list[b->n++] = *it;
        return 0;
}

static bool is_enough(const Beginnings *b, long wanted) {
        if (b->n == 0)
                return false;
        /* One more than is wanted: only then is all of that one found. */
        return wanted > 0 ? !streq(b->list[b->n - 1].run, b->list[0].run) : b->n > (wanted == CURRENT ? 1u : 2u);
}

static int read_beginnings(sd_journal *j, long wanted, Beginnings *b) {
        int r;

        r = sd_journal_seek_tail(j);
        while (r >= 0 && !is_enough(b, wanted) && (r = sd_journal_previous(j)) > 0) {
                Beginning it;

                if (read_beginning(j, &it) >= 0) /* else sent by who knows whom */
                        r = add_beginning(b, &it);
        }
        return r;
}

/* Which of them is wanted; n for none. */
static size_t find_wanted(const Beginnings *b, long wanted) {
        if (wanted <= 0)
                return MIN(b->n, wanted == CURRENT ? (size_t) 0 : 1);
        for (size_t i = 0; i < b->n && streq(b->list[i].run, b->list[0].run); i++)
                if (b->list[i].number == (unsigned long) wanted)
                        return i;
        return b->n;
}

static int parse_generation(const char *s, long *ret) {
        unsigned long number;

        if (streq(s, "current") || streq(s, "previous")) {
                *ret = streq(s, "current") ? CURRENT : PREVIOUS;
                return 0;
        }
        if (parse_uint(s, 1, GENERATIONS_MAX, &number) < 0)
                return -EINVAL;
        *ret = (long) number;
        return 0;
}

static int say_none(const LogSource *s, const Beginnings *b, long wanted) {
        if (!b->list) /* not one was found */
                log_error("%s: the journal knows of no start, so of no generation", s->id);
        else if (wanted == PREVIOUS)
                log_error("%s: the journal knows of no generation before this one", s->id);
        else
                log_error("%s: no generation %ld since the last start; the newest is %lu", s->id, wanted, b->list[0].number);
        return CTL_FAILED;
}

int log_generation_find(const Ctl *ctl, LogSource *s) {
        const char *asked = ctl->given[OPTION_GENERATION];
        _cleanup_(beginnings_done) Beginnings b = {};
        _cleanup_(journal_closep) sd_journal *j = NULL;
        long wanted;
        size_t i;
        int r;

        if (parse_generation(asked, &wanted) < 0)
                return verb_usage(ctl, "--generation takes 'current', 'previous' or a number from 1 to %d, not '%s'",
                                  GENERATIONS_MAX, asked);
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = add_matches(j, s->unit);
        if (r >= 0)
                r = read_beginnings(j, wanted, &b);
        if (r < 0) {
                (void) log_errno(r, "cannot read the journal");
                return CTL_FAILED;
        }
        i = find_wanted(&b, wanted);
        if (!b.list || i == b.n)
                return say_none(s, &b, wanted);
        s->from = b.list[i].time;
        s->until = i > 0 ? b.list[i - 1].time - 1 : 0;
        return CTL_OK;
}
