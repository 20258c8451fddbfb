/* SPDX-License-Identifier: MIT */
#pragma once

#include "shared/registry-candidate.h"

/* What systemd would say of a loaded unit, read from its files, for whoever shows a hundred of them at once: to ask is eight
 * calls a service, which takes longer than all the rest together. Only of what stands in files and means the same there as in
 * systemd: fragment, drop-ins, slice, ExecReload=, the first ListenStream=. Dependencies, which come from links and defaults,
 * too, are left out. */

/* All drop-ins of the fleet's units in systemd's unit directories, each read once. All zero before. */
typedef struct DropIns {
        struct DropInFile *files; /* in falling priority of their directories */
        size_t n;
} DropIns;

/* directories: in falling priority, NULL-ended. What is missing or not readable is skipped, as systemd does. */
int drop_ins_scan(char *const *directories, DropIns *ret);
void drop_ins_done(DropIns *d);

/* Those that hold for a unit, in the order in which they are applied, as paths for *ret. As systemd.unit(5) has it: of
 * files of one name that counts which lies in the directory of the unit's whole name, before that of the beginning of it
 * (tooloo-.service.d), before service.d; then the one in the directory of higher priority. A mask holds nothing. */
int drop_ins_of(const DropIns *d, const char *unit, char ***ret);

/* Fills the candidate from its files, in place of candidate_ask() and candidate_read_files(). 1, or 0 when only systemd can
 * tell: of what is masked, not loaded, or has specifiers in these settings. */
int candidate_read_all(Candidate *c, DropIns *d);
