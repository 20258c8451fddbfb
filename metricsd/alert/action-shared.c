/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include "action.h"
#include "basic/string-util.h"
#include "notify-desktop.h"
#include "shared/curl-event.h"
#include "webhook.h"

#define PAGE "/control-room"

static char *host_name(void) {
        char name[HOST_NAME_MAX + 1] = "";

        (void) gethostname(name, sizeof(name) - 1); /* then there is none */
        return strdup(name);
}

int alert_action_shared_init(AlertActionShared *shared, sd_bus *bus, Fleet *fleet, uint64_t retry_usec) {
        AlertActionShared s = { .bus = bus, .fleet = fleet, .instance = host_name() };
        sd_event *event = sd_bus_get_event(bus);
        int r;

        r = s.instance ? curl_event_new(event, &s.curl) : -ENOMEM;
        if (r >= 0)
                r = webhooks_new(event, s.curl, fleet, retry_usec, &s.webhooks);
        if (r >= 0)
                r = desktop_notifier_new(bus, &s.desktop);
        if (r < 0) {
                alert_action_shared_done(&s);
                return r;
        }
        *shared = s;
        return 0;
}

char *alert_action_page(const AlertActionShared *shared) {
        const FleetUnit *unit = shared->fleet ? fleet_route(shared->fleet, PAGE) : NULL;

        return unit ? str_printf("http://localhost:%u" PAGE, unit->service->port) : NULL;
}

void alert_action_shared_done(AlertActionShared *shared) {
        desktop_notifier_free(shared->desktop);
        webhooks_free(shared->webhooks); /* before what it calls with */
        curl_event_free(shared->curl);
        free(shared->instance);
        *shared = (AlertActionShared) {};
}
