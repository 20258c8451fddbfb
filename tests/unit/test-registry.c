/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/registry-scan.h"
#include "shared/registry.h"
#include "shared/strv.h"

Test(registry, id_from_unit) {
        static const char *const wrong[] = {
                "tooloo-.service", "tooloo-Web.service", "tooloo-web.socket", "web.service", "tooloo-web@1.service",
                "tooloo-1web.service", "tooloo-web.service.d", "",
        };
        _cleanup_(freep) char *id = NULL;

        cr_assert_eq(service_id_from_unit("tooloo-next-domain2.service", ".service", &id), 0);
        cr_expect_str_eq(id, "next-domain2");
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                char *untouched = id;

                cr_expect_eq(service_id_from_unit(wrong[i], ".service", &untouched), -EINVAL, "%s", wrong[i]);
                cr_expect_eq(untouched, id, "%s", wrong[i]);
        }
}

Test(registry, category_from_slice) {
        cr_expect_str_eq(service_category_from_slice("tooloo-core.slice"), "core");
        cr_expect_str_eq(service_category_from_slice("tooloo-control.slice"), "control");
        cr_expect_null(service_category_from_slice("tooloo-core-x.slice"));
        cr_expect_null(service_category_from_slice("tooloo-other.slice"));
        cr_expect_null(service_category_from_slice("tooloo.slice"));
        cr_expect_null(service_category_from_slice("app.slice"));
}

Test(registry, port_from_address) {
        cr_expect_eq(service_port_from_address("127.0.0.1:3001"), 3001);
        cr_expect_eq(service_port_from_address("[::1]:3001"), 3001);
        cr_expect_eq(service_port_from_address("3001"), 3001);
        cr_expect_eq(service_port_from_address("/run/x:3001"), 0);
        cr_expect_eq(service_port_from_address("@x:3001"), 0);
        cr_expect_eq(service_port_from_address("127.0.0.1:0"), 0);
        cr_expect_eq(service_port_from_address("127.0.0.1:65536"), 0);
        cr_expect_eq(service_port_from_address("vsock:2:"), 0);
}

static Service services[] = {
        { .id = (char *) "web", .unit = (char *) "tooloo-web.service", .socket = (char *) "tooloo-web.socket" },
        { .id = (char *) "training", .unit = (char *) "tooloo-training.service" },
        { .id = (char *) "meta", .unit = (char *) "tooloo-meta.service" },
};
static const Registry registry = { services, ELEMENTSOF(services) };

Test(registry, find) {
        cr_expect_eq(registry_find(&registry, "web"), services);
        cr_expect_eq(registry_find(&registry, "tooloo-web"), services);
        cr_expect_eq(registry_find(&registry, "tooloo-web.service"), services);
        cr_expect_eq(registry_find(&registry, "tooloo-web.socket"), services);
        cr_expect_null(registry_find(&registry, "tooloo-training.socket"), "it has none");
        cr_expect_null(registry_find(&registry, "we"));
        cr_expect_null(registry_find(&registry, "tooloo-"));
        cr_expect_null(registry_find(&registry, ""));
}

Test(registry, nearest) {
        cr_expect_str_eq(registry_nearest(&registry, "trainig"), "training");
        cr_expect_str_eq(registry_nearest(&registry, "tooloo-metta.service"), "meta");
        cr_expect_str_eq(registry_nearest(&registry, "wep"), "web");
        cr_expect_null(registry_nearest(&registry, "xyz"));
        cr_expect_null(registry_nearest(&registry, "w"), "two of three letters are wrong");
        cr_expect_null(registry_nearest(&registry, ""));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void remove_tree(const char *path) {
        cr_assert_eq(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *directory, const char *name, const char *content) {
        _cleanup_(freep) char *path = str_printf("%s/%s", directory, name);

        cr_assert_eq(write_file_atomic(path, content, strlen(content), 0644), 0);
}

static void put_link(const char *directory, const char *name, const char *target) {
        _cleanup_(freep) char *path = str_printf("%s/%s", directory, name);

        cr_assert_eq(symlink(target, path), 0);
}

static const ScanEntry *entry(const Scan *scan, const char *id) {
        for (size_t i = 0; i < scan->n_entries; i++)
                if (streq(scan->entries[i].id, id))
                        return scan->entries + i;
        return NULL;
}

/* A mask in the user's directory hides the vendor's file; the scan finds what it hides. */
Test(registry, scan) {
        char high[] = "/tmp/tooloo-scan-XXXXXX", low[] = "/tmp/tooloo-scan-XXXXXX";
        _cleanup_(scan_done) Scan scan = {};

        cr_assert(mkdtemp(high) && mkdtemp(low));
        put(low, "tooloo-a.service", "[Unit]\n");
        put(low, "tooloo-a.socket", "[Socket]\n");
        put(low, "tooloo-b.service", "[Unit]\n");
        put(low, "tooloo-c.service", "[Unit]\n");
        put(low, "other.service", "[Unit]\n");
        put(low, "tooloo-.service", "[Unit]\n");
        put(low, "tooloo-a@.service", "[Unit]\n");
        put_link(high, "tooloo-a.service", "/dev/null");
        put(high, "tooloo-b.service", "");
        put(high, "tooloo-c.service", "[Unit]\n");
        put_link(high, "tooloo-alias.service", "tooloo-c.service");
        put_link(high, "tooloo-gone.service", "/dev/null");

        cr_assert_eq(scan_unit_directories((char *[]) { (char *) "/nonexistent", high, low, NULL }, &scan), 0);
        cr_expect_eq(scan.n_entries, 5);
        cr_expect(entry(&scan, ""), "a wrong id is for the registry to say");
        cr_assert(entry(&scan, "a") && entry(&scan, "b") && entry(&scan, "c") && entry(&scan, "gone"));
        cr_expect(entry(&scan, "a")->has_socket && entry(&scan, "a")->has_service);
        cr_expect(startswith(entry(&scan, "a")->service_path, low));
        cr_expect(startswith(entry(&scan, "b")->service_path, low), "an empty file is a mask too");
        cr_expect(startswith(entry(&scan, "c")->service_path, high));
        cr_expect_not(entry(&scan, "c")->has_socket);
        cr_expect_null(entry(&scan, "gone")->service_path);
        remove_tree(high);
        remove_tree(low);
}
