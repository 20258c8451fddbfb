/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <poll.h>
#include <stdio.h>

#include "shared/log.h"

bool ctl_reader_gone(void) {
        struct pollfd fd = { .fd = STDOUT_FILENO };
        int saved = errno;
        bool gone = poll(&fd, 1, 0) > 0 && (fd.revents & (POLLERR | POLLHUP));

        errno = saved;
        return gone;
}

int ctl_finish_stdout(const Ctl *ctl, int status) {
        int r = ctl->output_error;

        errno = 0;
        if (r == -EPIPE || (r == 0 && fflush(stdout) == 0 && !ferror(stdout)))
                return status;
        if (r == 0 && ctl_reader_gone())
                return status;
        (void) log_errno(r < 0 ? r : errno > 0 ? -errno : -EIO, "cannot write the output");
        return CTL_FAILED;
}

int ctl_usage(const char *help, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_error("%s; see '%s'", strna(message), help);
        return CTL_USAGE;
}
