/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#include "basic/signal-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

int turn_init(Turn *t, sd_bus *bus) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
        sigset_t set;
        int r;

        *t = (Turn) { .bus = bus, .signals = -EBADF };
        if (sigprocmask(SIG_BLOCK, NULL, &t->before) < 0)
                return -errno;
        r = block_signals(signals);
        if (r < 0)
                return r;
        (void) sigemptyset(&set);
        for (const int *s = signals; *s != 0; s++)
                (void) sigaddset(&set, *s);
        t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (t->signals < 0)
                return -errno;
        t->multi = curl_multi_init();
        return t->multi ? 0 : -ENOMEM;
}

void turn_done(Turn *t) {
        if (!t->bus)
                return;
        (void) curl_multi_cleanup(t->multi);
        safe_close(t->signals);
        (void) sigprocmask(SIG_SETMASK, &t->before, NULL);
}

static void read_signals(Turn *t) {
        struct signalfd_siginfo info;

        while (read(t->signals, &info, sizeof(info)) == sizeof(info)) {
                if (++t->interrupted < 2)
                        continue;
                log_error("interrupted in the middle; 'toolooctl reload' takes it up again");
                exit(1); /* whatever runs goes on running, and the next run finds it */
        }
}

/* Milliseconds until then, at most a second: libcurl has time limits of its own. */
static int wait_msec(const Turn *t, uint64_t until) {
        uint64_t now = now_usec(), end = MIN(until, now + USEC_PER_SEC), bus;

        if (sd_bus_get_timeout(t->bus, &bus) >= 0)
                end = MIN(end, bus);
        return end <= now ? 0 : (int) ((end - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

int turn_run(Turn *t, uint64_t until) {
        struct curl_waitfd fds[2] = {};
        bool busy = false;
        int running, r;

        while ((r = sd_bus_process(t->bus, NULL)) > 0)
                busy = true;
        if (r < 0)
                return r;
        fds[0].fd = sd_bus_get_fd(t->bus);
        r = sd_bus_get_events(t->bus);
        if (fds[0].fd < 0 || r < 0)
                return r < 0 ? r : fds[0].fd;
        fds[0].events = (short) (((r & POLLIN) ? CURL_WAIT_POLLIN : 0) | ((r & POLLOUT) ? CURL_WAIT_POLLOUT : 0));
        fds[1].fd = t->signals;
        fds[1].events = CURL_WAIT_POLLIN;
        /* Before the transfers get on, for what they then have is to be looked at without a wait. */
        if (curl_multi_poll(t->multi, fds, 2, busy ? 0 : wait_msec(t, until), NULL) != CURLM_OK ||
            curl_multi_perform(t->multi, &running) != CURLM_OK)
                return -EIO;
        read_signals(t);
        return 0;
}
