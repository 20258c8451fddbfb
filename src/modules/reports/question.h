/* SPDX-License-Identifier: MIT */
#pragma once

/* A request for a report: its parameters, read and checked, and its way to the answer. */

#include "foundation/http.h"
#include "tally.h"

#define WINDOW_DAYS_DEFAULT 30
#define WINDOW_DAYS_MAX 366

/* Whole hours of UTC: from is rounded down and to is rounded up. */
typedef struct Window {
        uint64_t from, to; /* realtime usec; to is not part of it */
} Window;

#define COMPARED_MAX 5
#define NAME_MAX_BYTES 128

typedef struct Question Question;

/* An answer in both forms. rows: the table that CSV is; NULL for every figure of json with its path. The question puts
 * them. */
typedef struct Answer {
        json_object *json, *rows;
} Answer;

/* One kind of report. */
typedef struct ReportKind {
        const char *name; /* of the CSV file */
        int (*make)(const Question *q, Answer *ret);
        unsigned days;                      /* the window, unless from and to say another */
        unsigned limit_default, limit_max;  /* 0 for no parameter `limit` */
        /* It takes comparison=, trends=, recentHours=, baseFrom= and baseTo=, bucket=. */
        bool compares, trends, recent, base, buckets;
} ReportKind;

struct Question {
        const ReportKind *kind;
        const Tally *tally;        /* set when it is answered */
        struct Ledger *ledger;     /* NULL: there is none yet */
        uint64_t now;              /* realtime usec */
        Window window, base;       /* base: of the period before */
        unsigned limit;
        char compared[COMPARED_MAX][NAME_MAX_BYTES + 1];
        unsigned n_compared;
        bool trends, by_hour, csv;
        unsigned recent_hours;
};

/* Reads what the request says. -EINVAL with *ret_problem, one line that names the parameter; the caller frees. */
int question_read(HttpRequest *request, const ReportKind *kind, uint64_t now, Question *ret, char **ret_problem);

/* Replies with the report; the tally is up to date. 0, or negative errno. */
int question_answer(Question *q, HttpRequest *request);
