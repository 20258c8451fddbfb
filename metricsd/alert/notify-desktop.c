/* SPDX-License-Identifier: MIT */
#include "notify-desktop.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "basic/string-util.h"
#include "notice-message.h"

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"
#define ANSWER_USEC (UINT64_C(10) * USEC_PER_SEC)
#define ALERT_ID_MAX 48

/* A notification that is shown, as far as anybody knows. */
typedef struct Bubble {
        char alert[ALERT_ID_MAX];
        uint32_t id;
} Bubble;

struct DesktopNotifier {
        sd_bus *bus;
        sd_bus_slot *owner_match;
        Bubble shown[DESKTOP_SHOWN_MAX]; /* a ring */
        unsigned next;
        TAILQ_HEAD(NoticeList, DesktopNotice) notices; /* sent, or waiting for the one before about the same alert */
        unsigned n_notices;
};

struct DesktopNotice {
        DesktopNotifier *notifier;
        char alert[ALERT_ID_MAX];
        char *summary, *body;
        uint8_t urgency;
        sd_bus_slot *slot; /* NULL as long as it waits for another */
        desktop_over_t over;
        void *userdata;
        TAILQ_ENTRY(DesktopNotice) entries;
};

/* --- Texts --- */

char *desktop_escape(const char *text) {
        size_t size = 0;
        char *escaped;
        FILE *f = open_memstream(&escaped, &size);

        if (!f)
                return NULL;
        for (; *text; text++) {
                const char *entity = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;

                if (entity)
                        (void) fputs(entity, f); /* fclose() tells */
                else
                        (void) fputc(*text, f);
        }
        if (ferror(f) || fclose(f) != 0)
                return NULL;
        return escaped;
}

static const char *text_of(json_object *alert, const char *name) {
        json_object *value;

        return json_object_object_get_ex(alert, name, &value) ? json_object_get_string(value) : "";
}

/* 0 low, 1 normal, 2 critical: it stays until somebody has seen it. */
static uint8_t urgency_of(json_object *alert) {
        const char *severity = text_of(alert, "severity");

        if (message_is_resolved(alert) || streq(severity, "info"))
                return 0;
        return streq(severity, "critical") ? 2 : 1;
}

/* --- What is shown --- */

static Bubble *find_bubble(DesktopNotifier *n, const char *alert) {
        for (unsigned i = 0; i < DESKTOP_SHOWN_MAX; i++)
                if (n->shown[i].id > 0 && streq(n->shown[i].alert, alert))
                        return n->shown + i;
        return NULL;
}

static void remember(DesktopNotifier *n, const char *alert, uint32_t id) {
        Bubble *bubble = find_bubble(n, alert);

        if (!bubble)
                bubble = n->shown + n->next++ % DESKTOP_SHOWN_MAX;
        (void) snprintf(bubble->alert, sizeof(bubble->alert), "%s", alert);
        bubble->id = id;
}

/* The ids of the one before mean nothing to the next: by then they may be those of somebody else's notifications. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        DesktopNotifier *n = userdata;

        memset(n->shown, 0, sizeof(n->shown));
        return 0;
}

/* --- Notices --- */

static void notice_free(DesktopNotice *notice) {
        DesktopNotifier *n = notice->notifier;

        n->n_notices--;
        TAILQ_REMOVE(&n->notices, notice, entries);
        sd_bus_slot_unref(notice->slot);
        free(notice->summary);
        free(notice->body);
        free(notice);
}

static DesktopNotice *find_notice(DesktopNotifier *n, const char *alert) {
        DesktopNotice *notice;

        TAILQ_FOREACH(notice, &n->notices, entries)
                if (streq(notice->alert, alert))
                        return notice;
        return NULL;
}

static int on_shown(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

static int append_notice(sd_bus_message *m, const DesktopNotice *notice, uint32_t replaces) {
        static const char *const icons[] = { "dialog-information", "dialog-warning", "dialog-error" };

        return sd_bus_message_append(m, "susssasa{sv}i", "TooLoo", replaces, icons[notice->urgency], notice->summary,
                                     notice->body, 0, 2, "urgency", "y", notice->urgency, "category", "s",
                                     "x-tooloo.alert", -1);
}

static int send(DesktopNotice *notice) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        DesktopNotifier *n = notice->notifier;
        const Bubble *before = find_bubble(n, notice->alert);
        int r;

        r = sd_bus_message_new_method_call(n->bus, &m, NAME, PATH, NAME, "Notify");
        if (r >= 0)
                r = append_notice(m, notice, before ? before->id : 0);
        if (r >= 0)
                r = sd_bus_call_async(n->bus, &notice->slot, m, on_shown, notice, ANSWER_USEC);
        return MIN(r, 0);
}

/* One line on why there was no answer, or which. */
static const char *describe(const sd_bus_error *error, char *buf, size_t size) {
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                (void) snprintf(buf, size, "nobody on the user bus shows notifications (" NAME "): run a desktop "
                                           "session, or give the rule's actionParams a webhook");
        else if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
                 sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
                (void) snprintf(buf, size, "the desktop's notification service does not answer");
        else
                (void) snprintf(buf, size, "the desktop's notification service refuses: %.200s",
                                error->message ? error->message : strna(error->name));
        return buf;
}

/* The next about the same alert, which could not say before what it takes the place of. */
static void send_next(DesktopNotifier *n, const char *alert) {
        DesktopNotice *next;

        while ((next = find_notice(n, alert)) && !next->slot) {
                char problem[64];
                int r = send(next);

                if (r >= 0)
                        return;
                (void) snprintf(problem, sizeof(problem), "cannot be sent to the bus: %s", strerror(-r));
                next->over(problem, next->userdata);
                notice_free(next);
        }
}

static int on_shown(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        DesktopNotice *notice = userdata;
        DesktopNotifier *n = notice->notifier;
        const char *problem = NULL;
        char buf[320], alert[ALERT_ID_MAX];
        uint32_t id;

        if (sd_bus_message_is_method_error(m, NULL))
                problem = describe(sd_bus_message_get_error(m), buf, sizeof(buf));
        else if (sd_bus_message_read(m, "u", &id) < 0)
                problem = "the desktop's notification service answers with something else than a number";
        else
                remember(n, notice->alert, id);
        memcpy(alert, notice->alert, sizeof(alert));
        notice->over(problem, notice->userdata);
        notice_free(notice);
        send_next(n, alert);
        return 0;
}

static int notice_new(DesktopNotifier *n, json_object *alert, DesktopNotice **ret) {
        _cleanup_(freep) char *text = message_text(alert);
        DesktopNotice *notice = calloc(1, sizeof(DesktopNotice));

        if (!notice || !text) {
                free(notice);
                return -ENOMEM;
        }
        notice->notifier = n;
        (void) snprintf(notice->alert, sizeof(notice->alert), "%s", text_of(alert, "id"));
        notice->summary = message_summary(alert);
        notice->body = desktop_escape(text); /* alert_to_json() has nothing in it that is not UTF-8 */
        notice->urgency = urgency_of(alert);
        TAILQ_INSERT_TAIL(&n->notices, notice, entries);
        n->n_notices++;
        if (!notice->summary || !notice->body) {
                notice_free(notice);
                return -ENOMEM;
        }
        *ret = notice;
        return 0;
}

int desktop_notify(DesktopNotifier *n, json_object *alert, desktop_over_t over, void *userdata,
                   DesktopNotice **ret) {
        bool first = !find_notice(n, text_of(alert, "id"));
        DesktopNotice *notice;
        int r;

        if (n->n_notices >= DESKTOP_PENDING_MAX)
                return -EBUSY;
        r = notice_new(n, alert, &notice);
        if (r < 0)
                return r;
        notice->over = over;
        notice->userdata = userdata;
        r = first ? send(notice) : 0;
        if (r < 0) {
                notice_free(notice);
                return r;
        }
        *ret = notice;
        return 0;
}

void desktop_notice_give_up(DesktopNotice *notice) {
        DesktopNotifier *n = notice->notifier;
        bool was_sent = notice->slot;
        char alert[ALERT_ID_MAX];

        memcpy(alert, notice->alert, sizeof(alert));
        notice_free(notice);
        if (was_sent)
                send_next(n, alert);
}

/* --- Begin and end --- */

int desktop_notifier_new(sd_bus *bus, DesktopNotifier **ret) {
        _cleanup_(desktop_notifier_freep) DesktopNotifier *n = calloc(1, sizeof(DesktopNotifier));
        int r;

        if (!n)
                return -ENOMEM;
        n->bus = sd_bus_ref(bus);
        TAILQ_INIT(&n->notices);
        r = sd_bus_add_match_async(bus, &n->owner_match,
                                   "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                   "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" NAME "'",
                                   on_owner_changed, NULL, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

DesktopNotifier *desktop_notifier_free(DesktopNotifier *n) {
        if (!n)
                return NULL;
        while (!TAILQ_EMPTY(&n->notices))
                notice_free(TAILQ_FIRST(&n->notices));
        sd_bus_slot_unref(n->owner_match);
        sd_bus_unref(n->bus);
        free(n);
        return NULL;
}
