/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"

/* The event loop waits for it, and a large journal on a slow disk must not become a service that does not answer. */
#define READ_USEC (50 * USEC_PER_MSEC)
#define MESSAGE_MAX ((size_t) 500)

static int add_match(sd_journal *journal, const char *field, const char *unit) {
        _cleanup_(freep) char *by_unit = str_printf("%s=%s", field, unit);
        _cleanup_(freep) char *by_user = str_printf("_UID=%u", (unsigned) getuid());
        int r;

        if (!by_unit || !by_user)
                return -ENOMEM;
        r = sd_journal_add_match(journal, by_unit, 0);
        return r < 0 ? r : sd_journal_add_match(journal, by_user, 0);
}

/* Not by the flag for the current user: root's units log to the system's journal. */
static int open_journal(const char *unit, sd_journal **ret) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        int r;

        r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        r = sd_journal_set_data_threshold(journal, MESSAGE_MAX + strlen("MESSAGE="));
        if (r >= 0)
                r = add_match(journal, "_SYSTEMD_USER_UNIT", unit);
        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = add_match(journal, "USER_UNIT", unit);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return 0;
}

/* How many bytes the character at s has, of at most n; 0 when it is none of UTF-8, or one that controls a terminal. */
static size_t character_size(const unsigned char *s, size_t n) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t size = *s < 0x80 ? 1 : (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 0;
        uint32_t code = size < 2 ? *s : *s & (0x7fU >> size);

        if (size == 0 || size > n)
                return 0;
        for (size_t i = 1; i < size; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        if (code < smallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;
        return code < ' ' || (code >= 0x7f && code < 0xa0) ? 0 : size;
}

/* JSON is UTF-8, and a journal may hold anything: what is no character becomes a '?'. */
static void clean(char *s, size_t n) {
        size_t i = 0;

        while (i < n) {
                size_t size = character_size((const unsigned char *) s + i, n - i);

                if (size == 0)
                        s[i] = '?';
                i += MAX(size, (size_t) 1);
        }
}

/* NULL for an entry without a message, too. */
static char *read_line(sd_journal *journal) {
        _cleanup_(freep) char *message = NULL;
        char when[ISO8601_MAX];
        const void *data;
        uint64_t usec;
        size_t size;

        if (sd_journal_get_realtime_usec(journal, &usec) < 0 ||
            sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0)
                return NULL;
        size -= MIN(size, strlen("MESSAGE="));
        size = MIN(size, MESSAGE_MAX);
        message = strndup((const char *) data + strlen("MESSAGE="), size);
        if (!message)
                return NULL;
        clean(message, strlen(message));
        return str_printf("%s %s", format_iso8601(when, usec), message);
}

typedef struct Lines {
        char *lines[ALERT_JOURNAL_LINES]; /* filled from the end, for that is the order in which they are read */
        size_t n;
        char *first_cursor, *last_cursor;
} Lines;

static void lines_done(Lines *l) {
        for (size_t i = 0; i < ALERT_JOURNAL_LINES; i++)
                free(l->lines[i]);
        free(l->first_cursor);
        free(l->last_cursor);
}

static int note_cursor(sd_journal *journal, Lines *l) {
        char *cursor;
        int r;

        r = sd_journal_get_cursor(journal, &cursor);
        if (r < 0)
                return r;
        if (!l->last_cursor && !(l->last_cursor = strdup(cursor))) {
                free(cursor);
                return -ENOMEM;
        }
        free(l->first_cursor);
        l->first_cursor = cursor;
        return 0;
}

static int read_lines(sd_journal *journal, Lines *l) {
        uint64_t end = now_usec() + READ_USEC;
        int r = 0;

        while (r >= 0 && l->n < ALERT_JOURNAL_LINES && now_usec() < end && sd_journal_previous(journal) > 0) {
                char *line = read_line(journal);

                if (!line)
                        continue;
                l->lines[ALERT_JOURNAL_LINES - ++l->n] = line;
                r = note_cursor(journal, l);
        }
        return r;
}

static json_object *lines_to_json(const Lines *l) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = ALERT_JOURNAL_LINES - l->n; array && i < ALERT_JOURNAL_LINES; i++) {
                json_object *line = json_object_new_string(l->lines[i]);

                if (!line || json_object_array_add(array, line) < 0) {
                        json_object_put(line);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

int alert_journal_read(const char *unit, json_object **ret_lines, char **ret_first_cursor, char **ret_last_cursor) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        _cleanup_(lines_done) Lines l = {};
        json_object *array;
        int r;

        r = open_journal(unit, &journal);
        if (r >= 0)
                r = read_lines(journal, &l);
        if (r < 0)
                return r;
        array = lines_to_json(&l);
        if (!array)
                return -ENOMEM;
        *ret_lines = array;
        *ret_first_cursor = TAKE_PTR(l.first_cursor);
        *ret_last_cursor = TAKE_PTR(l.last_cursor);
        return 0;
}
