/* SPDX-License-Identifier: MIT */
#include "self.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "basic/file-util.h"
#include "basic/time-util.h"
#include "shared/unit-usage.h"

#define WINDOW_USEC (60 * USEC_PER_SEC)

uint64_t self_cpu(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* fails for bad arguments alone */
        return (uint64_t) t.tv_sec * USEC_PER_SEC * NSEC_PER_USEC + (uint64_t) t.tv_nsec;
}

static SelfMark mark(void) {
        return (SelfMark) { .at = now_usec(), .cpu = self_cpu() };
}

static void look_at_memory(Self *self) {
        self->pss = UINT64_MAX;
        if (unit_memory_settle(&self->pss, (uint32_t) getpid()) != MEMORY_PSS)
                self->pss = UINT64_MAX;
}

void self_start(Self *self) {
        self->started = now_realtime_usec();
        self->before = self->last = mark();
        self->pss = UINT64_MAX;
}

void self_tick(Self *self) {
        SelfMark now = mark();
        bool over = now.at >= self->last.at + WINDOW_USEC;

        if (over || self->pss == UINT64_MAX)
                look_at_memory(self);
        if (!over)
                return;
        self->before = self->last;
        self->last = now;
}

double self_cpu_ratio(const Self *self) {
        SelfMark now = mark();

        if (now.at <= self->before.at)
                return SELF_CPU_UNKNOWN;
        return (double) (now.cpu - self->before.cpu) / (double) ((now.at - self->before.at) * NSEC_PER_USEC);
}

void self_size(SelfSize *ret) {
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE), size, resident;
        _cleanup_(freep) char *data = NULL;

        *ret = (SelfSize) { UINT64_MAX, UINT64_MAX };
        if (read_file("/proc/self/statm", 1024, &data, NULL) < 0 ||
            sscanf(data, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
                return;
        *ret = (SelfSize) { size * page, resident * page };
}

uint64_t self_open_files(void) {
        DIR *directory = opendir("/proc/self/fd");
        uint64_t n = 0;

        if (!directory)
                return UINT64_MAX;
        while (readdir(directory))
                n++;
        (void) closedir(directory); /* nothing was written */
        return n > 3 ? n - 3 : 0; /* ".", "..", and the one that has just been looked through */
}

uint64_t self_max_files(void) {
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

uint64_t self_memory(const Self *self) {
        SelfSize size;

        if (self->pss != UINT64_MAX)
                return self->pss;
        self_size(&size);
        return size.resident;
}
