/* SPDX-License-Identifier: MIT */
#include "foundation/uv-nest.h"

#include "feed.h"

#include <json-c/json_tokener.h>
#include <libwebsockets.h>

#include "basic/string-util.h"
#include "shared/log.h"

#define PATH "/ws/metrics"
#define MESSAGE_MAX_SIZE ((size_t) 64 * 1024 * 1024)
#define RETRY_FIRST_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)
#define RETRY_ACCURACY_USEC (10 * USEC_PER_MSEC)
/* metricsd says something every few seconds; where nothing comes the other end is asked, and taken for dead at last. */
#define PING_AFTER_SEC 15
#define DEAD_AFTER_SEC 30
#define UV_TURNS_TO_END 10000

struct Feed {
        UvNest nest;
        sd_event *event;
        sd_event_source *retry;
        uint64_t retry_usec;
        struct lws_context *context;
        struct lws_protocols protocols[2];
        struct lws *lws; /* NULL while there is none */
        unsigned port;
        char *text; /* of a message that has not ended yet */
        size_t size, space;
        const FeedEvents *events;
        void *userdata;
        bool destroying;
};

/* --- Messages ---------------------------------------------------------------------------------------------------- */

static int append(Feed *feed, const void *data, size_t n) {
        if (feed->size + n > MESSAGE_MAX_SIZE)
                return -EMSGSIZE;
        if (feed->size + n > feed->space) {
                size_t space = MAX(2 * feed->space, feed->size + n);
                char *grown = realloc(feed->text, space);

                if (!grown)
                        return -ENOMEM;
                feed->text = grown;
                feed->space = space;
        }
        (void) memcpy(feed->text + feed->size, data, n);
        feed->size += n;
        return 0;
}

static void tell_message(Feed *feed) {
        struct json_tokener *tokener = json_tokener_new();
        json_object *message = tokener && feed->size <= INT32_MAX ?
                                       json_tokener_parse_ex(tokener, feed->text, (int) feed->size) : NULL;

        feed->size = 0;
        if (message)
                feed->events->message(message, feed->userdata);
        (void) json_object_put(message);
        if (tokener)
                json_tokener_free(tokener);
}

static int receive(Feed *feed, const void *data, size_t n) {
        if (append(feed, data, n) < 0)
                return -1; /* lws closes */
        if (lws_is_final_fragment(feed->lws) && lws_remaining_packet_payload(feed->lws) == 0)
                tell_message(feed);
        return 0;
}

/* --- The connection ---------------------------------------------------------------------------------------------- */

static void plan_retry(Feed *feed) {
        if (feed->port == 0 || feed->destroying)
                return;
        (void) sd_event_source_set_time_relative(feed->retry, feed->retry_usec);
        (void) sd_event_source_set_enabled(feed->retry, SD_EVENT_ONESHOT);
        feed->retry_usec = MIN(feed->retry_usec * 2, RETRY_MAX_USEC);
}

static void lose(Feed *feed) {
        feed->lws = NULL;
        feed->size = 0;
        if (feed->destroying)
                return;
        feed->events->connected(false, feed->userdata);
        plan_retry(feed);
}

static int on_lws(struct lws *lws, enum lws_callback_reasons reason, void *session, void *in, size_t size) {
        Feed *feed = lws_get_opaque_user_data(lws);

        if (!feed || (feed->lws && feed->lws != lws)) /* one that is not wanted any more */
                return 0;
        switch (reason) {
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
                feed->lws = lws;
                feed->retry_usec = RETRY_FIRST_USEC;
                feed->events->connected(true, feed->userdata);
                return 0;
        case LWS_CALLBACK_CLIENT_RECEIVE:
                return receive(feed, in, size);
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        case LWS_CALLBACK_CLIENT_CLOSED:
                lose(feed);
                return 0;
        default:
                return 0;
        }
}

/* The address and not a name: this asks no resolver. */
static void connect_now(Feed *feed) {
        _cleanup_(freep) char *host = str_printf("127.0.0.1:%u", feed->port);
        struct lws_client_connect_info info = {
                .context = feed->context,
                .address = "127.0.0.1",
                .port = (int) feed->port,
                .path = PATH,
                .host = host,
                .local_protocol_name = feed->protocols[0].name,
                .ietf_version_or_minus_one = -1,
                .opaque_user_data = feed,
                .pwsi = &feed->lws,
        };

        /* It tells of a failure by the callback, or, where it fails at once, may not. */
        if (host && (lws_client_connect_via_info(&info) || !feed->retry))
                return;
        feed->lws = NULL;
        plan_retry(feed);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Feed *feed = userdata;

        if (feed->port > 0 && !feed->lws)
                connect_now(feed);
        return 0;
}

void feed_want(Feed *feed, unsigned port) {
        bool other = port != feed->port;

        feed->port = port;
        if (!other)
                return;
        if (feed->lws) {
                lws_set_timeout(feed->lws, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
                lws_set_opaque_user_data(TAKE_PTR(feed->lws), NULL);
                feed->events->connected(false, feed->userdata);
        }
        feed->retry_usec = RETRY_FIRST_USEC;
        (void) sd_event_source_set_time_relative(feed->retry, 0);
        (void) sd_event_source_set_enabled(feed->retry, port > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

static void log_lws(int level, const char *line) {
        log_debug("libwebsockets: %.*s", (int) strcspn(line, "\n"), line);
}

static int create_context(Feed *feed) {
        static const lws_retry_bo_t liveness = {
                .secs_since_valid_ping = PING_AFTER_SEC,
                .secs_since_valid_hangup = DEAD_AFTER_SEC,
        };
        void *loops[] = { &feed->nest.loop };
        struct lws_context_creation_info info = {
                .port = CONTEXT_PORT_NO_LISTEN,
                .protocols = feed->protocols,
                /* Without a loop from outside lws's libuv plugin takes SIGTERM for itself. */
                .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
                .foreign_loops = loops,
                .retry_and_idle_policy = &liveness,
                .fd_limit_per_thread = 16, /* else it has a table for as many as the process may open */
        };

        lws_set_log_level(LLL_ERR | LLL_WARN, log_lws);
        feed->protocols[0] = (struct lws_protocols) { .name = "metrics", .callback = on_lws };
        feed->context = lws_create_context(&info);
        return feed->context ? 0 : -EIO;
}

/* uv closes a handle in a later turn of the loop, and lws frees what belongs to it then; its context it frees when asked
 * a second time. */
static void destroy_context(Feed *feed) {
        for (unsigned asked = 0; asked < 2; asked++) {
                lws_context_destroy(feed->context);
                for (unsigned i = 0; i < UV_TURNS_TO_END && uv_run(&feed->nest.loop, UV_RUN_NOWAIT) != 0; i++)
                        ;
        }
}

Feed *feed_free(Feed *feed) {
        if (!feed)
                return NULL;
        feed->destroying = true;
        if (feed->context)
                destroy_context(feed);
        (void) uv_nest_done(&feed->nest);
        (void) sd_event_source_disable_unref(feed->retry);
        (void) sd_event_unref(feed->event);
        free(feed->text);
        free(feed);
        return NULL;
}

int feed_new(sd_event *event, const FeedEvents *events, void *userdata, Feed **ret) {
        _cleanup_(feed_freep) Feed *feed = calloc(1, sizeof(Feed));
        int r;

        if (!feed)
                return -ENOMEM;
        feed->event = sd_event_ref(event);
        feed->events = events;
        feed->userdata = userdata;
        r = sd_event_add_time(event, &feed->retry, CLOCK_MONOTONIC, 0, RETRY_ACCURACY_USEC, on_retry, feed);
        if (r >= 0)
                r = sd_event_source_set_enabled(feed->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = uv_nest_init(&feed->nest, event);
        if (r >= 0)
                r = create_context(feed);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(feed);
        return 0;
}
