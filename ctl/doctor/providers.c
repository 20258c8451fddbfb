/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <sys/stat.h>

#include "doctor.h"
#include "shared/provider-file.h"
#include "shared/strv.h"

#define OTHERS (S_IRWXG | S_IRWXO)

/* --- The files --- */

static int find_wrong(Doctor *d, const char *directory, const char *name, const char *why) {
        _cleanup_(freep) char *path = str_printf("%s/%s.json", directory, name);

        if (!path)
                return -ENOMEM;
        return doctor_find(d, LEVEL_ERROR, path, str_printf("the provider %s cannot be used: %s", name, why),
                           strdup("the gateway calls no model of it"),
                           str_printf("mend %s, or take it away with 'toolooctl provider remove %s'", path, name));
}

int check_providers(Doctor *d) {
        _cleanup_(freep) char *directory = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        int r;

        r = provider_directory(&directory);
        if (r >= 0)
                r = provider_names(directory, &names);
        if (r < 0)
                return r;
        STRV_FOREACH(name, names) {
                _cleanup_(provider_file_done) ProviderFile f = {};
                _cleanup_(freep) char *why = NULL;

                r = provider_file_read(directory, *name, &f, &why);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && r != -ENOENT) { /* it has gone since */
                        r = find_wrong(d, directory, *name, why ? why : strerror(-r));
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* --- Their keys --- */

static int find_open(Doctor *d, const char *path, const struct stat *st, const char *what) {
        return doctor_find(d, LEVEL_WARNING | (st->st_uid == getuid() ? FIXABLE : 0), path,
                           str_printf("%s %s is open to other users (mode %04o)", what, path, st->st_mode & 07777),
                           strdup("whoever can read it calls models at your cost"), str_printf("chmod go= %s", path));
}

static int check_key(Doctor *d, const char *credentials, const char *name) {
        _cleanup_(freep) char *path = str_printf("%s/%s", credentials, name);
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (access(path, R_OK) < 0 || stat(path, &st) < 0)
                return doctor_find(d, LEVEL_ERROR, path,
                                   str_printf("the key %s of the provider %s cannot be read (%s)", path, name, strerror(errno)),
                                   strdup("the gateway calls no model of it without its key"),
                                   str_printf("toolooctl provider edit %s --key-file=FILE", name));
        return (st.st_mode & OTHERS) != 0 ? find_open(d, path, &st, "the key") : 0;
}

/* What nobody uses is a secret that lies about. */
static int check_left(Doctor *d, const char *credentials, char *const *names) {
        DIR *dir = opendir(credentials);
        const struct dirent *entry;
        int r = 0;

        if (!dir)
                return 0; /* there is none, or it is closed to us, which each key has told */
        while (r >= 0 && (entry = readdir(dir))) {
                _cleanup_(freep) char *path = NULL;

                if (!service_id_valid(entry->d_name) || strv_contains(names, entry->d_name))
                        continue;
                path = str_printf("%s/%s", credentials, entry->d_name);
                r = !path ? -ENOMEM
                          : doctor_find(d, LEVEL_NOTE, path, str_printf("%s is the key of no provider", path),
                                        strdup("a secret that nothing uses is of use to others only"), str_printf("rm %s", path));
        }
        (void) closedir(dir);
        return r;
}

int check_provider_keys(Doctor *d) {
        _cleanup_(freep) char *directory = NULL, *credentials = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        struct stat st;
        int r;

        r = provider_directory(&directory);
        if (r >= 0)
                r = provider_credentials_directory(&credentials);
        if (r >= 0)
                r = provider_names(directory, &names);
        if (r < 0)
                return r;
        if (stat(credentials, &st) >= 0 && (st.st_mode & OTHERS) != 0)
                r = find_open(d, credentials, &st, "the directory of providers' keys");
        for (char **name = names; name && *name && r >= 0; name++) {
                _cleanup_(provider_file_done) ProviderFile f = {};
                _cleanup_(freep) char *why = NULL;

                if (provider_file_read(directory, *name, &f, &why) >= 0 && f.credential) /* else check_providers() says so */
                        r = check_key(d, credentials, *name);
        }
        return r < 0 ? r : check_left(d, credentials, names);
}
