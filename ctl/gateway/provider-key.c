/* SPDX-License-Identifier: MIT */
#include "provider-options.h"

#include <signal.h>
#include <stdio.h>
#include <termios.h>

#include "basic/file-util.h"
#include "shared/log.h"

void provider_key_freep(char **key) {
        if (*key)
                explicit_bzero(*key, strlen(*key));
        free(*key);
        *key = NULL;
}

/* Cut off where it ends, and what it may be: it goes into a header field. */
static int check_key(char *key, size_t size) {
        while (size > 0 && (key[size - 1] == '\n' || key[size - 1] == '\r' || key[size - 1] == ' '))
                key[--size] = '\0';
        for (size_t i = 0; i < size; i++)
                if (key[i] <= ' ' || key[i] > '~')
                        return -EINVAL;
        return size > 0 ? 0 : -ENODATA;
}

static int say_key_fault(const char *from, int r) {
        switch (r) {
        case -ENODATA:
                log_error("%s holds no key", from);
                break;
        case -EINVAL:
                log_error("what %s holds is no key: it has blanks, more than one line, or characters that are not ASCII", from);
                break;
        case -EFBIG:
                log_error("what %s holds is no key: it is longer than %d bytes", from, PROVIDER_CREDENTIAL_MAX);
                break;
        default:
                (void) log_errno(r, "cannot read the key from %s", from);
        }
        return CTL_FAILED;
}

static int read_from(const char *file, char **ret) {
        _cleanup_(provider_key_freep) char *key = NULL;
        bool input = streq(file, "-");
        size_t size = 0;
        int r;

        r = read_file(input ? "/dev/stdin" : file, PROVIDER_CREDENTIAL_MAX, &key, &size);
        if (r >= 0)
                r = check_key(key, size);
        if (r < 0)
                return say_key_fault(input ? "standard input" : file, r);
        *ret = TAKE_PTR(key);
        return CTL_OK;
}

/* --- On a terminal --- */

static volatile sig_atomic_t caught;

static void on_signal(int signal) {
        caught = signal;
}

/* A line without its end. *ret_size is 0 at the end of input. */
static int read_line(char *line, size_t *ret_size) {
        size_t size = 0;

        while (caught == 0 && size < PROVIDER_CREDENTIAL_MAX) {
                ssize_t n = read(STDIN_FILENO, line + size, 1);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0 || (n > 0 && line[size] == '\n'))
                        break;
                size += (size_t) MAX(n, 0);
        }
        if (caught != 0)
                return -EINTR;
        line[size] = '\0';
        *ret_size = size;
        return size < PROVIDER_CREDENTIAL_MAX ? 0 : -EFBIG;
}

/* Without echo: what ends us meanwhile is put off until the terminal is again as it was. */
static int read_hidden(const char *name, char *line, size_t *ret_size) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
        struct sigaction action = { .sa_handler = on_signal }, old[ELEMENTSOF(signals)];
        struct termios before, hidden;
        int r;

        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaction(signals[i], &action, old + i);
        hidden = before;
        hidden.c_lflag &= ~(tcflag_t) ECHO;
        hidden.c_lflag |= ECHONL;
        r = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0 ? -errno : 0;
        if (r >= 0) {
                (void) fprintf(stderr, "Key of %s (it is not shown): ", name);
                r = read_line(line, ret_size);
        }
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaction(signals[i], old + i, NULL);
        if (caught != 0)
                (void) raise(caught);
        return r;
}

static int ask_for_key(const char *name, char **ret) {
        _cleanup_(provider_key_freep) char *key = calloc(PROVIDER_CREDENTIAL_MAX + 1, 1);
        size_t size = 0;
        int r;

        if (!key)
                return gateway_no_memory();
        r = read_hidden(name, key, &size);
        if (r >= 0)
                r = check_key(key, size);
        if (r < 0)
                return say_key_fault("what was typed", r);
        *ret = strdup(key);
        return *ret ? CTL_OK : gateway_no_memory();
}

int provider_key_read(const Ctl *ctl, const ProviderFile *f, bool ask, KeyChange *ret, char **ret_key) {
        const char *file = ctl->given[OPTION_KEY_FILE];
        bool none = ctl->given[OPTION_NO_KEY] || (ask && f->kind == PROVIDER_OLLAMA);
        int status = CTL_OK;

        if (file && ctl->given[OPTION_NO_KEY])
                return verb_usage(ctl, "--key-file and --no-key do not go together");
        if (!file && !none && !ask) {
                *ret = KEY_STAYS;
                return CTL_OK;
        }
        if (file)
                status = read_from(file, ret_key);
        else if (!none && isatty(STDIN_FILENO))
                status = ask_for_key(f->name, ret_key);
        else if (!none)
                return verb_usage(ctl, "nobody is here to be asked for its key: give --key-file=FILE, with '-' for standard input, or "
                                       "--no-key");
        *ret = *ret_key ? KEY_SET : KEY_NONE;
        return status;
}
