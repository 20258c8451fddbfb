/* SPDX-License-Identifier: MIT */
#pragma once

#include <syslog.h>

#include "basic/macro.h"

/* One line a call. Under systemd it goes to the journal with its fields, else to stderr as "name: message". Priorities are
 * those of syslog(3). */

/* Sets the name that lines on stderr begin with, and the field TOOLOO_SERVICE= of lines in the journal (NULL for none).
 * Both must stay valid. */
void log_setup(const char *program, const char *service_id);

/* From then on lines go to take and nowhere else, for a program that shows them in its own way. NULL ends that. */
void log_divert(void (*take)(int priority, const char *line, void *userdata), void *userdata);

void log_msg(int priority, const char *format, ...) _public_ _printf_(2, 3);

/* Logs "message: strerror(-error)" at LOG_ERR and returns error, so that a caller can say "return log_errno(r, ...)". */
int log_errno(int error, const char *format, ...) _public_ _printf_(2, 3);

/* As log_msg, with further "FIELD=value" strings for the journal; fields end in NULL. */
void log_fields(int priority, const char *const *fields, const char *format, ...) _public_ _printf_(3, 4);

#define LOG_FIELDS_MAX 8

/* Fields made for one line. One that there is no memory for is missing in it; the line is said all the same. */
typedef struct LogFields {
        char *list[LOG_FIELDS_MAX + 1]; /* for log_fields() */
        size_t n;
} LogFields;

/* "FIELD=value". At most LOG_FIELDS_MAX. */
void log_fields_add(LogFields *fields, const char *format, ...) _printf_(2, 3);
void log_fields_done(LogFields *fields);

#define log_error(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)
