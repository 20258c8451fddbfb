/* SPDX-License-Identifier: MIT */
#include "shared/port-owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

#define TCP_LISTEN_STATE 0x0a

static void close_directory(DIR *d) {
        (void) closedir(d); /* was only read */
}
TL_DEFINE_CLEANUP(DIR *, close_directory)

static void close_file(FILE *f) {
        (void) fclose(f); /* was only read */
}
TL_DEFINE_CLEANUP(FILE *, close_file)

/* The table has a line a socket; its format is in the kernel's Documentation/networking/proc_net_tcp.rst. */
static int find_listener(const char *table, unsigned port, uid_t *ret_uid, unsigned long *ret_inode) {
        _cleanup_(close_filep) FILE *f = fopen(table, "re");
        char line[256];

        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (fgets(line, sizeof(line), f)) {
                unsigned local_port, state, uid;
                unsigned long inode;

                if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu",
                           &local_port, &state, &uid, &inode) != 4 || local_port != port || state != TCP_LISTEN_STATE)
                        continue;
                *ret_uid = uid;
                *ret_inode = inode;
                return 1;
        }
        return ferror(f) ? -EIO : 0;
}

static bool process_holds(int proc, const char *pid, const char *wanted) {
        _cleanup_(close_directoryp) DIR *d = NULL;
        _cleanup_(closep) int fd = -EBADF;
        char path[64], target[64];
        struct dirent *entry;

        (void) snprintf(path, sizeof(path), "%.20s/fd", pid);
        fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return false;
        d = fdopendir(fd);
        if (!d)
                return false;
        (void) TAKE_FD(fd); /* is the directory's now */
        while ((entry = readdir(d))) {
                ssize_t n = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);

                if (n < 0)
                        continue;
                target[n] = '\0';
                if (streq(target, wanted))
                        return true;
        }
        return false;
}

static void read_name(const char *pid, char name[static 16]) {
        _cleanup_(freep) char *data = NULL;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
        if (read_file(path, 64, &data, NULL) < 0)
                return;
        (void) snprintf(name, 16, "%.*s", (int) strcspn(data, "\n"), data);
}

/* The user manager itself holds the sockets of socket units, and the service a copy; the service is what people know.
 * So the last process that has it, in order of ids as /proc lists them, is the better answer. */
static int find_process(unsigned long inode, PortOwner *owner) {
        _cleanup_(close_directoryp) DIR *d = opendir("/proc");
        struct dirent *entry;
        char wanted[64];

        if (!d)
                return -errno;
        (void) snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
        while ((entry = readdir(d))) {
                unsigned long pid;

                if (parse_uint(entry->d_name, 1, INT_MAX, &pid) < 0 ||
                    !process_holds(dirfd(d), entry->d_name, wanted))
                        continue;
                owner->pid = (pid_t) pid;
                read_name(entry->d_name, owner->name);
        }
        return 0;
}

int port_owner_find(unsigned port, PortOwner *ret) {
        PortOwner owner = {};
        unsigned long inode = 0;
        int r;

        r = find_listener("/proc/net/tcp", port, &owner.uid, &inode);
        if (r == 0)
                r = find_listener("/proc/net/tcp6", port, &owner.uid, &inode);
        if (r <= 0)
                return r;
        r = find_process(inode, &owner);
        if (r < 0)
                return r;
        *ret = owner;
        return 1;
}

char *port_owner_describe(unsigned port) {
        PortOwner owner;

        if (port == 0 || port_owner_find(port, &owner) <= 0)
                return NULL;
        if (owner.pid > 0)
                return str_printf("port %u is taken by PID %d (%s)", port, owner.pid, owner.name);
        return str_printf("port %u is taken by a process of UID %u", port, owner.uid);
}
