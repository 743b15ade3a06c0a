// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "container/config.h"
#include "container/seccomp.h"
#include "monitor/bundle_caps.h"
#include "monitor/bundle_seccomp.h"
#include "monitor/guest_container.h"
#include "monitor/guest_mount.h"
#include "unit.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct guest_config container(void)
{
    struct guest_config c;
    guest_defaults(&c);
    c.kind = GUEST_CONTAINER;
    c.name = "web";
    c.image = "debian";
    c.memory = 0;
    return c;
}

static bool has(uint64_t caps, const char *name)
{
    return caps >> cap_number(name) & 1;
}

/* ---- what a guest's configuration may say ---- */

static void a_container_is_written_and_read_again(void **state)
{
    (void)state;
    struct guest_config c = container();
    struct err e;
    c.memory = 64 << 20;
    c.container = (struct guest_container){.tty = true,
                                           .input = true,
                                           .read_only = true,
                                           .pids = 7,
                                           .cpus_milli = 1500,
                                           .mounts = LIST("/srv:/data:ro"),
                                           .cap_add = LIST("NET_ADMIN"),
                                           .cap_drop = LIST("ALL"),
                                           .security = LIST("seccomp=unconfined")};
    assert_int_equal(guest_check(&c, &e), 0);
    OWN(json_t) j = guest_json(&c);
    OWN_GUEST back = {0};
    assert_int_equal(guest_parse(j, &back, &e), 0);
    OWN(json_t) again = guest_json(&back);
    assert_true(json_equal(j, again));
    assert_int_equal(back.kind, GUEST_CONTAINER);
    assert_string_equal(back.container.mounts[0], "/srv:/data:ro");
    assert_int_equal(back.container.cpus_milli, 1500);
}

static void what_a_container_cannot_have_is_refused(void **state)
{
    (void)state;
    struct err e;
    struct guest_config c[] = {container(), container(), container(), container(), container(),
                               container(), container(), container(), container()};
    c[0].kernel = "/boot/vmlinuz";
    c[1].image = NULL;
    c[2].memory = 1000;
    c[3].container.cpus_milli = 1;
    c[4].container.mounts = LIST("srv:/data");
    c[5].container.cap_add = LIST("FLY");
    c[6].container.security = LIST("magic");
    c[7].engine = GUEST_ENGINE_KVM;
    c[8].net = GUEST_NET_HOST;
    c[8].nr_forwards = 1;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
        assert_int_equal(guest_check(&c[i], &e), -EINVAL);
}

static void mounts_are_read_with_their_options(void **state)
{
    (void)state;
    struct err e;
    OWN_MOUNT m = {0};
    assert_int_equal(guest_mount_parse("/a b:/c:ro,noexec", &m, &e), 0);
    assert_string_equal(m.from, "/a b");
    assert_string_equal(m.to, "/c");
    assert_true(m.read_only && m.noexec && !m.nosuid);
    static const char *const bad[] = {"/a", "/a:b", "a:/b",       "/a:/",  "/a:/b:up",
                                      "",   ":",    "/a:/b/../c", "/a:/.."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(guest_mount_parse(bad[i], &m, &e), -EINVAL);
}

/* ---- capabilities ---- */

static void all_is_the_rule_and_others_are_exceptions(void **state)
{
    (void)state;
    const struct guest_container none = {0}, only = {.cap_drop = LIST("ALL"), .cap_add = LIST("CHOWN")},
                                 most = {.cap_add = LIST("ALL"), .cap_drop = LIST("CAP_SYS_ADMIN")};
    assert_true(has(bundle_caps(&none), "CAP_CHOWN") && !has(bundle_caps(&none), "CAP_SYS_ADMIN"));
    assert_int_equal(bundle_caps(&only), 1ull << cap_number("CAP_CHOWN"));
    assert_true(has(bundle_caps(&most), "CAP_NET_ADMIN") && !has(bundle_caps(&most), "CAP_SYS_ADMIN"));
}

/* ---- config.json ---- */

static char *config_of(const struct guest_config *c, bool rootless, unsigned uid)
{
    const struct bundle_user user = {.uid = uid, .gid = uid, .home = "/home/x"};
    const struct bundle b = {.guest = c,
                             .root = "/r",
                             .files = "/f",
                             .user = &user,
                             .shell = "/bin/sh",
                             .rootless = rootless,
                             .ids = {1, 1}};
    char *text = NULL;
    struct err e = {0};
    assert_int_equal(bundle_config(&b, &text, &e), 0);
    return text;
}

/* The runtime itself reads it. */
static void the_runtime_takes_what_is_made(void **state)
{
    (void)state;
    struct guest_config g = container();
    g.container.mounts = LIST("/srv:/data:ro");
    g.env = LIST("PATH=/mine", "A=\"b\"");
    struct err e = {0};
    for (int rootless = 0; rootless < 2; rootless++) {
        OWN_CONFIG c = {0};
        char *text = config_of(&g, rootless, 0);
        assert_int_equal(config_parse(text, strlen(text), "config.json", &c, &e), 0);
        assert_true(c.process.no_new_privileges);
        assert_non_null(c.seccomp);
        assert_string_equal(c.hostname, "web");
        assert_string_equal(c.process.args.item[0], "/bin/sh");
        assert_int_equal(c.process.env.nr, 4); /* HOSTNAME, HOME and what was said */
        assert_true(c.ns[NS_NET].there && c.ns[NS_PID].there && c.ns[NS_USER].there == rootless);
        assert_int_equal(c.resources.pids, rootless ? UNSET : GUEST_PIDS);
        const struct mount_config *last = &c.mounts[c.nr_mounts - 1];
        assert_string_equal(last->target, "/data");
        assert_true(last->rec_attr_set != 0);
        assert_true(c.masked_paths.nr > 5 && c.readonly_paths.nr > 3);
    }
}

static void another_user_has_no_effective_capabilities(void **state)
{
    (void)state;
    struct guest_config g = container();
    struct err e = {0};
    OWN_CONFIG c = {0};
    char *text = config_of(&g, false, 33);
    assert_int_equal(config_parse(text, strlen(text), "config.json", &c, &e), 0);
    assert_int_equal(c.process.caps[CAPS_EFFECTIVE], 0);
    assert_true(c.process.caps[CAPS_BOUNDING] != 0);
}

static void what_was_switched_off_is_not_there(void **state)
{
    (void)state;
    struct guest_config g = container();
    g.net = GUEST_NET_HOST;
    g.container.security = LIST("new-privileges", "seccomp=unconfined", "unmask=ALL");
    struct err e = {0};
    OWN_CONFIG c = {0};
    char *text = config_of(&g, false, 0);
    assert_int_equal(config_parse(text, strlen(text), "config.json", &c, &e), 0);
    assert_false(c.process.no_new_privileges || c.ns[NS_NET].there);
    assert_null(c.seccomp);
    assert_int_equal(c.masked_paths.nr, 0);
}

static void the_profile_compiles_and_follows_capabilities(void **state)
{
    (void)state;
    struct err e = {0};
    char *some = bundle_seccomp(0), *all = bundle_seccomp(~0ull);
    struct seccomp_filter f = {0};
    assert_string_not_equal(some, all);
    assert_int_equal(seccomp_compile(some, strlen(some), &f, &e), 0);
    assert_true(f.nr > 100);
    seccomp_filter_fini(&f);
    f = (struct seccomp_filter){0};
    assert_int_equal(seccomp_compile(all, strlen(all), &f, &e), 0);
    seccomp_filter_fini(&f);
    free(some);
    free(all);
}

/* ---- users ---- */

static int make_root(char path[64])
{
    snprintf(path, 64, "/tmp/hospes-bundle-XXXXXX");
    assert_non_null(mkdtemp(path));
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(root, "etc", 0755), 0);
    return root;
}

static void put(int root, const char *name, const char *text)
{
    OWN_FD fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void remove_root(int root, const char *path)
{
    unlinkat(root, "etc/passwd", 0);
    unlinkat(root, "etc/group", 0);
    unlinkat(root, "etc", AT_REMOVEDIR);
    rmdir(path);
    close(root);
}

static void users_are_the_images_own(void **state)
{
    (void)state;
    char path[64];
    int root = make_root(path);
    struct bundle_user u;
    struct err e;
    put(root, "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nbroken\nweb:x:33:44:::/bin/sh\nmail:x:8:8::/var/mail:\n");
    put(root, "etc/group", "adm:x:4:mail,web\nwww:x:55:web\nweb:x:44:web\nmail:x:8:\n");
    assert_int_equal(bundle_user_find(root, NULL, &u, &e), 0);
    assert_int_equal(u.uid, 0);
    assert_string_equal(u.home, "/root");
    assert_int_equal(bundle_user_find(root, "web", &u, &e), 0);
    assert_true(u.uid == 33 && u.gid == 44 && u.nr_groups == 2 && u.groups[0] == 4 && u.groups[1] == 55);
    assert_int_equal(bundle_user_find(root, "8:www", &u, &e), 0);
    assert_true(u.uid == 8 && u.gid == 55 && u.nr_groups == 0);
    assert_string_equal(u.home, "/var/mail");
    assert_int_equal(bundle_user_find(root, "1234:77", &u, &e), 0);
    assert_true(u.uid == 1234 && u.gid == 77);
    static const char *const bad[] = {"nobody", "web:nogroup", "", ":", "-1", "99999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bundle_user_find(root, bad[i], &u, &e), -ENOENT);
    remove_root(root, path);
}

/* /etc/passwd of a hostile image: a link out of it, or something that never ends. */
static void a_hostile_passwd_says_nothing(void **state)
{
    (void)state;
    char path[64];
    int root = make_root(path);
    struct bundle_user u;
    struct err e;
    assert_int_equal(symlinkat("../../../../../../etc/passwd", root, "etc/passwd"), 0);
    assert_int_equal(bundle_user_find(root, "root", &u, &e), -ENOENT);
    unlinkat(root, "etc/passwd", 0);
    assert_int_equal(mknodat(root, "etc/passwd", S_IFIFO | 0644, 0), 0);
    assert_int_equal(bundle_user_find(root, "root", &u, &e), -ENOENT);
    remove_root(root, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_is_written_and_read_again),
        cmocka_unit_test(what_a_container_cannot_have_is_refused),
        cmocka_unit_test(mounts_are_read_with_their_options),
        cmocka_unit_test(all_is_the_rule_and_others_are_exceptions),
        cmocka_unit_test(the_runtime_takes_what_is_made),
        cmocka_unit_test(another_user_has_no_effective_capabilities),
        cmocka_unit_test(what_was_switched_off_is_not_there),
        cmocka_unit_test(the_profile_compiles_and_follows_capabilities),
        cmocka_unit_test(users_are_the_images_own),
        cmocka_unit_test(a_hostile_passwd_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
