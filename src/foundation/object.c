/* SPDX-License-Identifier: MIT */
#include "foundation/object.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "basic/macro.h"

void *object_load(const char *path) {
        /* Before it is loaded: if it is replaced in between, the process looks older than it is. */
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

        if (!object)
                safe_close(fd);
        return object; /* the descriptor is the process's now; without one the object counts as unchanged */
}
