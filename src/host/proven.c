/* SPDX-License-Identifier: MIT */
#include "host/proven.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

#define REASON_MAX 1024

int proven_init(Proven *proven, const char *directory) {
        *proven = (Proven) {};
        if (!directory)
                return 0;
        proven->candidate = str_printf("%s/candidate.so", directory);
        proven->good = str_printf("%s/good.so", directory);
        proven->bad = str_printf("%s/bad.so", directory);
        proven->reason = str_printf("%s/bad.reason", directory);
        proven->replaced = str_printf("%s/replaced.so", directory);
        if (!proven->candidate || !proven->good || !proven->bad || !proven->reason || !proven->replaced) {
                proven_done(proven);
                return -ENOMEM;
        }
        return 0;
}

void proven_done(Proven *proven) {
        free(proven->candidate);
        free(proven->good);
        free(proven->bad);
        free(proven->reason);
        free(proven->replaced);
        *proven = (Proven) {};
}

bool proven_is_bad(const Proven *proven, const char *file, char **ret_reason) {
        if (!proven->bad || files_equal(file, proven->bad) <= 0)
                return false;
        if (read_file(proven->reason, REASON_MAX, ret_reason, NULL) < 0)
                *ret_reason = NULL; /* it is bad all the same */
        return true;
}

bool proven_is_good(const Proven *proven, const char *file) {
        return proven->good && files_equal(file, proven->good) > 0;
}

bool proven_has_good(const Proven *proven) {
        return proven->good && access(proven->good, R_OK) == 0;
}

static int remove_if_there(const char *path) {
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int rename_if_there(const char *from, const char *to) {
        return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

int proven_confirm(const Proven *proven) {
        int r;

        if (!proven->candidate || access(proven->candidate, F_OK) < 0)
                return 0;
        if (rename(proven->candidate, proven->good) < 0)
                return -errno;
        r = remove_if_there(proven->bad);
        return r < 0 ? r : remove_if_there(proven->reason);
}

int proven_begin(const Proven *proven, const char *file, bool replaces) {
        int r;

        if (!proven->candidate)
                return 0;
        r = remove_if_there(proven->replaced); /* of a process that ended in the middle */
        if (r < 0)
                return r;
        r = replaces ? rename_if_there(proven->candidate, proven->replaced) : remove_if_there(proven->candidate);
        if (r < 0 || proven_is_good(proven, file))
                return r;
        /* No fsync: it is there for the time in which this process may crash, not for one in which the machine
         * may. */
        return copy_file_new(file, proven->candidate, 0600);
}

int proven_decide(const Proven *proven, bool serves) {
        int r;

        if (!proven->candidate)
                return 0;
        if (serves)
                return access(proven->candidate, F_OK) < 0 ? remove_if_there(proven->replaced)
                                                           : rename_if_there(proven->replaced, proven->good);
        r = remove_if_there(proven->candidate);
        return r < 0 ? r : rename_if_there(proven->replaced, proven->candidate);
}

/* A module takes its process down by a fault, an abort, an exit of its own or by hanging. What a person or the
 * kernel's memory killer sends (TERM, KILL, INT, HUP) is not its doing. */
static bool module_is_to_blame(const char *result, const char *code, const char *status) {
        static const char *const faults[] = { "SEGV", "BUS", "ILL", "FPE", "ABRT", "TRAP", "SYS" };

        if (streq(result, "watchdog") || streq(result, "core-dump") || streq(result, "timeout"))
                return true;
        if (streq(result, "exit-code"))
                return streq(code, "exited");
        if (streq(result, "signal"))
                for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                        if (streq(status, faults[i]))
                                return true;
        return false;
}

int proven_judge_end(const Proven *proven, const char *result, const char *code, const char *status,
                     char **ret_reason) {
        _cleanup_(freep) char *reason = NULL;
        int r;

        if (!proven->candidate || access(proven->candidate, F_OK) < 0)
                return 0;
        if (!module_is_to_blame(result, code, status)) {
                r = remove_if_there(proven->candidate);
                return r < 0 ? r : 0;
        }
        if (streq(result, "watchdog"))
                reason = str_printf("the service hung soon after this module was loaded (watchdog)");
        else
                reason = str_printf("the service ended soon after this module was loaded (%s, %s)", code, status);
        if (!reason)
                return -ENOMEM;
        r = remove_if_there(proven->reason); /* of another one */
        if (r < 0)
                return r;
        if (rename(proven->candidate, proven->bad) < 0)
                return -errno;
        /* It ended before it served, in its init say. */
        r = rename_if_there(proven->replaced, proven->good);
        if (r < 0)
                return r;
        /* It is for people alone: on a full disk the rest works without. */
        (void) write_file_atomic(proven->reason, reason, strlen(reason), 0600);
        *ret_reason = TAKE_PTR(reason);
        return 1;
}
