/* SPDX-License-Identifier: MIT */
#pragma once

/* What metricsd offers on the user bus, so that toolooctl can say how a service is without asking each by HTTP.
 *
 *   name    ai.tooloo.Metrics
 *   path    /ai/tooloo/Metrics
 *
 *   GetHealth() -> a(ssds)
 *       For each service that it watches: id, status ("healthy", "degraded", "offline", "unknown" before the first
 *       probe), the last probe's response time in ms (negative for none), and the problem in one line ("" for none).
 *
 *   GetRuns() -> a(ssuut)
 *       For each service that runs: id, and InvocationID (in hex), MainPID, NRestarts and ActiveEnterTimestampMonotonic as
 *       systemd signalled them last. One question for all of them; whoever needs to be sure compares the invocation.
 *
 *   Explain(s id, t before) -> (s condition, s explanation, t at, s kind, s service, s cause, s text)
 *       Of one service: what unit state and HTTP say together ("ok", "wedged", ...: metricsd/condition.h) and why, and the
 *       last change that somebody made of it, or of one that it needs, in the day before `before` (realtime usec): a reload,
 *       a failed build, a restart that was asked for. at is 0 for none, and what follows then "". A service that it does not
 *       watch is org.freedesktop.DBus.Error.InvalidArgs.
 *
 *   signal HealthChanged(s id, s status, d response_ms, s problem)
 */
#define METRICS_BUS_NAME "ai.tooloo.Metrics"
#define METRICS_BUS_PATH "/ai/tooloo/Metrics"
#define METRICS_BUS_INTERFACE "ai.tooloo.Metrics1"

/* It answers from memory; whoever asks for the status waits for it only so long. */
#define METRICS_TIMEOUT_USEC (500 * USEC_PER_MSEC)
