/* SPDX-License-Identifier: MIT */
#pragma once

#include "service-status.h"
#include "table.h"

/* The columns of "status" (rows: ServiceStatus) and of "list" (rows: ListedService). */
extern const Column status_columns[];
extern const size_t n_status_columns;
extern const Column list_columns[];
extern const size_t n_list_columns;

/* Both kinds of rows begin with the service, so that they share the columns that are about it. */
typedef struct ListedService {
        const Service *service;
        bool enabled; /* started with the fleet */
} ListedService;

/* The escape sequence for a service's state, NULL for none. */
const char *status_color(const ServiceStatus *st);
const char *health_color(const ServiceStatus *st);
