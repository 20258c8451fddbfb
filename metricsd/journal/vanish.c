/* SPDX-License-Identifier: MIT */
#include "vanish.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

static volatile sig_atomic_t guarded;
static struct sigaction before;
static uintptr_t page_size;

/* Nothing but a system call may be done here. */
static void on_sigbus(int signal, siginfo_t *info, void *context) {
        void *page = (void *) ((uintptr_t) info->si_addr & ~(page_size - 1)); /* NOLINT(performance-no-int-to-ptr) */

        if (guarded && info->si_code == BUS_ADRERR &&
            mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page)
                return;
        (void) sigaction(SIGBUS, &before, NULL); /* and the same access meets it at once */
}

int vanish_init(void) {
        struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

        if (page_size > 0)
                return 0;
        page_size = (uintptr_t) sysconf(_SC_PAGESIZE);
        return sigaction(SIGBUS, &action, &before) < 0 ? -errno : 0;
}

void vanish_guard(int *guard) {
        *guard = guarded = 1;
}

void vanish_unguard(int *guard) {
        guarded = 0;
}
