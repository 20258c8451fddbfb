/* SPDX-License-Identifier: MIT */
#pragma once

/* The reports, each in a file of its own, and what they take from each other. */

#include "parts.h"
#include "scores.h"

int make_leaderboard(const Question *q, Answer *ret); /* leaderboard.c */
int make_insights(const Question *q, Answer *ret);    /* insights.c */
int make_trends(const Question *q, Answer *ret);      /* trends.c */
int make_evolution(const Question *q, Answer *ret);   /* evolution.c */
int make_performance(const Question *q, Answer *ret); /* overview.c */
int make_comprehensive(const Question *q, Answer *ret);
int make_dashboard(const Question *q, Answer *ret);
int make_delta(const Question *q, Answer *ret);       /* delta.c */
int make_comparison(const Question *q, Answer *ret);  /* comparison.c */
int make_latest_comparison(const Question *q, Answer *ret);
int make_abilities(const Question *q, Answer *ret);   /* abilities.c */

/* An array, empty when nothing is significant; the caller puts. standings is as long as sum. */
int insights_new(const Question *q, const Sum *sum, const Standing *standings, json_object **ret);
/* [{provider, points:[{at, ...}]}], the newest q->limit buckets; rows, where not NULL, gets a row for each point. The caller
 * puts. */
int trends_new(const Question *q, bool by_hour, unsigned limit, json_object *rows, json_object **ret);

/* The begin of the bucket, a day or an hour, that is n before the one that `to` ends; false when it begins before the
 * window. *ret is cut to the window. */
bool bucket_of(const Window *w, bool by_hour, unsigned n, Window *ret);
