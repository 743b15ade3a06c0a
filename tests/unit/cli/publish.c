// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/publish.h"

#include <arpa/inet.h>

#include "unit.h"

static void ports_are_published_as_docker_spells_them(void **state)
{
    (void)state;
    struct guest_forward p;
    assert_int_equal(publish_parse("8080:80", &p, NULL), 0);
    assert_int_equal(p.host_port, 8080);
    assert_int_equal(p.guest_port, 80);
    assert_int_equal(p.host_ip.s_addr, htonl(INADDR_ANY));
    assert_false(p.udp);
    assert_int_equal(publish_parse("127.0.0.1:5353:53/udp", &p, NULL), 0);
    assert_int_equal(p.host_ip.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(p.host_port, 5353);
    assert_int_equal(p.guest_port, 53);
    assert_true(p.udp);
    assert_int_equal(publish_parse("1:65535/tcp", &p, NULL), 0);
    assert_false(p.udp);
}

static void anything_else_is_refused_with_an_example(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "80",
                                      ":",
                                      "80:",
                                      ":80",
                                      "0:80",
                                      "80:65536",
                                      "80:80/sctp",
                                      "1.2.3:80:80",
                                      "host:80:80",
                                      "::1:80:80",
                                      "80:80/",
                                      "-80:80",
                                      "80:80:80",
                                      "1.2.3.4:5.6.7.8:80:80",
                                      "80: 80",
                                      "127.0.0.1:80:80/tcp/udp"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        struct guest_forward p = {.host_port = 7};
        assert_int_equal(publish_parse(bad[i], &p, &e), -EINVAL);
        assert_int_equal(p.host_port, 7);
        assert_non_null(strstr(e.text, "like 8080:80"));
    }
    char longer[200];
    memset(longer, '1', sizeof(longer) - 1);
    longer[199] = 0;
    assert_int_equal(publish_parse(longer, &(struct guest_forward){0}, NULL), -EINVAL);
}

static void a_port_to_be_taken_away_is_named_by_the_hosts_side(void **state)
{
    (void)state;
    struct guest_forward p;
    static const char *const good[] = {"8080", "8080:80", "8080/tcp", "0.0.0.0:8080", "0.0.0.0:8080:80/tcp"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(publish_parse_host(good[i], &p, NULL), 0);
        assert_int_equal(p.host_port, 8080);
        assert_int_equal(p.host_ip.s_addr, htonl(INADDR_ANY));
        assert_false(p.udp);
    }
    assert_int_equal(publish_parse_host("127.0.0.1:53/udp", &p, NULL), 0);
    assert_int_equal(p.host_port, 53);
    assert_int_equal(p.host_ip.s_addr, htonl(INADDR_LOOPBACK));
    assert_true(p.udp);
    static const char *const bad[] = {"",
                                      ":",
                                      "x",
                                      "0",
                                      "65536",
                                      "1:2:3",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      ":80",
                                      "1.2.3:80",
                                      "80/",
                                      "80/x",
                                      "1.2.3.4:5.6.7.8:80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        assert_int_equal(publish_parse_host(bad[i], &p, &e), -EINVAL);
        assert_non_null(strstr(e.text, "like 8080"));
    }
}

static unsigned listed(const char *const *typed, unsigned nr, struct guest_forward list[GUEST_FORWARDS])
{
    struct opt_list l = {.item = (const char **)(uintptr_t)typed, .nr = nr};
    unsigned found;
    struct err e;
    if (publish_list(&l, publish_parse, list, &found, &e) < 0)
        fail_msg("%s", e.text);
    return found;
}

static void ranges_are_a_port_at_a_time(void **state)
{
    (void)state;
    struct guest_forward list[GUEST_FORWARDS];
    assert_int_equal(listed((const char *const[]){"127.0.0.1:8000-8002:80-82/udp", "53:5353"}, 2, list), 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(list[i].host_port, 8000 + i);
        assert_int_equal(list[i].guest_port, 80 + i);
        assert_int_equal(list[i].host_ip.s_addr, htonl(INADDR_LOOPBACK));
        assert_true(list[i].udp);
    }
    assert_int_equal(list[3].guest_port, 5353);
    assert_int_equal(listed((const char *const[]){"1-64:1-64"}, 1, list), GUEST_FORWARDS);
    static const char *const bad[] = {"1-65:1-65",
                                      "1-2:1-3",
                                      "1-2:1",
                                      "1:1-2",
                                      "2-1:2-1",
                                      "0-1:0-1",
                                      "1-:1-",
                                      "-:-",
                                      "1--2:3-4",
                                      "1-2-3:1-2-3",
                                      "99999-99999:1",
                                      "65535-65536:1-2",
                                      "1-9999999999:1-9999999999",
                                      "a-b:c-d"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct opt_list l = {.item = (const char **)(uintptr_t)&bad[i], .nr = 1};
        unsigned nr;
        struct err e = {0};
        assert_int_equal(publish_list(&l, publish_parse, list, &nr, &e), -EINVAL);
        assert_true(e.text[0]);
    }
    const char *unpublish[] = {"0.0.0.0:8000-8001"};
    struct opt_list l = {.item = unpublish, .nr = 1};
    unsigned nr;
    assert_int_equal(publish_list(&l, publish_parse_host, list, &nr, NULL), 0);
    assert_int_equal(nr, 2);
    assert_int_equal(list[1].host_port, 8001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_published_as_docker_spells_them),
        cmocka_unit_test(anything_else_is_refused_with_an_example),
        cmocka_unit_test(ranges_are_a_port_at_a_time),
        cmocka_unit_test(a_port_to_be_taken_away_is_named_by_the_hosts_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
