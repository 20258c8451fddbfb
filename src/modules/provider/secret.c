/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include <string.h>
#include <sys/mman.h>

int secret_new(size_t space, Secret **ret) {
        _cleanup_(secret_freep) Secret *s = calloc(1, sizeof(Secret));
        size_t page = (size_t) sysconf(_SC_PAGESIZE), mapped = (space + page) / page * page; /* the NUL included */
        void *p;

        if (!s)
                return -ENOMEM;
        p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return -errno;
        s->text = p;
        s->mapped = mapped;
        s->space = space;
        if (madvise(p, mapped, MADV_DONTDUMP) < 0 || madvise(p, mapped, MADV_DONTFORK) < 0)
                return -errno;
        (void) mlock(p, mapped); /* the limit may be small, and swap encrypted */
        *ret = TAKE_PTR(s);
        return 0;
}

Secret *secret_free(Secret *s) {
        if (!s)
                return NULL;
        if (s->text) {
                explicit_bzero(s->text, s->mapped);
                (void) munmap(s->text, s->mapped);
        }
        free(s);
        return NULL;
}
