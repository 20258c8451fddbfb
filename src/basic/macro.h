/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/param.h> /* MIN, MAX */
#include <unistd.h>

/* Every type has its cleanup function beside it; these turn one into a cleanup attribute. */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _public_ __attribute__((visibility("default")))

#define TL_DEFINE_CLEANUP(type, func)              \
        static inline void func##p(type *p) {      \
                if (*p)                            \
                        func(*p);                  \
        }

/* Hands ownership on: the variable is empty afterwards, so its cleanup does nothing. */
#define TAKE_PTR(p)                                \
        __extension__({                            \
                __auto_type _p = &(p);             \
                __auto_type _v = *_p;              \
                *_p = NULL;                        \
                _v;                                \
        })
#define TAKE_FD(fd)                                \
        __extension__({                            \
                int *_fd = &(fd);                  \
                int _v = *_fd;                     \
                *_fd = -EBADF;                     \
                _v;                                \
        })

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define NSEC_PER_USEC UINT64_C(1000)

static inline void freep(void *p) {
        free(*(void **) p);
}

/* Closes and keeps errno, so that an error path can close first and return -errno after. */
static inline void safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd); /* nothing can be done about a failed close of a descriptor we drop */
                errno = saved;
        }
}

static inline void closep(int *fd) {
        safe_close(*fd);
}
