/* SPDX-License-Identifier: MIT */
#include "action-kinds.h"
#include "basic/string-util.h"
#include "notify-desktop.h"
#include "notify-params.h"
#include "webhook.h"

/* notify: tells the user's desktop, or a webhook, or both, and is over when each has heard of it or cannot. */

typedef struct Notification {
        AlertAction *action;
        /* Until each is over; NULL when it is not told, or was. */
        DesktopNotice *desktop;
        WebhookDelivery *webhook;
        sd_event_source *later;
        char *problem; /* of the one that was not told; of the first if both were not */
} Notification;

static void notification_free(void *state) {
        Notification *n = state;

        if (!n)
                return;
        if (n->desktop)
                desktop_notice_give_up(n->desktop);
        if (n->webhook)
                webhook_give_up(n->webhook);
        sd_event_source_disable_unref(n->later);
        free(n->problem);
        free(n);
}
TL_DEFINE_CLEANUP(Notification *, notification_free)

static void note(Notification *n, const char *problem) {
        if (problem && !n->problem)
                (void) str_replace(&n->problem, problem); /* without memory it is told now or not at all */
        if (!n->desktop && !n->webhook && !n->later)
                alert_action_over(n->action, problem && !n->problem ? problem : n->problem);
}

static void on_desktop(const char *problem, void *userdata) {
        Notification *n = userdata;

        n->desktop = NULL;
        note(n, problem);
}

static void on_webhook(const char *problem, void *userdata) {
        Notification *n = userdata;

        n->webhook = NULL;
        note(n, problem);
}

/* What is wrong from the start is told from the event loop, too. */
static int on_later(sd_event_source *source, void *userdata) {
        Notification *n = userdata;

        n->later = sd_event_source_disable_unref(n->later);
        note(n, NULL);
        return 0;
}

static int fail_later(Notification *n, const char *problem) {
        if (n->later)
                return 0; /* both went wrong: the first says so */
        if (str_replace(&n->problem, problem) < 0)
                return -ENOMEM;
        return sd_event_add_defer(sd_bus_get_event(n->action->shared->bus), &n->later, on_later, n);
}

/* --- The desktop --- */

static int tell_desktop(Notification *n, json_object *alert) {
        int r = desktop_notify(n->action->shared->desktop, alert, on_desktop, n, &n->desktop);

        return r == -EBUSY ? fail_later(n, "too many notifications wait for the desktop's notification service") : r;
}

/* --- The webhook --- */

static int tell_webhook(Notification *n, const NotifyParams *p, json_object *alert) {
        _cleanup_(freep) char *authorization = NULL, *url = NULL, *body = NULL, *problem = NULL, *page = NULL;
        const AlertActionShared *shared = n->action->shared;
        int r;

        r = notify_params_authorization(p, &authorization, &problem);
        if (r < 0)
                return r == -EACCES ? fail_later(n, problem) : r;
        url = notify_params_url(p);
        page = alert_action_page(shared);
        body = notify_params_body(p, &alert, 1, shared->instance, page);
        if (!url || !body)
                return -ENOMEM;
        return webhooks_send(shared->webhooks, &(WebhookMessage) {
                .url = url, .authorization = authorization, .body = body }, on_webhook, n, &n->webhook);
}

int action_notify_begin(AlertAction *a, const AlertActionRequest *request) {
        NotifyParams params = notify_params_read(request->params);
        _cleanup_(notification_freep) Notification *n = calloc(1, sizeof(Notification));
        int r = 0;

        if (!n || !request->alert)
                return -ENOMEM;
        n->action = a;
        if (params.webhook)
                r = tell_webhook(n, &params, request->alert);
        if (r >= 0 && params.desktop)
                r = tell_desktop(n, request->alert);
        if (r < 0)
                return r;
        a->state = TAKE_PTR(n);
        a->stop = notification_free;
        return 0;
}
