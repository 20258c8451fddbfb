/* SPDX-License-Identifier: MIT */
#pragma once

/* sd-journal maps the files that it reads, and whatever was touched once stays in this process's memory (its PSS) although
 * it is nothing but page cache: after 100,000 lines some 70 MB. This gives all of it back; what is needed again comes back by
 * itself. */
int journal_release_pages(void);
