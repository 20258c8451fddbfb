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
 *   signal HealthChanged(s id, s status, d response_ms, s problem)
 */
#define METRICS_BUS_NAME "ai.tooloo.Metrics"
#define METRICS_BUS_PATH "/ai/tooloo/Metrics"
#define METRICS_BUS_INTERFACE "ai.tooloo.Metrics1"
