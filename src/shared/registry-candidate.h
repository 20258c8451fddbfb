/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/bus-util.h"
#include "shared/registry-scan.h"
#include "shared/registry.h"

/* A unit that may turn out to be a service, while the registry is being read. */
typedef struct Candidate {
        Service service;
        const ScanEntry *files;
        /* What is asked for beside what the service keeps. */
        char *slice;
        char **after;
        char **wants;
        char **requires;
        bool was_read; /* all of it is known from its files */
} Candidate;

/* All zero before. files must outlive it. On failure candidate_done() frees what there is. */
int candidate_init(Candidate *c, const ScanEntry *files);
void candidate_done(Candidate *c);

/* Takes a row of systemd's list of loaded units over; one of another unit is no matter. */
int candidate_take_loaded(Candidate *c, const char *name, const char *description, const char *load, const char *active,
                          const char *sub);

/* Asks systemd for all that is not known yet. The candidate must stay where it is until the batch is over. */
int candidate_ask(Candidate *c, BusBatch *batch);

/* Reads [X-Tooloo] from its files, and for a masked one what its mask hides. */
int candidate_read_files(Candidate *c);

/* What follows from its settings and from what systemd says together. */
void candidate_settle(Candidate *c);

/* True for what would be a service, were its id one. */
bool candidate_looks_like_service(const Candidate *c);
bool candidate_is_service(const Candidate *c);
