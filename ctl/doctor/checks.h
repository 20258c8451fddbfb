/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/verbs.h"

/* What "toolooctl doctor" looks at, for its --help as well. In this order checks are made, shown and mended: what others hang on
 * comes first. */
enum {
        CHECK_MANAGER,
        CHECK_LINGER,
        CHECK_JOURNAL,
        CHECK_CLOCK,
        CHECK_DISK,
        CHECK_INOTIFY,
        CHECK_USER_NAMESPACES,
        CHECK_VERSIONS,
        CHECK_REGISTRY,
        CHECK_LOADED,
        CHECK_LEFT_OVER,
        CHECK_OVERRIDDEN,
        CHECK_MEMBERS,
        CHECK_PROVIDERS,
        CHECK_CREDENTIALS,
        CHECK_MODULES,
        CHECK_PORTS,
        CHECK_FAILED,
        CHECK_SANDBOX,
        CHECK_HOSTS,
        CHECK_GENERATIONS,
        CHECK_FOLLOWING,
        _CHECK_MAX,
};

/* By these numbers; ended by NULL. */
extern const VerbWord check_words[_CHECK_MAX + 1];
