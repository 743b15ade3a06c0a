// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/subnet.h"

#include <arpa/inet.h>

#include "unit.h"

static struct subnet parse(const char *text)
{
    struct subnet s;
    struct err e;
    if (subnet_parse(text, &s, &e) < 0)
        fail_msg("%s", e.text);
    return s;
}

static void a_subnet_is_an_address_and_a_number_of_bits(void **state)
{
    (void)state;
    char text[SUBNET_TEXT];
    struct subnet s = parse("10.87.0.0/16");
    assert_int_equal(s.base, 0x0a570000);
    assert_int_equal(s.bits, 16);
    subnet_text(&s, text);
    assert_string_equal(text, "10.87.0.0/16");
    static const char *const bad[] = {
        "",           "10.87.0.0",   "10.87.0.1/16",  "10.87.0.0/7", "10.87.0.0/29", "10.87.0.0/",
        "10.87.0/16", "300.0.0.0/8", "10.87.0.0/16x", "::/16",       "10.0.0.0/8 ",  "10.87.0.0/-8"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e;
        s.bits = 77;
        assert_int_equal(subnet_parse(bad[i], &s, &e), -EINVAL);
        assert_int_equal(s.bits, 77);
    }
}

static void one_is_chosen_that_no_route_leads_to(void **state)
{
    (void)state;
    struct subnet s;
    char text[SUBNET_TEXT];
    assert_int_equal(subnet_choose(NULL, 0, &s, NULL), 0);
    subnet_text(&s, text);
    assert_string_equal(text, "10.87.0.0/16");
    const struct subnet within[] = {{0, 0}, parse("10.87.3.0/24"), parse("10.86.0.0/15")};
    assert_int_equal(subnet_choose(within, 3, &s, NULL), 0);
    subnet_text(&s, text);
    assert_string_equal(text, "10.85.0.0/16");
    const struct subnet around[] = {parse("10.0.0.0/8")};
    assert_int_equal(subnet_choose(around, 1, &s, NULL), 0);
    subnet_text(&s, text);
    assert_string_equal(text, "172.30.0.0/16");
    const struct subnet all[] = {{0, 1}, {0x80000000, 1}};
    struct err e;
    assert_int_equal(subnet_choose(all, 2, &s, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, "HOSPES_SUBNET"));
}

static void a_search_for_an_address_meets_each_once_and_begins_at_the_same_for_a_name(void **state)
{
    (void)state;
    struct subnet s = parse("192.168.1.0/28");
    bool seen[16] = {false};
    for (uint32_t i = 0; i < 13; i++) {
        uint32_t n = subnet_number(&s, "web", i);
        assert_in_range(n, 2, 14);
        assert_false(seen[n]);
        seen[n] = true;
    }
    assert_int_equal(subnet_last(&s), 14);
    assert_int_equal(subnet_number(&s, "web", 0), subnet_number(&s, "web", 13));
    assert_int_equal(subnet_address(&s, 14).s_addr, htonl(0xc0a8010e));
    struct subnet large = parse("10.0.0.0/8");
    assert_int_not_equal(subnet_number(&large, "web", 0), subnet_number(&large, "db", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subnet_is_an_address_and_a_number_of_bits),
        cmocka_unit_test(one_is_chosen_that_no_route_leads_to),
        cmocka_unit_test(a_search_for_an_address_meets_each_once_and_begins_at_the_same_for_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
