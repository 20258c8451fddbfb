/* SPDX-License-Identifier: MIT */
#include "shared/http-call.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <json-c/json_tokener.h>

#include "basic/string-util.h"
#include "basic/time-util.h"

#define EXCERPT_MAX ((size_t) 200)
#define BODY_KEEP ((size_t) 1024)
#define DEPTH_MAX 32
#define PROBLEM_MAX 128

TL_DEFINE_CLEANUP(json_object *, json_object_put)

struct HttpCall {
        CurlEvent *curl;
        CURL *easy;
        struct curl_slist *headers;
        const Fleet *fleet;
        bool in_flight;
        char kept_out[40]; /* the id of the service that it is not to wake up, "" for none */
        uint64_t timeout;
        char *body;
        size_t size, space, max;
        char error[CURL_ERROR_SIZE];
        http_call_over_t over;
        void *userdata;
};

/* --- Whom to connect to --- */

static bool is_loopback(const struct sockaddr *address, unsigned *ret_port) {
        if (address->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *) address;

                *ret_port = ntohs(in->sin_port);
                return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        }
        if (address->sa_family == AF_INET6) {
                const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

                *ret_port = ntohs(in6->sin6_port);
                return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
        }
        return false;
}

/* The service that the connection would start; NULL for none. */
static const FleetUnit *would_start(const Fleet *fleet, const struct sockaddr *address) {
        unsigned port;

        if (!fleet || !is_loopback(address, &port))
                return NULL;
        for (size_t i = 0; i < fleet_count(fleet); i++) {
                const FleetUnit *unit = fleet_at(fleet, i);

                if (unit->service->port == port && unit->condition != FLEET_RUNNING)
                        return unit;
        }
        return NULL;
}

static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address) {
        HttpCall *call = userdata;
        const FleetUnit *asleep = would_start(call->fleet, &address->addr);

        (void) snprintf(call->kept_out, sizeof(call->kept_out), "%s", asleep ? asleep->service->id : "");
        return asleep ? CURL_SOCKET_BAD
                      : socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- The answer --- */

static size_t on_body(char *data, size_t one, size_t size, void *userdata) {
        HttpCall *call = userdata;
        size_t wanted = MIN(size, call->max - call->size);

        if (call->size + wanted + 1 > call->space) {
                size_t space = MAX(MAX(call->space * 2, call->size + wanted + 1), BODY_KEEP);
                char *grown = realloc(call->body, space);

                if (!grown)
                        return 0; /* libcurl gives up then */
                call->body = grown;
                call->space = space;
        }
        if (wanted > 0)
                (void) memcpy(call->body + call->size, data, wanted);
        call->size += wanted;
        call->body[call->size] = '\0';
        return size;
}

static bool is_hopeless(CURLcode code) {
        switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_WEIRD_SERVER_REPLY:
                return true;
        default:
                return false;
        }
}

/* Into buf, or a text of libcurl's. */
static const char *describe(const HttpCall *call, CURLcode code, char *buf, size_t size) {
        char limit[TIMESPAN_MAX];

        if (*call->kept_out)
                (void) snprintf(buf, size, "not connected, for it would start %s, which does not run", call->kept_out);
        else if (code == CURLE_OPERATION_TIMEDOUT)
                (void) snprintf(buf, size, "no answer within %s", format_timespan(limit, call->timeout));
        else
                return *call->error ? call->error : curl_easy_strerror(code);
        return buf;
}

static void on_done(CURL *easy, CURLcode code, void *userdata) {
        HttpCall *call = userdata;
        HttpAnswer answer = { .body = call->body ? call->body : "", .size = call->size, .easy = easy };
        char problem[PROBLEM_MAX];
        curl_off_t seconds = 0;
        long status = 0;

        call->in_flight = false;
        if (code == CURLE_OK) {
                (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
                (void) curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
                answer.status = (unsigned) status;
                if (seconds > 0)
                        answer.retry_after = MIN((uint64_t) seconds, UINT32_MAX) * USEC_PER_SEC;
        } else {
                answer.problem = describe(call, code, problem, sizeof(problem));
                answer.hopeless = is_hopeless(code);
        }
        call->over(&answer, call->userdata);
}

/* --- The request --- */

static int add_header(HttpCall *call, const char *line) {
        struct curl_slist *more = curl_slist_append(call->headers, line);

        if (!more)
                return -ENOMEM;
        call->headers = more;
        return 0;
}

static int set_headers(HttpCall *call, const HttpCallRequest *request) {
        _cleanup_(freep) char *authorization = NULL;
        int r = 0;

        for (const char *const *field = request->fields; field && *field && r >= 0; field++)
                r = add_header(call, *field);

        if (r >= 0 && request->authorization) {
                authorization = str_printf("Authorization: %s", request->authorization);
                r = authorization ? add_header(call, authorization) : -ENOMEM;
        }
        if (r >= 0 && request->body) {
                r = add_header(call, "Content-Type: application/json");
                if (r >= 0)
                        r = add_header(call, "Expect:"); /* nobody is asked first whether he would like to hear it */
                if (r >= 0 && (curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                                (curl_off_t) strlen(request->body)) != CURLE_OK ||
                               curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, request->body) != CURLE_OK))
                        r = -ENOMEM;
        }
        if (r >= 0 && curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) != CURLE_OK)
                r = -ENOMEM;
        return r;
}

static int set_options(HttpCall *call, const HttpCallRequest *request) {
        CURL *e = call->easy;

        if (curl_easy_setopt(e, CURLOPT_URL, request->url) != CURLE_OK || /* libcurl copies it */
            curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
            /* One that is kept would keep a service that stops waiting for one more request. */
            curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK ||
            /* The thread that looks a name up is not waited for when the call is given up, at a shutdown say. */
            curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) (request->timeout / USEC_PER_MSEC)) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_USERAGENT, request->agent) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->error) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEDATA, call) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call) != CURLE_OK ||
            (request->straight && curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK))
                return -ENOMEM;
        return set_headers(call, request);
}

int http_call_new(CurlEvent *curl, const HttpCallRequest *request, http_call_over_t over, void *userdata,
                  HttpCall **ret) {
        _cleanup_(http_call_freep) HttpCall *call = calloc(1, sizeof(HttpCall));
        int r;

        if (!call)
                return -ENOMEM;
        call->curl = curl;
        call->fleet = request->fleet;
        call->timeout = request->timeout;
        call->max = request->answer_max;
        call->over = over;
        call->userdata = userdata;
        call->easy = curl_easy_init();
        if (!call->easy)
                return -ENOMEM;
        r = set_options(call, request);
        if (r >= 0)
                r = curl_event_add(curl, call->easy, on_done, call);
        if (r < 0)
                return r;
        call->in_flight = true;
        *ret = TAKE_PTR(call);
        return 0;
}

HttpCall *http_call_free(HttpCall *call) {
        if (!call)
                return NULL;
        if (call->in_flight)
                curl_event_remove(call->curl, call->easy);
        if (call->easy)
                curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        free(call->body);
        free(call);
        return NULL;
}

/* --- What an answer says --- */

const char *http_answer_field(const HttpAnswer *answer, const char *name) {
        struct curl_header *field;

        return curl_easy_header(answer->easy, name, 0, CURLH_HEADER, -1, &field) == CURLHE_OK ? field->value : NULL;
}

/* What people will read comes from outside: one line, without anything that controls a terminal. */
static char *first_line(const char *s, size_t size) {
        size_t n = strnlen(s, MIN(size, EXCERPT_MAX));
        char *line = strndup(s, n);

        if (!line)
                return NULL;
        line[strcspn(line, "\r\n")] = '\0';
        utf8_clean(line, strlen(line));
        for (unsigned char *p = (unsigned char *) line; *p; p++)
                if (*p < ' ' || *p == 0x7f)
                        *p = ' ';
                else if (p[0] == 0xc2 && p[1] < 0xa0) /* the controls of ISO 8859-1 */
                        p[0] = p[1] = ' ';
        return line;
}

char *http_answer_excerpt(const HttpAnswer *answer) {
        _cleanup_(json_object_putp) json_object *json = NULL;
        json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        json_object *error;

        if (!tokener)
                return NULL;
        json = json_tokener_parse_ex(tokener, answer->body, (int) answer->size);
        json_tokener_free(tokener);
        if (json_object_is_type(json, json_type_object) && json_object_object_get_ex(json, "error", &error) &&
            json_object_is_type(error, json_type_string))
                return first_line(json_object_get_string(error), (size_t) json_object_get_string_len(error));
        return first_line(answer->body, answer->size);
}
