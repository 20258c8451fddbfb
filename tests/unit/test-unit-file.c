/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/service-settings.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

static char path[] = "/tmp/tooloo-unit-XXXXXX";

static void set_up(void) {
        int fd = mkostemp(path, O_CLOEXEC);

        cr_assert_geq(fd, 0);
        safe_close(fd);
        (void) unsetenv("JOURNAL_STREAM");
        log_setup("test", NULL);
}

static void tear_down(void) {
        (void) unlink(path);
}

TestSuite(unit_file, .init = set_up, .fini = tear_down);

static int note(const char *section, const char *key, const char *value, const char *file, unsigned line,
                void *userdata) {
        char ***seen = userdata;
        _cleanup_(freep) char *s = str_printf("%u:%s:%s=%s", line, section, key, value);

        cr_assert_str_eq(file, path);
        return s ? strv_extend(seen, s) : -ENOMEM;
}

static void write_file(const char *content, size_t size) {
        cr_assert_eq(write_file_atomic(path, content, size, 0644), 0);
}

static void expect(const char *content, const char *const *expected) {
        _cleanup_(strv_freep) char **seen = NULL;
        size_t i = 0;

        write_file(content, strlen(content));
        cr_assert_eq(unit_file_read(path, note, &seen), 0);
        for (; expected[i]; i++)
                cr_assert(seen && seen[i] && streq(seen[i], expected[i]), "expected %s, got %s", expected[i],
                          seen && seen[i] ? seen[i] : "nothing");
        cr_assert_eq(strv_length(seen), i);
}

#define LINES(...) ((const char *const[]) { __VA_ARGS__ __VA_OPT__(,) NULL })

Test(unit_file, plain) {
        expect("[A]\nk=v\n\n  [B]  \n\tkey =  two words \nempty=\n", LINES("2:A:k=v", "5:B:key=two words",
                                                                           "6:B:empty="));
        expect("", LINES());
        expect("[A]\nk=v", LINES("2:A:k=v"));
        expect("[A]\r\nk=v\r\n", LINES("2:A:k=v"));
}

Test(unit_file, comments_and_noise) {
        expect("stray=1\n[A]\n# c\n ; c\nno assignment\nk=a#b\n#k=\\\nl=m=n\n", LINES("6:A:k=a#b", "8:A:l=m=n"));
}

Test(unit_file, continuation) {
        expect("[A]\nk=a\\\nb \\\n# comment\n; another\n  c\nl=d\n", LINES("2:A:k=a b    c", "7:A:l=d"));
        expect("[A]\nk=a\\", LINES("2:A:k=a"));
        expect("[A]\nk=a\\\n", LINES("2:A:k=a"));
        expect("[A]\n\\\nk=v\n", LINES("2:A:k=v"));
}

Test(unit_file, refused) {
        _cleanup_(strv_freep) char **seen = NULL;
        _cleanup_(freep) char *large = malloc(300 * 1024);

        cr_assert(large);
        memset(large, 'a', 300 * 1024);
        write_file(large, 300 * 1024);
        cr_expect_eq(unit_file_read(path, note, &seen), -EFBIG);
        write_file("[A]\0k=v\n", 8);
        cr_expect_eq(unit_file_read(path, note, &seen), -EBADMSG);
        cr_expect_eq(unit_file_read("/nonexistent/x", note, &seen), -ENOENT);
        cr_expect_null(seen);
}

static void read_settings(const char *content, ServiceSettings *s) {
        write_file(content, strlen(content));
        cr_assert_eq(unit_file_read(path, service_settings_assign, s), 0);
}

Test(unit_file, settings) {
        _cleanup_(service_settings_done) ServiceSettings s = {};

        read_settings("[Service]\nPort=1\n[X-Tooloo]\nRoutes=/a /b/c\nRoutes=/d /a\nHealthPath=/healthz\n"
                      "Watch=\"two words\" x'y z'\nOnChange=swap\nPort=8080\nAllowUsers=www-data\n"
                      "AllowHosts=name.example 192.0.2.1:3000 [2001:db8::1] [::1]:65535\n"
                      "AllowOrigins=https://name.example http://[::1]:8080 moz-extension://0a-1\n", &s);
        cr_expect_eq(strv_length(s.routes), 3);
        cr_expect(strv_contains(s.routes, "/a") && strv_contains(s.routes, "/b/c") && strv_contains(s.routes, "/d"));
        cr_expect_str_eq(s.health_path, "/healthz");
        cr_expect_eq(strv_length(s.watch), 2);
        cr_expect(strv_contains(s.watch, "two words") && strv_contains(s.watch, "xy z"));
        cr_expect_eq(s.on_change, ON_CHANGE_SWAP);
        cr_expect_eq(s.port, 8080);
        cr_expect_eq(strv_length(s.allow_users), 1);
        cr_expect_eq(strv_length(s.allow_hosts), 4);
        cr_expect_eq(strv_length(s.allow_origins), 3);

        /* What a drop-in does: an empty assignment begins anew. */
        read_settings("[X-Tooloo]\nRoutes=\nRoutes=/z\nHealthPath=\nOnChange=\nPort=\nWatch=\n", &s);
        cr_expect_eq(strv_length(s.routes), 1);
        cr_expect(strv_contains(s.routes, "/z"));
        cr_expect_null(s.health_path);
        cr_expect_eq(s.on_change, ON_CHANGE_UNSET);
        cr_expect_eq(s.port, 0);
        cr_expect_null(s.watch);
}

static void expect_refused(const char *assignment) {
        _cleanup_(freep) char *content = str_printf("[X-Tooloo]\nRoutes=/ok\nOnChange=none\nPort=7\nHealthPath=/h\n%s\n",
                                                    assignment);
        _cleanup_(service_settings_done) ServiceSettings s = {};

        read_settings(content, &s);
        cr_expect(strv_length(s.routes) == 1 && strv_contains(s.routes, "/ok"), "%s", assignment);
        cr_expect(!s.allow_hosts && !s.allow_origins, "%s", assignment);
        cr_expect_eq(s.on_change, ON_CHANGE_NONE, "%s", assignment);
        cr_expect_eq(s.port, 7, "%s", assignment);
        cr_expect_str_eq(s.health_path, "/h", "%s", assignment);
}

/* Each is one line on stderr that names file, line and key, and changes nothing. */
Test(unit_file, wrong_settings) {
        static const char *const wrong[] = {
                "Routes=a", "Routes=/a/", "Routes=/a//b", "Routes=/good /a?b", "Routes=\"/a", "Routes=/a b",
                "AllowHosts=https://x", "AllowHosts=x/", "AllowHosts=x:", "AllowHosts=x:0", "AllowHosts=x:65536",
                "AllowHosts=::1", "AllowHosts=[::1", "AllowHosts=[x]", "AllowHosts=[]", "AllowHosts=[::1]x",
                "AllowHosts=[::1]:", "AllowHosts=:3000", "AllowHosts=.x", "AllowHosts=*", "AllowHosts=good b*d",
                "AllowOrigins=name.example", "AllowOrigins=https://x/", "AllowOrigins=https://", "AllowOrigins=://x",
                "AllowOrigins=*", "AllowOrigins=null", "AllowOrigins=HTTPS://x", "AllowOrigins=1s://x",
                "AllowOrigins=https://u@x", "AllowOrigins=https://x:y",
                "OnChange=maybe", "Port=0", "Port=65536", "Port=x", "HealthPath=health", "Nonsense=1",
        };
        _cleanup_(freep) char *text = calloc(1, 16 * 1024);
        FILE *stderr_copy;
        size_t lines = 0;

        cr_assert(text);
        cr_redirect_stderr();
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                expect_refused(wrong[i]);
        (void) fflush(stderr);
        stderr_copy = cr_get_redirected_stderr();
        cr_assert_gt(fread(text, 1, 16 * 1024 - 1, stderr_copy), 0);
        for (char *p = text; (p = strstr(p, path)); p++, lines++)
                cr_expect(startswith(p + strlen(path), ":6: "));
        cr_expect_eq(lines, ELEMENTSOF(wrong));
}

Test(strv, words_are_all_or_nothing) {
        _cleanup_(strv_freep) char **l = NULL;

        cr_assert_eq(strv_extend_words(&l, "  a\tb ", 3), 0);
        cr_expect_eq(strv_length(l), 2);
        cr_expect_eq(strv_extend_words(&l, "c d", 3), -E2BIG);
        cr_expect_eq(strv_extend_words(&l, "c 'd", 8), -EINVAL);
        cr_expect_eq(strv_length(l), 2);
        cr_expect_eq(strv_extend_words(&l, "\"\"", 3), 0);
        cr_expect_str_eq(l[2], "");
}

Test(unit_file, home_in_watch) {
        ServiceSettings s = {};

        (void) setenv("HOME", "/home/me", 1);
        read_settings("[X-Tooloo]\nWatch=%h/app %h \"%h/a b\" 50%% src/%n\nIgnore=%h/app/gen\n", &s);
        cr_expect_str_eq(s.watch[0], "/home/me/app");
        cr_expect_str_eq(s.watch[1], "/home/me");
        cr_expect_str_eq(s.watch[2], "/home/me/a b");
        cr_expect_str_eq(s.watch[3], "50%");
        cr_expect_str_eq(s.watch[4], "src/%n");
        cr_expect_str_eq(s.ignore[0], "/home/me/app/gen");
        service_settings_done(&s);

        (void) unsetenv("HOME");
        read_settings("[X-Tooloo]\nWatch=%h/app %%h\n", &s);
        cr_expect_str_eq(s.watch[0], "%h/app", "better named as it is written than another place");
        cr_expect_str_eq(s.watch[1], "%h");
        service_settings_done(&s);
}
