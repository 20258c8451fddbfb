/* SPDX-License-Identifier: MIT */
#include "alert-http-internal.h"
#include "alert/field.h"
#include "foundation/json-util.h"

int alert_http_get_silences(HttpRequest *request, void *state) {
        _cleanup_(json_object_putp) json_object *body = alert_http_new_answer(), *array = json_object_new_array();
        const AlertBook *book = alert_engine_book(alert_http_engine(state));
        uint64_t now = alert_time_now().realtime;
        size_t total;

        if (!body || !array)
                return -ENOMEM;
        for (size_t i = 0; i < book->n_silences; i++) {
                json_object *silence;

                if (book->silences[i]->until <= now)
                        continue;
                silence = alert_silence_to_json(book->silences[i]);
                if (!silence || json_object_array_add(array, silence) < 0) {
                        json_object_put(silence);
                        return -ENOMEM;
                }
        }
        total = json_object_array_length(array);
        if (!json_add(body, "silences", TAKE_PTR(array)) || !json_add(body, "total", json_object_new_uint64(total)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

static int reply_not_added(HttpRequest *request, int r) {
        if (r == -E2BIG)
                return http_reply_error(request, 409, "TOO_MANY_SILENCES",
                                        "there are %d silences, which is the most; delete one first",
                                        BOOK_SILENCES_MAX);
        return alert_http_reply_not_stored(request, r, "the silence");
}

static int reply_silence(HttpRequest *request, const AlertSilence *silence) {
        _cleanup_(json_object_putp) json_object *body = alert_http_new_answer();

        if (!body || !json_add(body, "id", json_object_new_string(silence->id)) ||
            !json_add(body, "silence", alert_silence_to_json(silence)))
                return -ENOMEM;
        return http_reply_json(request, 200, TAKE_PTR(body));
}

/* It has no id yet. */
static int try_silence(HttpRequest *request, AlertBook *book, const AlertSilence *silence, AlertTime now) {
        int r = alert_book_try_silence(book, now);

        return r < 0 ? reply_not_added(request, r)
                     : alert_http_reply_with(request, "silence", alert_silence_to_json(silence), true);
}

int alert_http_post_silence(HttpRequest *request, void *state) {
        _cleanup_(alert_silence_freep) AlertSilence *silence = NULL;
        _cleanup_(json_object_putp) json_object *body = NULL;
        _cleanup_(freep) char *problem = NULL;
        AlertEngine *engine = alert_http_engine(state);
        AlertTime now = alert_time_now();
        const AlertSilence *kept;
        bool dry_run;
        int r;

        r = alert_http_read_dry_run(request, &dry_run);
        if (r == 0)
                r = alert_http_read_body(request, state, &body);
        if (r != 0)
                return MIN(r, 0);
        r = alert_silence_from_request(body, now.realtime, alert_engine_knows_service, engine, alert_engine_knows_rule,
                                       engine, &silence, &problem);
        if (r < 0)
                return alert_http_reply_invalid(request, r, problem);
        if (dry_run)
                return try_silence(request, alert_engine_book(engine), silence, now);
        r = alert_book_add_silence(alert_engine_book(engine), &silence, now, &kept);
        return r < 0 ? reply_not_added(request, r) : reply_silence(request, kept);
}

int alert_http_delete_silence(HttpRequest *request, void *state) {
        AlertBook *book = alert_engine_book(alert_http_engine(state));
        const char *id = http_request_param(request, "id");
        AlertTime now = alert_time_now();
        const AlertSilence *silence = alert_book_get_silence(book, id, now);
        bool dry_run;
        int r;

        r = alert_http_read_dry_run(request, &dry_run);
        if (r != 0)
                return MIN(r, 0);
        if (!silence)
                return http_reply_error(request, 404, "NOT_FOUND", "there is no silence '%s'", id);
        if (dry_run)
                return alert_http_reply_with(request, "silence", alert_silence_to_json(silence), true);
        r = alert_book_delete_silence(book, id, now);
        return r < 0 ? alert_http_reply_not_stored(request, r, "the deletion")
                     : http_reply_json(request, 200, alert_http_new_answer());
}
