/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables of the ledger, for those who ask it in SQL. Times are realtime usec, durations usec, money nano-USD.
 *
 * request       id, name, at, api, key, user, session, intent, parent, source, cache, stream, status, ended
 *               one a call of a client. status and ended are NULL while it runs; 499: the client went away
 * attempt       request, n, at, provider, model, price, status, error, text, ttft, total, tokens_in, tokens_out, tokens_cached,
 *               tokens_cache_write, tokens_reasoning, reported, cost
 *               one a call of a provider, failed and retried ones too. total is NULL while it runs; error is NULL for success;
 *               status is NULL when none came, ttft when nothing came, price when none is known
 * reservation   request, n, expires, amount: attempts that run
 * price         id, provider, model, at, input, output, cached, cache_write, reasoning (pico-USD a token), source
 * budget_limit  scope, subject, window, hard, soft
 * gateway_key   id, name, hash (SHA-256 of the text), user, created, revoked
 * grade         id, request, at, grader, score (0..1), detail
 * match         id, at, track, a, b, winner ("a", "b", "tie"), request
 * event         id, at, user, kind, detail (JSON); of the kind "badge" one for each user and detail.badge
 * setting       name, value
 *
 * Derived (LEDGER_DERIVED):
 * spent         scope, subject, window, begins, settled, reserved, calls
 *               the sums of attempts and reservations by which limits are held; subject of a key is its name. There
 *               is a row for each scope that a call falls under, limit or not. calls counts attempts, whatever became of them
 *
 * Words of attempt.error:
 *   connect           no connection                       timeout-connect, timeout-first-byte, timeout-idle
 *   http-STATUS       the provider's answer, e.g. http-429
 *   cut               the connection ended in the middle  malformed   what came was not its wire format
 *   error-event       an error in a 200                   cancelled   the client went away
 *   unsupported       it cannot do what was asked         interrupted the process was gone before the end
 *   released          never sent */

#include <stddef.h>

#define LEDGER_DERIVED { "spent" }

extern const char *const ledger_migrations[];
extern const size_t n_ledger_migrations;
