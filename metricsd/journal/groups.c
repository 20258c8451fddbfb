/* SPDX-License-Identifier: MIT */
#include "groups.h"

#include <string.h>

#include "basic/string-util.h"
#include "fingerprint.h"

#define BUCKETS 256

struct JournalGroups {
        JournalGroup *buckets[BUCKETS];
        JournalGroup *first, **end;
        size_t n;
        FingerprintText masked; /* too large for the stack of a program that wants to stay small */
};

static JournalGroup *group_free(JournalGroup *g) {
        free(g->service);
        free(g->message);
        free(g->sample);
        free(g->message_id);
        free(g->code_func);
        free(g->cursor);
        free(g);
        return NULL;
}
TL_DEFINE_CLEANUP(JournalGroup *, group_free)

int journal_groups_new(JournalGroups **ret) {
        JournalGroups *groups = calloc(1, sizeof(JournalGroups));

        if (!groups)
                return -ENOMEM;
        groups->end = &groups->first;
        *ret = groups;
        return 0;
}

void journal_groups_clear(JournalGroups *groups) {
        JournalGroup *g = groups->first;

        while (g) {
                JournalGroup *next = g->next;

                group_free(g);
                g = next;
        }
        (void) memset(groups->buckets, 0, sizeof(groups->buckets));
        groups->first = NULL;
        groups->end = &groups->first;
        groups->n = 0;
}

JournalGroups *journal_groups_free(JournalGroups *groups) {
        if (groups)
                journal_groups_clear(groups);
        free(groups);
        return NULL;
}

/* NULL for NULL too; so a missing copy shows by its source. */
static char *cut_copy(const char *s) {
        size_t n = s ? strlen(s) : 0;

        if (!s || n <= JOURNAL_GROUP_TEXT_MAX)
                return s ? strdup(s) : NULL;
        n = JOURNAL_GROUP_TEXT_MAX - strlen("...");
        while (n > 0 && ((unsigned char) s[n] & 0xc0) == 0x80) /* not within a character */
                n--;
        return str_printf("%.*s...", (int) n, s);
}

/* What is to be kept of the newest line. All or nothing. */
static int take_newest(JournalGroup *g, const JournalLine *line) {
        char *sample = cut_copy(line->message), *cursor = strdup(line->cursor);

        if (!sample || !cursor) {
                free(sample);
                free(cursor);
                return -ENOMEM;
        }
        free(g->sample);
        free(g->cursor);
        g->sample = sample;
        g->cursor = cursor;
        g->priority = line->priority;
        g->last = MAX(g->last, line->at);
        g->first = MIN(g->first, line->at);
        return 0;
}

static int group_new(const char *service, const JournalLine *line, uint64_t fingerprint, const char *masked,
                     JournalGroup **ret) {
        _cleanup_(group_freep) JournalGroup *g = calloc(1, sizeof(JournalGroup));
        int r;

        if (!g)
                return -ENOMEM;
        *g = (JournalGroup) {
                .service = strdup(service),
                .fingerprint = fingerprint,
                .message = cut_copy(masked),
                .message_id = cut_copy(line->message_id),
                .code_func = cut_copy(line->code_func),
                .first = line->at,
        };
        if (!g->service || !g->message || (line->message_id && !g->message_id) || (line->code_func && !g->code_func))
                return -ENOMEM;
        r = take_newest(g, line);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

static JournalGroup *find(const JournalGroups *groups, const char *service, uint64_t fingerprint) {
        for (JournalGroup *g = groups->buckets[fingerprint % BUCKETS]; g; g = g->next_in_bucket)
                if (g->fingerprint == fingerprint && streq(g->service, service))
                        return g;
        return NULL;
}

static size_t count_of(const JournalGroups *groups, const char *service) {
        size_t n = 0;

        for (const JournalGroup *g = groups->first; g; g = g->next)
                n += streq(g->service, service);
        return n;
}

static int add_new(JournalGroups *groups, const char *service, const JournalLine *line, uint64_t fingerprint) {
        JournalGroup *g, **bucket = groups->buckets + fingerprint % BUCKETS;
        int r;

        if (groups->n >= JOURNAL_GROUPS_MAX || count_of(groups, service) >= JOURNAL_GROUPS_SERVICE_MAX)
                return -ENOBUFS;
        r = group_new(service, line, fingerprint, groups->masked, &g);
        if (r < 0)
                return r;
        g->count = 1;
        g->next_in_bucket = *bucket;
        *bucket = g;
        *groups->end = g;
        groups->end = &g->next;
        groups->n++;
        return 1;
}

int journal_groups_add(JournalGroups *groups, const char *service, const JournalLine *line) {
        uint64_t fingerprint = journal_fingerprint(line, groups->masked);
        JournalGroup *g = find(groups, service, fingerprint);

        if (!g)
                return add_new(groups, service, line, fingerprint);
        g->count++;
        return take_newest(g, line);
}

const JournalGroup *journal_groups_first(const JournalGroups *groups) {
        return groups->first;
}

const JournalGroup *journal_groups_find(const JournalGroups *groups, const char *service, uint64_t fingerprint) {
        return find(groups, service, fingerprint);
}
