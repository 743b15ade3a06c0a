// SPDX-License-Identifier: GPL-2.0-or-later
/* Published ports that change, and the name servers of a container. */
#include "monitor/container_dns.h"
#include "monitor/guest_ports.h"
#include "monitor/port_change.h"

#include <arpa/inet.h>

#include "base/json.h"

#include "unit.h"

/* ---- the record ---- */

static int merged(const char *ports, const char *request, char **ret)
{
    OWN(json_t) about = json_pack("{s:o}", "ports", json_loads(ports, 0, NULL));
    OWN(json_t) r = json_loads(request, 0, NULL);
    json_t *list = NULL;
    struct err e = {0};
    int rc = guest_ports_merge(r, about, &list, &e);
    assert_int_equal(rc < 0, list == NULL);
    assert_int_equal(rc < 0, e.text[0] != 0);
    *ret = list ? json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(list);
    return rc;
}

static void ports_are_added_and_taken_away_by_the_hosts_side(void **state)
{
    (void)state;
    const char *have = "[{\"host_port\": 8080, \"guest_port\": 80}, {\"host_port\": 53, \"guest_port\": 53, "
                       "\"protocol\": \"udp\", \"host_ip\": \"127.0.0.1\"}]";
    OWN_MEM char *text = NULL;
    OWN_MEM char *other = NULL;
    OWN_MEM char *none = NULL;
    assert_int_equal(merged(have,
                            "{\"unpublish\": [{\"host_port\": 8080, \"guest_port\": 1}], \"publish\": "
                            "[{\"host_port\": 8080, \"guest_port\": 81}]}",
                            &text),
                     0);
    assert_string_equal(
        text, "[{\"guest_port\":53,\"host_ip\":\"127.0.0.1\",\"host_port\":53,\"protocol\":\"udp\"},"
              "{\"guest_port\":81,\"host_ip\":\"0.0.0.0\",\"host_port\":8080,\"protocol\":\"tcp\"}]");
    assert_int_equal(merged(have, "{\"publish\": [{\"host_port\": 8080, \"guest_port\": 81}]}", &none),
                     -EEXIST);
    assert_int_equal(merged(have, "{\"unpublish\": [{\"host_port\": 53, \"guest_port\": 53}]}", &none),
                     -ENOENT);
    assert_int_equal(merged(have, "{}", &other), 0);
}

static void nonsense_is_no_port(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"publish\": 7}",
        "{\"publish\": [7]}",
        "{\"publish\": [{}]}",
        "{\"publish\": [{\"host_port\": 0, \"guest_port\": 1}]}",
        "{\"publish\": [{\"host_port\": 65536, \"guest_port\": 1}]}",
        "{\"publish\": [{\"host_port\": 1, \"guest_port\": 1, \"protocol\": \"sctp\"}]}",
        "{\"unpublish\": [{\"host_port\": 1, \"guest_port\": 1, \"host_ip\": \"::\"}]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *none;
        assert_int_equal(merged("[]", bad[i], &none), -EINVAL);
    }
}

/* ---- the running guest ---- */

struct net {
    bool open[16];    /* by host port */
    uint16_t refused; /* this one cannot be had */
};

static int publish(void *ctx, const struct net_forward *f, struct err *e)
{
    struct net *n = ctx;
    assert_false(n->open[f->host_port]);
    if (f->host_port == n->refused)
        return net_forward_refused(f, -EADDRINUSE, e);
    n->open[f->host_port] = true;
    return 0;
}

static int unpublish(void *ctx, const struct net_forward *f, struct err *e)
{
    struct net *n = ctx;
    (void)e;
    assert_true(n->open[f->host_port]);
    n->open[f->host_port] = false;
    return 0;
}

static const struct port_ops ops = {publish, unpublish};

static struct guest_config with(const char *ports)
{
    struct guest_config c = {0};
    for (; *ports; ports++)
        c.forwards[c.nr_forwards++] =
            (struct guest_forward){.host_port = (uint16_t)(*ports - '0'), .guest_port = 1};
    return c;
}

static void open_ports(const struct net *n, char text[17])
{
    for (int i = 0; i < 16; i++)
        if (n->open[i])
            *text++ = (char)('0' + i);
    *text = 0;
}

static void only_what_differs_changes_and_all_of_it_or_nothing(void **state)
{
    (void)state;
    char text[17];
    struct net n = {.open = {[1] = true, [2] = true, [3] = true}};
    struct guest_config before = with("123"), after = with("345"), worse = with("3678");
    assert_int_equal(port_change(&ops, &n, &before, &after, NULL), 0);
    open_ports(&n, text);
    assert_string_equal(text, "345");
    n.refused = 7;
    struct err e;
    assert_int_equal(port_change(&ops, &n, &after, &worse, &e), -EADDRINUSE);
    open_ports(&n, text);
    assert_string_equal(text, "345");
    struct guest_config moved = with("345");
    moved.forwards[0].guest_port = 9; /* the same port of the host leads elsewhere */
    assert_int_equal(port_change(&ops, &n, &after, &moved, &e), 0);
    open_ports(&n, text);
    assert_string_equal(text, "345");
}

/* ---- names ---- */

static void name_servers_that_only_the_host_reaches_are_left_out(void **state)
{
    (void)state;
    unsigned nr;
    OWN_MEM char *text =
        container_dns_filter("# by hand\n\nsearch a.org\nnameserver 127.0.0.53\n nameserver\t10.1.2.3\n"
                             "nameserver fe80::1%eth0\nnameserver 0.0.0.0\noptions edns0",
                             &nr);
    assert_string_equal(text, "# by hand\nsearch a.org\n nameserver\t10.1.2.3\noptions edns0\n");
    assert_int_equal(nr, 1);
    OWN_MEM char *none = container_dns_filter("nameserver 127.0.0.1", &nr);
    assert_string_equal(none, "");
    assert_int_equal(nr, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_added_and_taken_away_by_the_hosts_side),
        cmocka_unit_test(nonsense_is_no_port),
        cmocka_unit_test(only_what_differs_changes_and_all_of_it_or_nothing),
        cmocka_unit_test(name_servers_that_only_the_host_reaches_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
