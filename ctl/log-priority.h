/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads what "logs --priority" takes, as journalctl's: a name or number, for that and all that is more urgent; or a range of
 * them, "err..warning", in any order. Bit N of *ret is set for priority N. -EINVAL for anything else. */
int parse_priorities(const char *s, unsigned *ret);

/* Its name, "err"; priority is 0 to 7. */
const char *priority_to_string(unsigned priority);
