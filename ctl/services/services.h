/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/command-line.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "spec.h"

/* toolooctl-services: the verbs of toolooctl that make, change and take away services of somebody's own. */

/* Each returns an exit status, and has said what went wrong. */
int services_add(Ctl *ctl);
int services_edit(Ctl *ctl);
int services_remove(Ctl *ctl);
int services_import(Ctl *ctl);

/* The values of an option that may come more than once; NULL for none. CTL_OK, or a status after a line. */
int services_values(const Ctl *ctl, int option, char ***ret);

/* --timeout= in usec, or its default: how long to wait until a service is healthy. */
int services_timeout(const Ctl *ctl, uint64_t *ret);

/* Connects and reads the registry, which may be empty. CTL_OK, or CTL_FAILED after a line. */
int services_connect(Ctl *ctl);
