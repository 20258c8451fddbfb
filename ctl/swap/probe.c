/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "accepted.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "shared/service-settings.h"

/* Between one question and the next: doubled from the first to the last, for a program that listens says so to nobody. At a
 * port that others accept at each question is drawn by lot, so that more of them are needed. */
#define FIRST_PAUSE_USEC (10 * USEC_PER_MSEC)
#define LAST_PAUSE_USEC (250 * USEC_PER_MSEC)
#define LAST_SHARED_PAUSE_USEC (20 * USEC_PER_MSEC)
/* Nothing tells when a connection is accepted. */
#define ACCEPT_PAUSE_USEC (2 * USEC_PER_MSEC)
#define ANSWER_TIMEOUT_MSEC 5000L

struct Probe {
        Turn *turn;
        const char *unit;
        unsigned port;
        const char *path;
        int fd; /* connected, and not known to be accepted */
        unsigned client_port;
        CURL *easy; /* a question under way */
        bool added;
        char error[CURL_ERROR_SIZE];
        uint64_t next, pause;
        char *problem;
};

int probe_new(Turn *turn, const char *unit, unsigned port, const char *path, Probe **ret) {
        Probe *p = calloc(1, sizeof(Probe));

        if (!p)
                return -ENOMEM;
        *p = (Probe) { .turn = turn, .unit = unit, .port = port, .path = path, .fd = -EBADF, .pause = FIRST_PAUSE_USEC };
        p->easy = curl_easy_init();
        if (!p->easy) {
                free(p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

Probe *probe_free(Probe *p) {
        if (!p)
                return NULL;
        if (p->added)
                (void) curl_multi_remove_handle(p->turn->multi, p->easy);
        curl_easy_cleanup(p->easy);
        safe_close(p->fd);
        free(p->problem);
        free(p);
        return NULL;
}

uint64_t probe_next(const Probe *p) {
        return p->added ? UINT64_MAX : p->next; /* a transfer has its own time limit */
}

char *probe_problem(const Probe *p) {
        return strdup(p->problem ? p->problem : "it has not answered");
}

static void pause_probe(Probe *p) {
        p->next = now_usec() + p->pause;
        p->pause = MIN(p->pause * 2, p->unit ? LAST_SHARED_PAUSE_USEC : LAST_PAUSE_USEC);
}

static size_t drop(char *data, size_t one, size_t size, void *userdata) {
        return size;
}

/* libcurl asks over the connection of which it is known who has it. */
static curl_socket_t hand_over(void *userdata, curlsocktype purpose, struct curl_sockaddr *address) {
        Probe *p = userdata;

        return p->fd < 0 ? CURL_SOCKET_BAD : TAKE_FD(p->fd);
}

static int say_connected(void *userdata, curl_socket_t fd, curlsocktype purpose) {
        return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static bool use_connection(Probe *p) {
        return curl_easy_setopt(p->easy, CURLOPT_OPENSOCKETFUNCTION, hand_over) == CURLE_OK &&
               curl_easy_setopt(p->easy, CURLOPT_OPENSOCKETDATA, p) == CURLE_OK &&
               curl_easy_setopt(p->easy, CURLOPT_SOCKOPTFUNCTION, say_connected) == CURLE_OK;
}

/* Straight to the loopback, whatever the environment says of proxies. */
static int ask(Probe *p) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u%s", p->port, p->path);
        CURL *c = p->easy;

        curl_easy_reset(c);
        *p->error = '\0';
        if (!url || curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MSEC) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_USERAGENT, "toolooctl/" TL_VERSION) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_ERRORBUFFER, p->error) != CURLE_OK ||
            curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop) != CURLE_OK || (p->fd >= 0 && !use_connection(p)) ||
            curl_multi_add_handle(p->turn->multi, c) != CURLM_OK)
                return -ENOMEM;
        p->added = true;
        return 0;
}

static int judge(Probe *p, CURLcode result) {
        long status = 0;
        int r;

        (void) curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
        if (result == CURLE_OK && health_status_good((unsigned) status))
                return 1;
        if (result == CURLE_OK)
                r = str_replace_printf(&p->problem, "GET %s answers %ld", p->path, status);
        else if (result == CURLE_OPERATION_TIMEDOUT)
                r = str_replace_printf(&p->problem, "GET %s gets no answer within %ld s", p->path,
                                       ANSWER_TIMEOUT_MSEC / 1000);
        else
                r = str_replace_printf(&p->problem, "GET %s gets no answer (%s)", p->path,
                                       *p->error ? p->error : curl_easy_strerror(result));
        pause_probe(p);
        return r;
}

static int finish_transfer(Probe *p) {
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(p->turn->multi, &left))) {
                CURLcode result = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                (void) curl_multi_remove_handle(p->turn->multi, p->easy);
                p->added = false;
                safe_close(TAKE_FD(p->fd)); /* libcurl never asked for it */
                return judge(p, result);
        }
        return 0;
}

/* --- Who has accepted -------------------------------------------------------------------------------------------- */

static int connect_port(Probe *p) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) p->port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        _cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        socklen_t size = sizeof(address);

        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, size) < 0 && errno != EINPROGRESS) {
                int r = str_replace_printf(&p->problem, "port %u does not take a connection (%s)", p->port, strerror(errno));

                pause_probe(p);
                return r;
        }
        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        p->client_port = ntohs(address.sin_port);
        p->fd = TAKE_FD(fd);
        return 0;
}

/* A connection that another one has accepted is given up: to that it was a client who thought better of it. */
static int find_acceptor(Probe *p) {
        Acceptor who;
        int r;

        r = connection_acceptor(p->turn->bus, p->unit, p->port, p->client_port, &who);
        if (r < 0)
                return r;
        if (who == ACCEPTED_BY_UNIT)
                return ask(p);
        if (who == ACCEPTED_BY_NOBODY) {
                p->next = now_usec() + ACCEPT_PAUSE_USEC;
                return str_replace(&p->problem, "it does not accept connections");
        }
        safe_close(TAKE_FD(p->fd));
        pause_probe(p);
        return 0;
}

int probe_step(Probe *p) {
        int r = 0;

        if (p->added)
                return finish_transfer(p);
        if (now_usec() < p->next)
                return 0;
        if (!p->unit)
                return ask(p);
        if (p->fd < 0)
                r = connect_port(p);
        return r < 0 || p->fd < 0 ? r : find_acceptor(p);
}
