/* SPDX-License-Identifier: MIT */
#include "shared/port-owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
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

/* What is looked for in the kernel's table of sockets, and what was found. */
typedef struct Row {
        unsigned port, peer_port, state;
        uid_t uid;
        unsigned long inode; /* 0 for a connection that nobody has accepted, or that is over for its process */
} Row;

/* The table has a line a socket; its format is in the kernel's Documentation/networking/proc_net_tcp.rst. */
static int find_in_table(const char *table, bool (*is_it)(const Row *row, const Row *wanted), const Row *wanted, Row *ret) {
        _cleanup_(close_filep) FILE *f = fopen(table, "re");
        char line[256];

        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (fgets(line, sizeof(line), f)) {
                Row row;

                if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %*x:%*x %*x:%*x %*x %u %*u %lu", &row.port,
                           &row.peer_port, &row.state, &row.uid, &row.inode) != 5 || !is_it(&row, wanted))
                        continue;
                *ret = row;
                return 1;
        }
        return ferror(f) ? -EIO : 0;
}

static int find_row(bool (*is_it)(const Row *row, const Row *wanted), const Row *wanted, Row *ret) {
        int r = find_in_table("/proc/net/tcp", is_it, wanted, ret);

        return r == 0 ? find_in_table("/proc/net/tcp6", is_it, wanted, ret) : r;
}

static bool is_listener(const Row *row, const Row *wanted) {
        return row->port == wanted->port && row->state == TCP_LISTEN_STATE;
}

static bool is_connection(const Row *row, const Row *wanted) {
        return row->port == wanted->port && row->peer_port == wanted->peer_port;
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
        Row row = {};
        int r;

        r = find_row(is_listener, &(Row) { .port = port }, &row);
        if (r <= 0)
                return r;
        owner.uid = row.uid;
        r = find_process(row.inode, &owner);
        if (r < 0)
                return r;
        *ret = owner;
        return 1;
}

int port_owner_connection(unsigned port, unsigned client_port, unsigned long *ret_inode) {
        Row row = {};
        int r;

        r = find_row(is_connection, &(Row) { .port = port, .peer_port = client_port }, &row);
        if (r > 0)
                *ret_inode = row.inode;
        return r;
}

bool port_owner_process_holds(pid_t pid, unsigned long inode) {
        char path[32], wanted[64];

        (void) snprintf(path, sizeof(path), "/proc/%d", pid);
        (void) snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
        return process_holds(AT_FDCWD, path, wanted);
}

char *port_owner_describe(unsigned port) {
        PortOwner owner;

        if (port == 0 || port_owner_find(port, &owner) <= 0)
                return NULL;
        if (owner.pid > 0)
                return str_printf("port %u is taken by PID %d (%s)", port, owner.pid, owner.name);
        return str_printf("port %u is taken by a process of UID %u", port, owner.uid);
}

typedef struct UnitRow {
        Row row; /* is looked at by nobody, but for being where the rest is */
        const char *unit;
} UnitRow;

/* The unit is the last part of the path of its control group, or stands before that of one it has made itself. */
static bool process_is_of_unit(pid_t pid, const char *unit) {
        _cleanup_(freep) char *data = NULL, *part = str_printf("/%s", unit);
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        return part && read_file(path, 64 * 1024, &data, NULL) >= 0 && strstr(data, part);
}

static bool is_listener_of_unit(const Row *row, const Row *wanted) {
        const UnitRow *u = (const UnitRow *) wanted;
        PortOwner owner = {};

        return row->state == TCP_LISTEN_STATE && row->uid == getuid() && row->inode > 0 &&
               find_process(row->inode, &owner) >= 0 && owner.pid > 0 && process_is_of_unit(owner.pid, u->unit);
}

int port_owner_of_unit(const char *unit, unsigned *ret_port, bool *ret_ipv6) {
        UnitRow wanted = { .unit = unit };
        bool ipv6 = false;
        Row row = {};
        int r;

        r = find_in_table("/proc/net/tcp", is_listener_of_unit, &wanted.row, &row);
        if (r == 0) {
                ipv6 = true;
                r = find_in_table("/proc/net/tcp6", is_listener_of_unit, &wanted.row, &row);
        }
        if (r <= 0)
                return r;
        *ret_port = row.port;
        *ret_ipv6 = ipv6;
        return 1;
}
