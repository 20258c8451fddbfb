/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway.h"
#include "judge.h"
#include "wishes.h"

/* A client's call, from its request to the end of its answer. */

#define CALL_ATTEMPTS_MAX 6
#define CALL_TRIED_MAX 16
#define CALL_TRIES_EACH 2
#define CALL_BACKOFF_USEC (200 * USEC_PER_MSEC) /* before the second try, at most; jitter takes from it */
#define CALL_QUEUE_USEC (60 * USEC_PER_SEC)     /* how long one waits for its turn */
#define CALL_OWED_USEC (5 * USEC_PER_SEC)       /* before a settlement that could not be written is tried again */

typedef struct Attempt Attempt;

/* A model that has been asked, or is not to be. */
typedef struct Tried {
        Deployment *deployment; /* the call holds its upstream */
        unsigned n;
        bool out;
} Tried;

struct Call {
        Gateway *gateway;
        HttpRequest *request; /* until it is answered, or the client gone */
        HttpStream *stream;   /* from the first content to its end */

        json_object *body;
        WireAsk ask;
        char *name, *user, *session, *intent, *source;
        char *beta;         /* what an Anthropic client asks Anthropic to try; NULL for nothing */
        int64_t parent, key;
        uint64_t arrived; /* realtime */

        uint64_t cache_for; /* usec, 0: not asked for */
        uint64_t store_for; /* usec, 0: nothing of what it says is kept */
        const char *cache;  /* "none", "miss", "hit", "joined" */
        uint8_t cache_key[CACHE_KEY_SIZE];
        Call *leader;       /* whose answer it waits for */
        CallList followers;
        TAILQ_ENTRY(Call) joined;
        char *record;       /* of a stream that others wait for, or that is kept */
        size_t recorded, record_space;

        BooksJob job;
        int64_t row;        /* its request in the ledger; 0 before it has one */
        Attempt *attempt;
        Attempt *chosen;    /* within the transaction that reserves for it */
        Choice choice;
        Tried tried[CALL_TRIED_MAX];
        size_t n_tried;
        sd_event_source *timer;
        uint64_t wait;      /* before the next attempt */

        Answer *answer;     /* what the client is told */
        Answer *failure;    /* of the last attempt */
        TAILQ_ENTRY(Call) entries;

        WireFormat api;
        unsigned abilities; /* ABILITY_... */
        unsigned n_attempts;
        unsigned n_tries;
        bool gone;          /* the client */
        bool over;          /* settled, and all that is left is to be read */
        bool record_lost;   /* it was too long */
        bool writing;
        bool row_kept;
        bool waits_for_key;
        bool again;         /* there will be one */
        bool owed;          /* what it has cost is not in the ledger yet */
};

/* request's body and head, checked; 0 when it has been answered already, else 1 and *ret. */
int call_new(Gateway *g, HttpRequest *request, WireFormat api, Call **ret);
Call *call_free(Call *c);
TL_DEFINE_CLEANUP(Call *, call_free)

/* From the handler, which returns HTTP_LATER then. */
void call_begin(Call *c);
/* Chooses and asks; waits for keys that are on their way. */
void call_try(Call *c);
/* The attempt has ended, by itself. */
void call_attempt_over(Call *c);
/* Nobody waits for it any more. */
void call_abandon(Call *c);
/* Frees it once nobody has a use for it. */
void call_release(Call *c);

/* call-choose.c. 1 and *ret; 0 and c->answer, why nobody can be asked now; -EAGAIN: a key is on its way. Those that are
 * out of question by `amount` or by format have been noted in c->tried. */
int call_choose(Call *c, const Wishes *wishes, Deployment **ret);
/* Whether there is anybody to choose from: 1 or 0, or -EAGAIN as above. */
int call_can_be_asked(const Call *c);
Candidate deployment_candidate(const Deployment *d, int64_t cost, uint64_t now);
Tried *call_tried(Call *c, Deployment *deployment);
void call_tried_done(Call *c);

/* call-books.c: the two things that are written of it. */
void call_write_start(Call *c);
void call_write_end(Call *c);
void call_write_owed(Call *c); /* the latter once more, of a call that is over */
void call_write_joined(Call *c);

/* call-client.c: to the client and to those that joined. */
extern const HttpStreamType call_stream_type;
/* Some of the stream can be sent, or all of it has come. */
void call_stream_on(Call *c);
void call_record(Call *c, const char *data, size_t size);
/* c->answer goes out: to the client, the cache, and who joined. */
void call_deliver(Call *c);
void call_on_gone(HttpRequest *request, void *userdata);

/* caller.c: who asks, and about what. 1, or 0 and *ret_refusal. */
int call_identify(Call *c, Answer **ret_refusal);
int caller_check_key(Gateway *g, HttpRequest *request, WireFormat api, LedgerKey *ret, Answer **ret_refusal);
