/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "confined.h"
#include "doctor.h"
#include "shared/bus-util.h"
#include "shared/strv.h"

/* Its mount table has some hundred lines. */
#define PROC_FILE_MAX (1024 * 1024)

#define NAMESPACES_DROP_IN "12-namespaces.conf"

/* --- user-namespaces ----------------------------------------------------------------------------------------- */

/* 0 when the kernel gives this user a user namespace, else why not. Tried, for the reasons are many (three sysctls, a
 * security module, a container). In a child, which ends with it. */
static int try_user_namespace(void) {
        pid_t pid;
        int status;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(unshare(CLONE_NEWUSER) < 0 ? MIN(errno, 255) : 0);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static bool wants_namespaces(const UnitFacts *u) {
        return u->service && u->private_users && endswith(u->name, ".service");
}

/* Where systemd cannot be asked it is a service's to say. */
static int list_needing(const Doctor *d, char ***ret) {
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0 && wants_namespaces(u))
                        r = strv_extend(ret, u->service->id);
        return r;
}

int check_user_namespaces(Doctor *d) {
        _cleanup_(strv_freep) char **needing = NULL;
        int error, r;

        error = try_user_namespace();
        if (error == 0)
                return 0;
        r = list_needing(d, &needing);
        if (r < 0 || (d->bus && !needing))
                return r;
        return doctor_find(d, d->bus ? LEVEL_ERROR : LEVEL_WARNING, "user namespaces",
                           str_printf("the kernel gives you no user namespace (%s)", strerror(-error)),
                           str_printf("the sandbox of %zu services needs one, so systemd does not start them (217/USER, "
                                      "218/CAPABILITIES)", strv_length(needing)),
                           strdup("sudo sysctl user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 "
                                  "kernel.apparmor_restrict_unprivileged_userns=0, as far as there are such; or go without: "
                                  "see SANDBOX in tooloo-service(8)"));
}

/* --- sandbox ------------------------------------------------------------------------------------------------- */

static void see_user_namespace(Observed *o, uint32_t pid) {
        char path[64], theirs[64], ours[64];
        ssize_t n, m;

        (void) snprintf(path, sizeof(path), "/proc/%u/ns/user", pid);
        n = readlink(path, theirs, sizeof(theirs));
        m = readlink("/proc/self/ns/user", ours, sizeof(ours));
        o->user_namespace_seen = n > 0 && m > 0;
        o->own_user_namespace = o->user_namespace_seen && (n != m || memcmp(theirs, ours, (size_t) n) != 0);
}

/* The process of the user's systemd itself, 0 when that is not known. */
static pid_t manager_pid(sd_bus *bus) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        pid_t pid;

        return sd_bus_get_name_creds(bus, SYSTEMD_NAME, SD_BUS_CREDS_PID, &creds) >= 0 &&
                sd_bus_creds_get_pid(creds, &pid) >= 0 ? pid : 0;
}

static int count_filters(pid_t pid) {
        _cleanup_(freep) char *status = NULL;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
        return read_file(path, PROC_FILE_MAX, &status, NULL) < 0 ? 0 : MAX(status_number(status, "\nSeccomp_filters:"), 0);
}

static int missing_of(const UnitFacts *u, int filters_before, char ***ret) {
        _cleanup_(freep) char *status = NULL, *mountinfo = NULL;
        const Promised promised = {
                .no_new_privileges = u->no_new_privileges,
                .system_call_filter = u->has_system_call_filter,
                .private_users = u->private_users,
                .private_tmp = u->private_tmp,
                .protect_system = u->protect_system,
                .protect_home = u->protect_home,
        };
        Observed observed = { .filters_before = filters_before };
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%u/status", u->pid);
        r = read_file(path, PROC_FILE_MAX, &status, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* it has just ended */
        (void) snprintf(path, sizeof(path), "/proc/%u/mountinfo", u->pid);
        r = read_file(path, PROC_FILE_MAX, &mountinfo, NULL);
        if (r == -ENOMEM)
                return r;
        observed.status = status;
        observed.mountinfo = mountinfo && *mountinfo ? mountinfo : NULL;
        see_user_namespace(&observed, u->pid);
        return confined_missing(&promised, &observed, ret);
}

static int check_service(Doctor *d, const UnitFacts *u, int filters_before) {
        _cleanup_(strv_freep) char **missing = NULL;
        _cleanup_(freep) char *names = NULL;
        int r;

        r = missing_of(u, filters_before, &missing);
        if (r < 0 || !missing)
                return r;
        names = strv_join(missing, ", ");
        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_WARNING, u->name,
                           str_printf("%s runs without what its unit files say of its sandbox: %s", u->service->id, names),
                           strdup("it may do what it should not: it was started before the files changed, or systemd passes "
                                  "over these settings without PrivateUsers=yes"),
                           str_printf("toolooctl restart %s; if it is still so, set PrivateUsers=yes", u->service->id));
}

static int find_masked_drop_in(Doctor *d, const char *directory) {
        _cleanup_(freep) char *path = str_printf("%s/tooloo-.service.d/" NAMESPACES_DROP_IN, directory), *target = NULL;

        if (!path)
                return -ENOMEM;
        target = realpath(path, NULL);
        if (!target || !streq(target, "/dev/null"))
                return 0;
        return doctor_find(d, LEVEL_NOTE, path, str_printf("%s takes the file system's protection from all services", path),
                           strdup("they can write wherever you can, and see each other's /tmp"),
                           str_printf("rm %s && systemctl --user daemon-reload, where the kernel gives user namespaces", path));
}

int check_sandbox(Doctor *d) {
        _cleanup_(strv_freep) char **directories = NULL;
        int filters_before = count_filters(manager_pid(d->bus)), r;

        r = sd_bus_get_property_strv(d->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitPath", NULL, &directories);
        STRV_FOREACH(directory, directories)
                if (r >= 0)
                        r = find_masked_drop_in(d, *directory);
        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0 && u->service && u->pid > 0)
                        r = check_service(d, u, filters_before);
        return r;
}
