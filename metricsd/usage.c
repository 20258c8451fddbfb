/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/unit-memory.h"

/* Memory and CPU of each running service, once an interval and when it has started: what the kernel counts for the
 * unit's cgroup, which is what systemd answers as MemoryCurrent, too, but without a question to systemd for each figure;
 * where a machine gives user units no cgroup of their own, what it counts for the main process. */

#define CGROUP_ROOT "/sys/fs/cgroup"

typedef struct Usage {
        char run[33];       /* the invocation that all of this is of */
        char *cgroup;       /* directory, NULL to look at the process */
        uint64_t cpu, taken; /* usec of CPU so far, and the monotonic time when it was so; taken 0 for not yet */
} Usage;

/* Reads a small file into buf as a string; false when it cannot be read. */
static bool read_small(const char *path, char *buf, size_t size) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

        if (n <= 0)
                return false;
        buf[n] = '\0';
        return true;
}

static bool read_in_cgroup(const Usage *u, const char *file, char *buf, size_t size) {
        char path[512];

        return u->cgroup && snprintf(path, sizeof(path), "%s/%s", u->cgroup, file) < (int) sizeof(path) &&
               read_small(path, buf, size);
}

/* The unified hierarchy's line of /proc/PID/cgroup is "0::/user.slice/.../tooloo-web.service". A process that stands
 * elsewhere (a container without delegation) has figures there that are not the unit's. */
static char *find_cgroup(uint32_t pid, const char *unit) {
        char path[64], lines[4096], *line, *end;

        (void) snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
        if (!read_small(path, lines, sizeof(lines)))
                return NULL;
        line = startswith(lines, "0::/") ? lines : strstr(lines, "\n0::/");
        if (!line)
                return NULL;
        line += strcspn(line, "/");
        end = strchr(line, '\n');
        if (!end)
                return NULL;
        *end = '\0';
        if (!streq(strrchr(line, '/') + 1, unit))
                return NULL;
        return str_printf(CGROUP_ROOT "%s", line);
}

/* Field 14 and 15 of proc(5), counted from after the name, which may hold blanks and brackets. */
static bool read_process_cpu(uint32_t pid, uint64_t *ret) {
        char path[64], text[1024], *rest;
        uint64_t user, kernel;

        (void) snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
        if (!read_small(path, text, sizeof(text)))
                return false;
        rest = strrchr(text, ')');
        if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
                            &kernel) != 2)
                return false;
        *ret = (user + kernel) * USEC_PER_SEC / (uint64_t) sysconf(_SC_CLK_TCK);
        return true;
}

static bool read_cpu(const Usage *u, uint32_t pid, uint64_t *ret) {
        char text[512];

        if (read_in_cgroup(u, "cpu.stat", text, sizeof(text)) && sscanf(text, "usage_usec %" SCNu64, ret) == 1)
                return true;
        return read_process_cpu(pid, ret);
}

static uint64_t read_memory(const Usage *u, uint32_t pid) {
        char text[64];
        uint64_t bytes;

        if (read_in_cgroup(u, "memory.current", text, sizeof(text)) && sscanf(text, "%" SCNu64, &bytes) == 1)
                return bytes;
        return unit_memory_of_process(pid);
}

static void sample(void *state, Watched *w) {
        Usage *u = w->usage;
        uint32_t pid = w->unit->pid;
        uint64_t cpu, now = now_usec();

        if (!u || !w->running || pid == 0)
                return;
        w->memory = read_memory(u, pid);
        if (!read_cpu(u, pid, &cpu))
                return;
        if (u->taken > 0 && now > u->taken && cpu >= u->cpu)
                w->cpu = (double) (cpu - u->cpu) * 100 / (double) (now - u->taken);
        u->cpu = cpu;
        u->taken = now;
}

/* A run's first sample: what the next one is compared with. */
static void begin_run(void *state, Watched *w) {
        free(w->usage->cgroup);
        *w->usage = (Usage) { .cgroup = find_cgroup(w->unit->pid, w->unit->service->unit) };
        (void) memcpy(w->usage->run, w->unit->invocation_id, sizeof(w->usage->run));
        sample(state, w);
}

static void follow(void *state, Watched *w, unsigned changes) {
        if (!w->running || w->unit->pid == 0)
                return;
        if (!w->usage) {
                w->usage = calloc(1, sizeof(Usage));
                if (!w->usage)
                        return; /* tried again at its next change; until then its figures are not known */
                begin_run(state, w);
        } else if (!streq(w->usage->run, w->unit->invocation_id))
                begin_run(state, w);
}

static void removed(void *state, Watched *w) {
        if (w->usage)
                free(w->usage->cgroup);
        free(TAKE_PTR(w->usage));
}

const Collector usage_collector = {
        .name = "usage",
        .follow = follow,
        .removed = removed,
        .tick = sample,
};
