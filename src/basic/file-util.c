/* SPDX-License-Identifier: MIT */
#include "basic/file-util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "basic/string-util.h"

#define COPY_CHUNK (64 * 1024)

int read_file(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *data = NULL;
        size_t size = 0, space = 4096;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        for (;;) {
                char *grown = realloc(data, space + 1);
                ssize_t n;

                if (!grown)
                        return -ENOMEM;
                data = grown;
                n = read(fd, data + size, space - size);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                size += (size_t) n;
                if (size > max)
                        return -EFBIG;
                if (n == 0)
                        break;
                if (size == space)
                        space *= 2;
        }
        data[size] = '\0';
        if (ret_size)
                *ret_size = size;
        *ret = TAKE_PTR(data);
        return 0;
}

int write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

/* "dir/name" -> "dir"; a bare name lies in ".". */
static char *parent_of(const char *path) {
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
}

static int fsync_directory(const char *directory) {
        _cleanup_(closep) int fd = -EBADF;

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int copy_bytes(int from, int to) {
        char buf[COPY_CHUNK];

        for (;;) {
                ssize_t n = read(from, buf, sizeof(buf));
                int r;

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        return 0;
                r = write_all(to, buf, (size_t) n);
                if (r < 0)
                        return r;
        }
}

/* Either copies the descriptor from (when it is one) or writes data, into a temporary file that then becomes path. */
static int replace_file(const char *path, const char *staging, int from, const void *data, size_t size, mode_t mode) {
        _cleanup_(freep) char *directory = NULL, *temporary = NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        directory = parent_of(path);
        if (!directory)
                return -ENOMEM;
        temporary = str_printf("%s/.tmp-XXXXXX", staging ? staging : directory);
        if (!temporary)
                return -ENOMEM;
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = from >= 0 ? copy_bytes(from, fd) : write_all(fd, data, size);
        if (r >= 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0))
                r = -errno;
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }
        return fsync_directory(directory);
}

int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode) {
        return replace_file(path, NULL, -EBADF, data, size, mode);
}

int copy_file_atomic(const char *from, const char *path, const char *staging, mode_t mode) {
        _cleanup_(closep) int fd = -EBADF;

        fd = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        return replace_file(path, staging, fd, NULL, 0, mode);
}

int copy_file_new(const char *from, const char *path, mode_t mode) {
        _cleanup_(closep) int in = -EBADF, out = -EBADF;
        int r;

        in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (in < 0)
                return -errno;
        out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
        if (out < 0)
                return -errno;
        r = copy_bytes(in, out);
        if (r < 0)
                (void) unlink(path);
        return r;
}

/* Fills buf as far as the file goes, so that two reads can be compared whatever read(2) chose to return. */
static ssize_t read_full(int fd, char *buf, size_t size) {
        size_t have = 0;

        while (have < size) {
                ssize_t n = read(fd, buf + have, size - have);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                have += (size_t) n;
        }
        return (ssize_t) have;
}

int files_equal(const char *a, const char *b) {
        _cleanup_(closep) int fa = -EBADF, fb = -EBADF;
        char ba[8192], bb[8192];
        struct stat sa, sb;

        fa = open(a, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fa < 0)
                return -errno;
        fb = open(b, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fb < 0)
                return -errno;
        if (fstat(fa, &sa) < 0 || fstat(fb, &sb) < 0)
                return -errno;
        if (sa.st_size != sb.st_size)
                return 0;
        for (;;) {
                ssize_t na = read_full(fa, ba, sizeof(ba)), nb = read_full(fb, bb, sizeof(bb));

                if (na < 0 || nb < 0)
                        return (int) (na < 0 ? na : nb);
                if (na != nb || memcmp(ba, bb, (size_t) na) != 0)
                        return 0;
                if (na == 0)
                        return 1;
        }
}

int mkdir_parents(const char *path, mode_t mode) {
        _cleanup_(freep) char *copy = strdup(path);
        struct stat st;

        if (!copy)
                return -ENOMEM;
        if (!*copy)
                return -ENOENT;
        for (char *p = copy + 1; *p; p++)
                if (*p == '/') {
                        *p = '\0';
                        if (mkdir(copy, mode) < 0 && errno != EEXIST)
                                return -errno;
                        *p = '/';
                }
        if (mkdir(copy, mode) >= 0)
                return 0;
        if (errno != EEXIST || stat(copy, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
