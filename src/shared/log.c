/* SPDX-License-Identifier: MIT */
#include "shared/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "basic/string-util.h"

static struct {
        const char *program;
        const char *service_id;
        bool to_journal;
        bool debug;
        void (*take)(int priority, const char *line, void *userdata);
        void *userdata;
} logger = { .program = "tooloo" };

/* systemd says in JOURNAL_STREAM= which socket it connected; only if that is still our stderr is the journal reading
 * along, and only then would a line on stderr be a second copy. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) != 2)
                return false;
        return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_setup(const char *program, const char *service_id) {
        logger.program = program;
        logger.service_id = service_id;
        logger.to_journal = stderr_is_journal();
        logger.debug = getenv("TOOLOO_DEBUG") != NULL;
}

void log_divert(void (*take)(int priority, const char *line, void *userdata), void *userdata) {
        logger.take = take;
        logger.userdata = userdata;
}

/* False when journald could not take it; stderr is the way out then. */
static bool send_to_journal(int priority, const char *const *fields, const char *message) {
        _cleanup_(freep) char *text = NULL, *level = NULL, *service = NULL;
        struct iovec iov[LOG_FIELDS_MAX + 4];
        int n = 0;

        text = str_printf("MESSAGE=%s", message);
        level = str_printf("PRIORITY=%d", priority);
        if (!text || !level)
                return false;
        iov[n++] = (struct iovec) { text, strlen(text) };
        iov[n++] = (struct iovec) { level, strlen(level) };
        if (logger.service_id) {
                service = str_printf("TOOLOO_SERVICE=%s", logger.service_id);
                if (service)
                        iov[n++] = (struct iovec) { service, strlen(service) };
        }
        for (size_t i = 0; fields && fields[i] && i < LOG_FIELDS_MAX; i++)
                iov[n++] = (struct iovec) { (char *) fields[i], strlen(fields[i]) };
        return sd_journal_sendv(iov, n) >= 0;
}

static void log_internal(int priority, const char *const *fields, const char *format, va_list ap) _printf_(3, 0);
static void log_internal(int priority, const char *const *fields, const char *format, va_list ap) {
        _cleanup_(freep) char *message = NULL;

        if (priority == LOG_DEBUG && !logger.debug)
                return;
        message = str_vprintf(format, ap);
        if (logger.take && message) {
                logger.take(priority, message, logger.userdata);
                return;
        }
        if (logger.to_journal && message && send_to_journal(priority, fields, message))
                return;
        (void) fprintf(stderr, "%s: %s\n", logger.program, message ? message : "out of memory");
}

void log_fields(int priority, const char *const *fields, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_internal(priority, fields, format, ap);
        va_end(ap);
}

void log_fields_add(LogFields *fields, const char *format, ...) {
        va_list ap;

        if (fields->n >= LOG_FIELDS_MAX)
                return;
        va_start(ap, format);
        fields->list[fields->n] = str_vprintf(format, ap);
        va_end(ap);
        fields->n += fields->list[fields->n] != NULL;
}

void log_fields_done(LogFields *fields) {
        for (size_t i = 0; i < fields->n; i++)
                free(fields->list[i]);
}

void log_msg(int priority, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_internal(priority, NULL, format, ap);
        va_end(ap);
}

int log_errno(int error, const char *format, ...) {
        _cleanup_(freep) char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = str_vprintf(format, ap);
        va_end(ap);
        log_error("%s: %s", message ? message : format, strerror(-error));
        return error;
}
