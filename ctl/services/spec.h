/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "basic/macro.h"
#include "shared/service-settings.h"

/* What a service of somebody's own is to be: what the options say, or a line of a Procfile or an entry of a compose file. */
typedef struct ServiceSpec {
        char *id;
        char *description;  /* NULL: the id */
        char *category;     /* NULL: extended */
        unsigned port;      /* 0 for none */
        bool socket;        /* systemd listens there and hands the socket over */
        char *health;       /* NULL for what is found when it runs */
        char **routes;
        char **watch;       /* absolute */
        OnChange on_change; /* unset: restart, where something is watched */
        char **env;         /* NAME=VALUE */
        char **env_files;   /* read at each start; absolute */
        char **after;       /* ids */
        char **write;       /* directories that its sandbox lets it write to; absolute */
        char *directory;    /* working directory; absolute */
        char **command;     /* its first word is absolute */
} ServiceSpec;

void service_spec_done(ServiceSpec *s);

/* Adds to the environment what it does not have yet: PORT, where the program is to listen there, and PATH, where this shell's
 * has more in it than systemd's. -ENOMEM. */
int service_spec_complete(ServiceSpec *s);

/* tooloo-ID.service and tooloo-ID.socket (NULL where there is none) as plain text, each line with its reason above. The
 * caller frees. -ENOMEM. */
int service_spec_format(const ServiceSpec *s, char **ret_service, char **ret_socket);

#define WATCHER_UNIT "tooloo-watchd.service"

/* Outside the sandbox, which would be set up for nothing else. */
#define EXEC_RELOAD "+kill -HUP $MAINPID"

/* Each word quoted, as one line or as a line each. -ENOMEM. */
int spec_quote_list(char *const *words, char *(*quote)(const char *s), bool one_line, char ***ret);

/* The reason that stands above a key, "" for one without. */
const char *unit_comment(const char *section, const char *key);
