/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <string.h>
#include <systemd/sd-journal.h>

#include "../journal/text.h"
#include "../journal/vanish.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "field.h"

/* The event loop waits for it, and a large journal on a slow disk must not become a service that does not answer. */
#define READ_USEC (200 * USEC_PER_MSEC)
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

/* What has been read, from the end: that is the order in which it comes. */
typedef struct Evidence {
        char *lines[ALERT_JOURNAL_LINES];
        size_t first; /* lines before it are NULL */
        char *first_cursor, *last_cursor;
} Evidence;

static void evidence_done(Evidence *e) {
        for (size_t i = e->first; i < ALERT_JOURNAL_LINES; i++)
                free(e->lines[i]);
        free(e->first_cursor);
        free(e->last_cursor);
}

/* NULL for an entry without a message, too. */
static char *read_line(sd_journal *journal) {
        char message[MESSAGE_MAX + 1], when[ISO8601_MAX];
        const void *data;
        uint64_t usec;
        size_t size;

        if (sd_journal_get_realtime_usec(journal, &usec) < 0 ||
            sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0)
                return NULL;
        size -= MIN(size, strlen("MESSAGE="));
        size = MIN(size, MESSAGE_MAX);
        (void) memcpy(message, (const char *) data + strlen("MESSAGE="), size);
        (void) text_clean(message, size);
        return str_printf("%s %s", format_iso8601(when, usec), message);
}

static int take(Evidence *e, sd_journal *journal) {
        char *line = read_line(journal), *cursor;
        int r;

        if (!line)
                return 0;
        e->lines[--e->first] = line;
        r = sd_journal_get_cursor(journal, &cursor);
        if (r < 0)
                return r;
        free(e->first_cursor);
        e->first_cursor = cursor;
        return e->last_cursor ? 0 : str_replace(&e->last_cursor, cursor);
}

static int read_evidence(const char *unit, Evidence *e) {
        VANISH_GUARD();
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        uint64_t end;
        int r;

        r = open_journal(unit, &journal);
        end = now_usec() + READ_USEC;
        while (r >= 0 && e->first > 0 && now_usec() < end && (r = sd_journal_previous(journal)) > 0)
                r = take(e, journal);
        return r;
}

static json_object *lines_json(const Evidence *e) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = e->first; i < ALERT_JOURNAL_LINES; i++) {
                json_object *line = json_object_new_string(e->lines[i]);

                if (!array || !line || json_object_array_add(array, line) < 0) {
                        json_object_put(line);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

int alert_journal_read(const char *unit, json_object **ret_lines, char **ret_first_cursor, char **ret_last_cursor) {
        _cleanup_(evidence_done) Evidence e = { .first = ALERT_JOURNAL_LINES };
        json_object *lines = NULL;
        int r;

        r = vanish_init();
        if (r >= 0)
                r = read_evidence(unit, &e);
        if (r < 0)
                return r;
        if (ret_lines && !(lines = lines_json(&e)))
                return -ENOMEM;
        if (ret_lines)
                *ret_lines = lines;
        if (ret_first_cursor)
                *ret_first_cursor = TAKE_PTR(e.first_cursor);
        if (ret_last_cursor)
                *ret_last_cursor = TAKE_PTR(e.last_cursor);
        return 0;
}
