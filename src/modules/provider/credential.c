/* SPDX-License-Identifier: MIT */
#include "credential.h"

#include <fcntl.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "shared/bus-util.h"

/* systemd starts a program within milliseconds; one that hangs is not waited for. */
#define TIMEOUT_USEC (UINT64_C(10) * USEC_PER_SEC)

struct CredentialReader {
        int pipe;
        sd_event_source *io, *timer;
        sd_bus_slot *call;
        Secret *key;
        char *refusal; /* systemd's words */
        credential_done_t done;
        void *userdata;
};

CredentialReader *credential_reader_free(CredentialReader *reader) {
        if (!reader)
                return NULL;
        sd_bus_slot_unref(reader->call);
        sd_event_source_disable_unref(reader->io);
        sd_event_source_disable_unref(reader->timer);
        safe_close(reader->pipe);
        secret_free(reader->key);
        free(reader->refusal);
        free(reader);
        return NULL;
}

static void finish(CredentialReader *reader, int error, const char *why) {
        reader->call = sd_bus_slot_unref(reader->call);
        reader->io = sd_event_source_disable_unref(reader->io);
        reader->timer = sd_event_source_disable_unref(reader->timer);
        reader->done(error, why, error < 0 ? NULL : TAKE_PTR(reader->key), reader->userdata);
}

/* It becomes a header field: what a line ends with, or a NUL, would make another one of it. */
static bool key_valid(const Secret *key) {
        for (size_t i = 0; i < key->size; i++)
                if (key->text[i] <= ' ' || key->text[i] > '~')
                        return false;
        return key->size > 0;
}

static void judge(CredentialReader *reader) {
        Secret *key = reader->key;

        while (key->size > 0 && (key->text[key->size - 1] == '\n' || key->text[key->size - 1] == '\r'))
                key->text[--key->size] = '\0';
        if (key_valid(key))
                finish(reader, 0, NULL);
        else if (key->size > 0)
                finish(reader, -EBADMSG, "the key has blanks or other characters that no key has");
        else
                finish(reader, -ENOKEY, "systemd could not load the key, or it is empty");
}

static int on_pipe(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        CredentialReader *reader = userdata;
        Secret *key = reader->key;
        ssize_t n;

        if (key->size == key->space) {
                finish(reader, -EFBIG, "the key is too long");
                return 0;
        }
        n = read(fd, key->text + key->size, key->space - key->size);
        if (n > 0)
                key->size += (size_t) n;
        else if (n == 0)
                judge(reader);
        else if (errno != EAGAIN && errno != EINTR)
                finish(reader, -errno, "it could not be read");
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        finish(userdata, -ETIMEDOUT, "systemd did not deliver it in time");
        return 0;
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        CredentialReader *reader = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                return 0;
        reader->refusal = strdup(bus_error_text(sd_bus_message_get_error(m), -EIO));
        finish(reader, -EIO, strna(reader->refusal));
        return 0;
}

/* The program of the unit, what it reads and where it writes. */
static int append_service(sd_bus_message *m, const char *path, int fd) {
        int r;

        r = sd_bus_message_append(m, "(sv)", "ExecStart", "a(sasb)", 1, "/bin/cat", 2, "/bin/cat",
                                  "${CREDENTIALS_DIRECTORY}/key", 0);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "LoadCredential", "a(ss)", 1, "key", path);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "StandardOutputFileDescriptor", "h", fd);
        return r;
}

static int append_properties(sd_bus_message *m, const char *provider, const char *path, int fd) {
        _cleanup_(freep) char *description = str_printf("Key of the model provider %s", provider);
        int r;

        if (!description)
                return -ENOMEM;
        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "Description", "s", description);
        if (r >= 0) /* gone when it is over, however it ended */
                r = sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "Type", "s", "oneshot");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "TimeoutStartUSec", "t", TIMEOUT_USEC);
        if (r >= 0)
                r = append_service(m, path, fd);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static int start_unit(CredentialReader *reader, sd_bus *bus, const char *provider, const char *path, int fd) {
        static uint64_t counter; /* of this copy of the code: the clock tells those of others apart */
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *unit = NULL;
        int r;

        /* Not "tooloo-": it is no service of the fleet, and what holds for those must not hold for it. */
        unit = str_printf("run-tooloo-key-%s-%d-%p-%" PRIu64 ".service", provider, (int) getpid(), (void *) reader,
                          counter++);
        if (!unit)
                return -ENOMEM;
        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "fail");
        if (r >= 0)
                r = append_properties(m, provider, path, fd);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0)
                r = sd_bus_call_async(bus, &reader->call, m, on_started, reader, TIMEOUT_USEC);
        return r;
}

int credential_read(sd_bus *bus, sd_event *event, const char *provider, const char *path, credential_done_t done,
                    void *userdata, CredentialReader **ret) {
        _cleanup_(credential_reader_freep) CredentialReader *reader = calloc(1, sizeof(CredentialReader));
        _cleanup_(closep) int write_end = -EBADF;
        int r, fds[2];

        if (!reader)
                return -ENOMEM;
        reader->pipe = -EBADF;
        reader->done = done;
        reader->userdata = userdata;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        reader->pipe = fds[0];
        write_end = fds[1];
        if (fcntl(reader->pipe, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = secret_new(CREDENTIAL_MAX, &reader->key);
        if (r >= 0)
                r = start_unit(reader, bus, provider, path, write_end); /* the message has a copy of the descriptor */
        if (r >= 0)
                r = sd_event_add_io(event, &reader->io, reader->pipe, EPOLLIN, on_pipe, reader);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &reader->timer, CLOCK_MONOTONIC, TIMEOUT_USEC, USEC_PER_MSEC,
                                               on_timeout, reader);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reader);
        return 0;
}
