/* SPDX-License-Identifier: MIT */
#include "confined.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "shared/strv.h"

/* A line of mountinfo, see proc(5): id, parent, device, root, mount point, options, ... */
typedef struct Mount {
        char root[4096];
        char point[4096];
        bool read_only;
} Mount;

static bool parse_mount(const char *line, size_t n, Mount *ret) {
        _cleanup_(freep) char *copy = strndup(line, n);
        char options[256];

        if (!copy || sscanf(copy, "%*s %*s %*s %4095s %4095s %255s", ret->root, ret->point, options) != 3)
                return false;
        ret->read_only = streq(options, "ro") || startswith(options, "ro,");
        return true;
}

/* What is mounted last lies on top. */
static bool find_mount(const char *mountinfo, const char *path, Mount *ret) {
        size_t best = 0;
        bool found = false;

        for (const char *line = mountinfo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                Mount m;
                size_t n;
                const char *rest;

                if (!parse_mount(line, strcspn(line, "\n"), &m))
                        continue;
                n = streq(m.point, "/") ? 0 : strlen(m.point);
                rest = startswith(path, n == 0 ? "" : m.point);
                if (!rest || (*rest != '/' && *rest) || (found && n < best))
                        continue;
                best = n;
                *ret = m;
                found = true;
        }
        return found;
}

bool mountinfo_read_only(const char *mountinfo, const char *path) {
        Mount m;

        return find_mount(mountinfo, path, &m) && m.read_only;
}

/* systemd mounts a directory of its own there. */
static bool has_private_tmp(const char *mountinfo) {
        Mount m;

        return find_mount(mountinfo, "/tmp", &m) && streq(m.point, "/tmp") &&
                (strstr(m.root, "systemd-private-") || startswith(m.root, "/tmp")); /* 257 may use a tmpfs */
}

int status_number(const char *status, const char *name) {
        const char *line = strstr(status, name);
        int value;

        return line && sscanf(line + strlen(name), " %d", &value) == 1 ? value : -1;
}

/* Linux counts them since 5.9; before, it says only whether there are any. */
static bool has_filter(const Observed *o) {
        int n = status_number(o->status, "\nSeccomp_filters:");

        return n >= 0 ? n > o->filters_before : status_number(o->status, "\nSeccomp:") != 0;
}

static bool wants(const char *setting) {
        return setting && *setting && !streq(setting, "no");
}

static int add_if(char ***l, bool missing, const char *setting) {
        return missing ? strv_extend(l, setting) : 0;
}

int confined_missing(const Promised *p, const Observed *o, char ***ret) {
        const char *system = p->protect_system && streq(p->protect_system, "strict") ? "/" : "/usr";
        int r;

        r = add_if(ret, p->no_new_privileges && status_number(o->status, "\nNoNewPrivs:") == 0, "NoNewPrivileges=");
        if (r >= 0)
                r = add_if(ret, p->system_call_filter && !has_filter(o), "SystemCallFilter=");
        if (r >= 0)
                r = add_if(ret, p->private_users && o->user_namespace_seen && !o->own_user_namespace, "PrivateUsers=");
        if (r < 0 || !o->mountinfo)
                return r;
        r = add_if(ret, wants(p->protect_system) && !mountinfo_read_only(o->mountinfo, system), "ProtectSystem=");
        if (r >= 0)
                r = add_if(ret, wants(p->protect_home) && !mountinfo_read_only(o->mountinfo, "/home"), "ProtectHome=");
        if (r >= 0)
                r = add_if(ret, p->private_tmp && !has_private_tmp(o->mountinfo), "PrivateTmp=");
        return r;
}
