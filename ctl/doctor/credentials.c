/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "doctor.h"
#include "shared/strv.h"

#define OTHERS (S_IRWXG | S_IRWXO)

static int find_missing(Doctor *d, const UnitFacts *u, const char *path, int error) {
        return doctor_find(d, LEVEL_ERROR, path,
                           str_printf("the credential %s of %s cannot be read (%s)", path, u->service->id, strerror(error)),
                           str_printf("systemd does not start %s without what its LoadCredential= names (243/CREDENTIALS)",
                                      u->service->id),
                           str_printf("(umask 077; cat > %s), paste the secret, and end with Ctrl-D; or take LoadCredential= "
                                      "out of %s", path, u->name));
}

/* Who reads an encrypted one has nothing. */
static int check_credential(Doctor *d, const UnitFacts *u, const char *path, bool encrypted) {
        struct stat st;

        if (access(path, R_OK) < 0)
                return find_missing(d, u, path, errno);
        if (stat(path, &st) < 0)
                return find_missing(d, u, path, errno);
        if (encrypted || S_ISSOCK(st.st_mode) || (st.st_mode & OTHERS) == 0)
                return 0;
        return doctor_find(d, LEVEL_WARNING | (st.st_uid == getuid() ? FIXABLE : 0), path,
                           str_printf("the credential %s of %s is open to other users (mode %04o)", path, u->service->id,
                                      st.st_mode & 07777),
                           strdup("whoever can read it has the secret"), str_printf("chmod go= %s", path));
}

int check_credentials(Doctor *d) {
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d) {
                STRV_FOREACH(path, u->credentials)
                        if (r >= 0)
                                r = check_credential(d, u, *path, false);
                STRV_FOREACH(path, u->encrypted_credentials)
                        if (r >= 0)
                                r = check_credential(d, u, *path, true);
        }
        return r < 0 ? r : check_provider_keys(d);
}

int fix_credentials(Doctor *d, const Finding *finding, char **ret_done) {
        struct stat st;

        if (stat(finding->subject, &st) < 0 || chmod(finding->subject, st.st_mode & 07777 & ~OTHERS) < 0)
                return -errno;
        *ret_done = str_printf("%s is closed to other users now (chmod go=)", finding->subject);
        return 0;
}
