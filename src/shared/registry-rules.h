/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/registry.h"

/* What the registry's problems are made of. */

/* True when a service may have that id; else a problem was added. -ENOMEM. */
int registry_check_id(Registry *registry, const char *id, const char *unit);

/* Adds a problem for each pair of services that want the same port or the same prefix. What a mask hides wants
 * nothing: masking a service and giving its port and routes to another is how one is replaced. */
int registry_check_claims(Registry *registry);

/* True when another service claims this prefix of s, too. */
bool registry_route_is_contested(const Registry *registry, const Service *s, const char *prefix);
