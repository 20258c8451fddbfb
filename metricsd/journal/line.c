/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "text.h"

#define PREFIX "TOOLOO_"
#define MESSAGE_ID_DROPPED "a596d6fe7bfa4994828e72309e95d61e" /* SD_MESSAGE_JOURNAL_DROPPED */
#define INFO 6

typedef enum Wanted {
        PRIORITY,
        MESSAGE,
        MESSAGE_ID,
        CODE_FUNC,
        OWN_UNIT,    /* of the process that wrote it */
        OWN_RUN,
        ABOUT_UNIT,  /* the user manager's lines about a unit */
        ABOUT_RUN,
        OBJECT_UNIT, /* of a process that somebody else wrote about */
        DROPPED,
        _WANTED_MAX,
} Wanted;

#define NAME(s) .name = (s), .length = sizeof(s) - 1
static const struct {
        const char *name;
        size_t length, max;
} wanted[_WANTED_MAX] = {
        [PRIORITY] = { NAME("PRIORITY"), .max = 1 },
        [MESSAGE] = { NAME("MESSAGE"), .max = JOURNAL_MESSAGE_MAX },
        [MESSAGE_ID] = { NAME("MESSAGE_ID"), .max = 32 },
        [CODE_FUNC] = { NAME("CODE_FUNC"), .max = 128 },
        [OWN_UNIT] = { NAME("_SYSTEMD_USER_UNIT"), .max = 256 },
        [OWN_RUN] = { NAME("_SYSTEMD_INVOCATION_ID"), .max = 32 },
        [ABOUT_UNIT] = { NAME("USER_UNIT"), .max = 256 },
        [ABOUT_RUN] = { NAME("USER_INVOCATION_ID"), .max = 32 },
        [OBJECT_UNIT] = { NAME("OBJECT_SYSTEMD_USER_UNIT"), .max = 256 },
        [DROPPED] = { NAME("N_DROPPED"), .max = 20 },
};

/* A clean copy; NULL when the buffer is full, which its size rules out for all that is wanted once. */
static const char *keep(JournalLineBuffer *b, const char *value, size_t size, size_t max) {
        char *copy = b->text + b->used;

        if (size > max) {
                size = max;
                while (size > 0 && ((unsigned char) value[size] & 0xc0) == 0x80) /* not within a character */
                        size--;
        }
        if (size + 1 > sizeof(b->text) - b->used)
                return NULL;
        (void) memcpy(copy, value, size);
        b->used += text_clean(copy, size) + 1;
        return copy;
}

/* A field may come more than once; the first stands. */
static void take_field(JournalLineBuffer *b, JournalLine *line, const char *data, size_t size) {
        const char *end = memchr(data, '=', size);
        const char *name, *value;

        if (!end || line->n_fields == JOURNAL_FIELDS_MAX)
                return;
        name = keep(b, data, (size_t) (end - data), 63);
        value = keep(b, end + 1, size - (size_t) (end - data) - 1, JOURNAL_FIELD_MAX);
        if (!name || !value)
                return;
        name += strlen(PREFIX);
        if (streq(name, "EVENT") && !line->event)
                line->event = value;
        else if (!journal_line_field(line, name))
                line->fields[line->n_fields++] = (JournalField) { .name = name, .value = value };
}

static void take_data(JournalLineBuffer *b, const char *values[static _WANTED_MAX], JournalLine *line, const char *data,
                      size_t size) {
        for (unsigned i = 0; i < _WANTED_MAX; i++) {
                size_t n = wanted[i].length;

                if (size <= n || data[n] != '=' || memcmp(data, wanted[i].name, n) != 0)
                        continue;
                if (!values[i])
                        values[i] = keep(b, data + n + 1, size - n - 1, wanted[i].max);
                return;
        }
        if (size > strlen(PREFIX) && memcmp(data, PREFIX, strlen(PREFIX)) == 0)
                take_field(b, line, data, size);
}

static int priority_of(const char *value) {
        return value && *value >= '0' && *value < '0' + JOURNAL_LEVELS ? *value - '0' : INFO;
}

/* A process that has ended before journald looked for its unit has none; ours say themselves whose they are. */
static const char *unit_by_name(JournalLineBuffer *b, const JournalLine *line) {
        const char *id = journal_line_field(line, "SERVICE");
        char unit[64];
        int n;

        if (!id || !service_id_valid(id))
                return NULL;
        n = snprintf(unit, sizeof(unit), "tooloo-%s.service", id);
        return keep(b, unit, (size_t) n, sizeof(unit));
}

static void settle(JournalLineBuffer *b, const char *const values[static _WANTED_MAX], JournalLine *line) {
        unsigned long dropped;

        line->priority = priority_of(values[PRIORITY]);
        line->message = values[MESSAGE] ? values[MESSAGE] : "";
        line->message_id = values[MESSAGE_ID];
        line->code_func = values[CODE_FUNC];
        line->unit = values[ABOUT_UNIT] ? values[ABOUT_UNIT] : values[OBJECT_UNIT] ? values[OBJECT_UNIT] : values[OWN_UNIT];
        line->invocation_id = values[ABOUT_UNIT] ? values[ABOUT_RUN] : values[OBJECT_UNIT] ? NULL : values[OWN_RUN];
        if (!line->unit)
                line->unit = unit_by_name(b, line);
        if (values[DROPPED] && line->message_id && streq(line->message_id, MESSAGE_ID_DROPPED) &&
            parse_uint(values[DROPPED], 0, ULONG_MAX, &dropped) >= 0)
                line->dropped = MAX(dropped, 1UL);
}

int journal_line_read(sd_journal *journal, JournalLineBuffer *buffer, JournalLine *ret) {
        const char *values[_WANTED_MAX] = {};
        JournalLine line = {};
        const void *data;
        size_t size;
        int r;

        buffer->used = 0;
        r = sd_journal_get_realtime_usec(journal, &line.at);
        if (r < 0)
                return r;
        sd_journal_restart_data(journal);
        while ((r = sd_journal_enumerate_available_data(journal, &data, &size)) > 0)
                take_data(buffer, values, &line, data, size);
        if (r < 0)
                return r;
        settle(buffer, values, &line);
        *ret = line;
        return 0;
}

const char *journal_line_field(const JournalLine *line, const char *name) {
        for (size_t i = 0; i < line->n_fields; i++)
                if (streq(line->fields[i].name, name))
                        return line->fields[i].value;
        return NULL;
}

/* "s=ID;i=NUMBER;b=BOOT;m=MONOTONIC;t=REALTIME;x=HASH" */
bool journal_line_is_copy(const char *cursor, const char *cursor_before) {
        const char *a = strstr(cursor, ";b="), *b = strstr(cursor_before, ";b=");

        return a && b && streq(a, b) && !streq(cursor, cursor_before);
}
