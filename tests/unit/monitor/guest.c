// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/guest.h"

#include <arpa/inet.h>

#include "base/json.h"
#include "unit.h"

static void what_is_written_is_what_is_read(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "echo \"ö\"; exit 7", "", NULL};
    const char *const env[] = {"A=1", "B=", NULL};
    struct guest_config c;
    struct err e;
    guest_defaults(&c);
    c.name = "web-1";
    c.image = "debian";
    c.hostname = "www.example";
    c.cpus = 4;
    c.memory = (1ull << 30) - 5;
    c.disk = 8ull << 30;
    c.engine = GUEST_ENGINE_SOFT;
    c.engine_debug = 3;
    c.forwards[0] = (struct guest_forward){false, {htonl(INADDR_LOOPBACK)}, 8080, 80};
    c.forwards[1] = (struct guest_forward){true, {0}, 53, 53};
    c.nr_forwards = 2;
    c.kernel = "/boot/vmlinuz";
    c.initrd = "/boot/initrd";
    c.append = "debug";
    c.argv = argv;
    c.env = env;
    c.cwd = "/srv";
    c.user = "www-data";
    c.detach = c.rm = true;
    assert_int_equal(guest_check(&c, &e), 0);
    assert_int_equal(c.memory, 1ull << 30); /* rounded up to 2 MiB */

    json_t *j = guest_json(&c);
    OWN_GUEST back = {0};
    assert_int_equal(guest_parse(j, &back, &e), 0);
    OWN(json_t) again = guest_json(&back);
    assert_true(json_equal(j, again));
    assert_int_equal(json_object_size(j), 20);
    json_decref(j); /* back keeps what it needs */
    assert_string_equal(back.argv[2], argv[2]);
    assert_string_equal(back.argv[3], "");
    assert_null(back.argv[4]);
    assert_string_equal(back.env[1], "B=");
    assert_int_equal(back.forwards[0].host_ip.s_addr, htonl(INADDR_LOOPBACK));
    assert_true(back.forwards[1].udp && back.rm && back.detach);
}

static void defaults_fill_what_is_not_said(void **state)
{
    (void)state;
    OWN(json_t) j = json_pack("{s:s, s:s}", "name", "a", "image", "debian");
    OWN_GUEST c = {0};
    struct err e;
    assert_int_equal(guest_parse(j, &c, &e), 0);
    assert_int_equal(c.cpus, 1);
    assert_int_equal(c.memory, 512u << 20);
    assert_int_equal(c.engine, GUEST_ENGINE_AUTO);
    assert_int_equal(c.net, GUEST_NET_USER);
    assert_null(c.argv);
}

static void hostile_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"image\":1}",
        "{\"image\":\"d\",\"name\":\"../x\"}",
        "{\"image\":\"d\",\"name\":\".x\"}",
        "{\"image\":\"d\",\"name\":\"\"}",
        "{\"image\":\"d\",\"hostname\":\"a b\"}",
        "{\"image\":\"d\",\"cpus\":0}",
        "{\"image\":\"d\",\"cpus\":65}",
        "{\"image\":\"d\",\"cpus\":-1}",
        "{\"image\":\"d\",\"cpus\":\"2\"}",
        "{\"image\":\"d\",\"cpus\":1.5}",
        "{\"image\":\"d\",\"memory\":0}",
        "{\"image\":\"d\",\"memory\":9223372036854775807}",
        "{\"image\":\"d\",\"disk\":9223372036854775807}",
        "{\"image\":\"d\",\"engine\":\"tcg\"}",
        "{\"image\":\"d\",\"net\":\"bridge\"}",
        "{\"image\":\"d\",\"ports\":{}}",
        "{\"image\":\"d\",\"ports\":[1]}",
        "{\"image\":\"d\",\"ports\":[{\"host_port\":0,\"guest_port\":1}]}",
        "{\"image\":\"d\",\"ports\":[{\"host_port\":1,\"guest_port\":65536}]}",
        "{\"image\":\"d\",\"ports\":[{\"host_port\":1,\"guest_port\":1,\"protocol\":\"sctp\"}]}",
        "{\"image\":\"d\",\"ports\":[{\"host_port\":1,\"guest_port\":1,\"host_ip\":\"::1\"}]}",
        "{\"image\":\"d\",\"ports\":[{\"host_port\":1,\"guest_port\":1},{\"host_port\":1,\"guest_port\":2}]}",
        "{\"image\":\"d\",\"net\":\"none\",\"ports\":[{\"host_port\":1,\"guest_port\":1}]}",
        "{\"image\":\"d\",\"command\":\"sh\"}",
        "{\"image\":\"d\",\"command\":[\"sh\",7]}",
        "{\"image\":\"d\",\"environment\":[\"A\"]}",
        "{\"image\":\"d\",\"environment\":[\"=B\"]}",
        "{\"image\":\"d\",\"rm\":\"yes\"}",
        "{\"kernel\":\"k\",\"command\":[\"sh\"]}",
        "{\"kernel\":\"k\",\"disk\":512}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        OWN(json_t) j = json_loads(texts[i], 0, NULL);
        OWN_GUEST c = {0};
        struct err e = {0};
        assert_non_null(j);
        if (guest_parse(j, &c, &e) != -EINVAL)
            fail_msg("accepted: %s", texts[i]);
        assert_true(e.text[0] != 0);
    }
}

static void more_ports_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    OWN(json_t) j = json_pack("{s:s, s:[]}", "image", "d", "ports");
    OWN_GUEST c = {0};
    struct err e;
    for (int i = 0; i <= GUEST_FORWARDS; i++)
        json_array_append_new(json_object_get(j, "ports"),
                              json_pack("{s:i, s:i}", "host_port", 1000 + i, "guest_port", 1));
    assert_int_equal(guest_parse(j, &c, &e), -EINVAL);
}

static void what_json_cannot_hold_is_told_before(void **state)
{
    (void)state;
    const char *const argv[] = {"echo", "\xff\xfe", NULL};
    struct guest_config c;
    struct err e;
    guest_defaults(&c);
    c.image = "debian";
    c.argv = argv;
    assert_int_equal(guest_check(&c, &e), -EINVAL);
    assert_non_null(strstr(e.text, "UTF-8"));
}

static char warned[160];
static void warn(const char *line)
{
    strncpy(warned, line, sizeof(warned) - 1);
}

static void too_many_cpus_are_warned_of_and_too_much_memory_is_refused(void **state)
{
    (void)state;
    struct guest_config c;
    struct err e;
    guest_defaults(&c);
    c.image = "debian";
    c.memory = GUEST_MEMORY_MIN;
    assert_int_equal(guest_check_host(&c, warn, &e), 0);
    assert_string_equal(warned, "");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < GUEST_CPUS_MAX) {
        c.cpus = GUEST_CPUS_MAX;
        assert_int_equal(guest_check_host(&c, warn, &e), 0);
        assert_non_null(strstr(warned, "64 cpus are more than"));
    }
    c.memory = 1ull << 45;
    assert_int_equal(guest_check_host(&c, warn, &e), -ENOMEM);
    assert_non_null(strstr(e.text, "this host has"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_is_read),
        cmocka_unit_test(defaults_fill_what_is_not_said),
        cmocka_unit_test(hostile_json_is_refused),
        cmocka_unit_test(more_ports_than_there_is_room_for_are_refused),
        cmocka_unit_test(what_json_cannot_hold_is_told_before),
        cmocka_unit_test(too_many_cpus_are_warned_of_and_too_much_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
