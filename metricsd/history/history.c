/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <string.h>

#include "basic/string-util.h"
#include "database.h"
#include "history-internal.h"
#include "shared/log.h"

#define FILE_NAME "metrics.db"

int history_open(const char *directory, History **ret) {
        _cleanup_(history_freep) History *h = calloc(1, sizeof(History));
        int r;

        if (!h)
                return -ENOMEM;
        h->path = str_printf("%s/" FILE_NAME, directory);
        if (!h->path)
                return -ENOMEM;
        r = database_open(h);
        if (r == -EPROTONOSUPPORT || r == -ENOMEM)
                return r;
        history_set_problem(h, PROBLEM_WRITE, MIN(r, 0));
        *ret = TAKE_PTR(h);
        return 0;
}

History *history_free(History *h) {
        if (!h)
                return NULL;
        history_rollback(h);
        database_close(h);
        for (size_t i = 0; i < _PROBLEM_KIND_MAX; i++)
                free(h->problems[i]);
        packer_free(h->packer);
        free(h->row);
        free(h->path);
        free(h);
        return NULL;
}

/* --- What is wrong --- */

static const char *advice(int error) {
        switch (-error) {
        case ENOSPC:
        case EDQUOT:
                return "; make room there, and it goes on by itself";
        case EROFS:
        case EACCES:
        case EPERM:
                return "; make it writable for this user, and it goes on by itself";
        case EBUSY:
                return ": another program is writing to it; once that is done, it goes on by itself";
        case EOPNOTSUPP:
                return ": this file system has no shared memory for it; keep the state directory on a local one";
        default:
                return "; it is tried again and again";
        }
}

void history_set_problem(History *h, ProblemKind kind, int error) {
        _cleanup_(freep) char *text = NULL;

        if (error == 0) {
                if (!h->problems[kind])
                        return;
                free(TAKE_PTR(h->problems[kind]));
                if (!history_problem(h))
                        log_notice("The history in %s is being kept again", h->path);
                return;
        }
        text = str_printf("No history is kept in %s: %s%s", h->path, strerror(-error), advice(error));
        if (!text)
                return;
        if (h->problems[kind] && streq(h->problems[kind], text))
                return;
        if (!history_problem(h) || !streq(history_problem(h), text))
                log_error("%s", text);
        free(h->problems[kind]);
        h->problems[kind] = TAKE_PTR(text);
}

const char *history_problem(const History *h) {
        for (size_t i = 0; i < _PROBLEM_KIND_MAX; i++)
                if (h->problems[i])
                        return h->problems[i];
        return NULL;
}
