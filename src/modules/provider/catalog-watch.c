/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/inotify.h>

#include "basic/string-util.h"
#include "catalog.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "wire/wire.h"

/* What changes the files, and the keys' loading. */

/* All changes that are known are gathered, then read once; and both come before the requests that were sent after them. */
#define WATCH_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)
#define READ_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 5)
#define FILES_MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)
/* Of a directory in which the one that is watched for may appear. */
#define PARENT_MASK (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

static int watch_one(Catalog *c, sd_event_source **source, const char *path);

static int on_again(sd_event_source *source, void *userdata) {
        Catalog *c = userdata;

        /* Directories may have come and gone. */
        if (watch_one(c, &c->watches[0], c->directory) < 0 || watch_one(c, &c->watches[1], c->credentials) < 0)
                log_warning("Changes of %s are not seen until the next reload", c->directory);
        catalog_scan(c);
        return 0;
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        Catalog *c = userdata;
        int r = sd_event_source_set_enabled(c->again, SD_EVENT_ONESHOT);

        if (r < 0)
                log_errno(r, "Cannot plan to read the providers");
        return 0;
}

/* The directory, or the last of those above it that is there: what the one below is to appear in. */
static int watch_one(Catalog *c, sd_event_source **source, const char *path) {
        _cleanup_(freep) char *at = strdup(path);
        sd_event_source *new = NULL;
        bool above = false;
        char *slash;
        int r;

        if (!at)
                return -ENOMEM;
        for (;;) {
                r = sd_event_add_inotify(c->event, &new, at, IN_ONLYDIR | (above ? PARENT_MASK : FILES_MASK), on_change, c);
                if (r != -ENOENT && r != -ENOTDIR)
                        break;
                slash = strrchr(at, '/');
                if (!slash || slash == at)
                        break;
                *slash = '\0';
                above = true;
        }
        if (r >= 0)
                r = sd_event_source_set_priority(new, WATCH_PRIORITY);
        if (r < 0) {
                sd_event_source_disable_unref(new);
                return log_errno(r, "Cannot watch %s", at);
        }
        sd_event_source_disable_unref(*source);
        *source = new;
        if (above && strlen(at) < strlen(path)) {
                /* It may have appeared since it was found missing. */
                char *next = at + strlen(at);

                *next = '/';
                if (access(at, F_OK) == 0)
                        return watch_one(c, source, path);
        }
        return 0;
}

int catalog_watch(Catalog *c) {
        int r;

        r = sd_event_add_defer(c->event, &c->again, on_again, c);
        if (r >= 0)
                r = sd_event_source_set_priority(c->again, READ_PRIORITY);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->again, SD_EVENT_OFF);
        if (r >= 0)
                r = watch_one(c, &c->watches[0], c->directory);
        if (r >= 0)
                r = watch_one(c, &c->watches[1], c->credentials);
        return r;
}

/* --- Keys --- */

static void key_failed(Upstream *u, const char *why) {
        u->key_state = KEY_FAILED;
        (void) str_replace(&u->key_problem, why);
        log_warning("The provider %s has no key: %s", u->file.name, why);
}

static void on_key(int error, const char *why, Secret *key, void *userdata) {
        Upstream *u = userdata;
        Catalog *c = u->catalog;
        char *field = NULL;
        size_t size;

        if (error >= 0)
                field = wire_auth((WireFormat) u->file.kind, key->text);
        secret_free(key);
        u->auth = secret_free(u->auth);
        size = field ? strlen(field) : 0;
        if (field && secret_new(size, &u->auth) >= 0) {
                memcpy(u->auth->text, field, size);
                u->auth->size = size;
                u->key_state = KEY_HERE;
                free(TAKE_PTR(u->key_problem));
        } else
                key_failed(u, error < 0 ? why : "out of memory");
        if (field)
                explicit_bzero(field, size);
        free(field);
        u->reader = credential_reader_free(u->reader);
        c->keyed(c->userdata);
}

static int connect_bus(Catalog *c) {
        int r;

        if (c->bus && sd_bus_is_open(c->bus) > 0)
                return 0;
        c->bus = sd_bus_close_unref(c->bus);
        r = sd_bus_open_user(&c->bus);
        if (r >= 0)
                r = sd_bus_attach_event(c->bus, c->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                c->bus = sd_bus_close_unref(c->bus);
        return r;
}

void catalog_read_key(Catalog *c, Upstream *u) {
        _cleanup_(freep) char *path = str_printf("%s/%s", c->credentials, u->file.name);
        int r;

        u->reader = credential_reader_free(u->reader);
        /* A new key takes the old one's place when it is here: calls go on with the old one until then. */
        if (u->key_state != KEY_HERE)
                u->key_state = KEY_WANTED;
        r = path ? connect_bus(c) : -ENOMEM;
        if (r >= 0)
                r = credential_read(c->bus, c->event, u->file.name, path, on_key, u, &u->reader);
        if (r < 0)
                key_failed(u, strerror(-r));
}
