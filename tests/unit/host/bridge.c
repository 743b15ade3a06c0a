// SPDX-License-Identifier: GPL-2.0-or-later
/* In a network namespace of the test's own; without the right to make one there is nothing to be tried. */
#include "host/bridge.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/bridge_ports.h"
#include "host/netlink.h"
#include "host/nft.h"

#include "unit.h"

static void need_namespace(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        skip();
    OWN_FD fd = netlink_open(NETLINK_ROUTE);
    assert_int_equal(link_up(fd, 1), 0);                                          /* lo */
    OWN_FD forward = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC); /* not as the host has it */
    assert_int_equal(write(forward, "0", 1), 1);
}

/* A process with a namespace of its own that answers each connection to port 80 and each datagram with a
 * word. */
static _Noreturn void serve(int ready, const char *word)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(80)};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) < 0)
        _exit(1);
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(tcp, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(tcp, 8) < 0 ||
        bind(udp, (const struct sockaddr *)&a, sizeof(a)) < 0 || write(ready, "", 1) != 1)
        _exit(1);
    for (;;) {
        struct pollfd p[2] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        char buf[16];
        poll(p, 2, -1);
        int c = p[0].revents ? accept(tcp, NULL, NULL) : -1;
        if (c >= 0 && write(c, word, strlen(word)) < 0)
            _exit(1);
        if (c >= 0)
            close(c);
        if (p[1].revents && recvfrom(udp, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len) >= 0)
            sendto(udp, word, strlen(word), 0, (struct sockaddr *)&from, len);
    }
}

static pid_t container(const char *word)
{
    int ready[2];
    char c;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        serve(ready[1], word);
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct bridge open_bridge(void)
{
    struct bridge b;
    struct err e;
    if (bridge_open(NULL, &b, &e) < 0)
        fail_msg("%s", e.text);
    return b;
}

/* What is answered; "" if nothing is. */
static void ask(int type, struct in_addr to, uint16_t port, char answer[16])
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = to, .sin_port = htons(port)};
    const struct timeval patience = {5, 0};
    OWN_FD fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    memset(answer, 0, 16);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
        (type == SOCK_DGRAM && write(fd, "?", 1) != 1) || read(fd, answer, 15) < 0)
        answer[0] = 0;
}

static void hears(int type, uint32_t to, uint16_t port, const char *word)
{
    char answer[16];
    ask(type, (struct in_addr){htonl(to)}, port, answer);
    assert_string_equal(answer, word);
}

static void containers_get_addresses_of_a_bridge_that_the_first_one_makes(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge(), again = open_bridge();
    struct in_addr one, other;
    struct err e;
    char answer[16];
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    assert_int_equal(nft_look(fd, "hospes", "10.87.0.0/16"), 0);
    assert_int_equal(nft_look(fd, "hospes", "10.86.0.0/16"), -ESTALE);
    assert_true(b.forwarding_begun);
    assert_false(again.forwarding_begun);
    assert_int_equal(b.subnet.base, again.subnet.base);
    pid_t a = container("one"), c = container("other");
    assert_int_equal(bridge_join(&b, a, "web", &one, &e), 0);
    assert_int_equal(bridge_join(&b, c, "web", &other, &e), 0); /* a name that is taken is no hindrance */
    assert_int_not_equal(one.s_addr, other.s_addr);
    ask(SOCK_STREAM, one, 80, answer);
    assert_string_equal(answer, "one");
    ask(SOCK_STREAM, other, 80, answer);
    assert_string_equal(answer, "other");
    end(a);
    end(c);
}

static void the_subnet_can_be_wished_for_as_long_as_there_is_none(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b;
    struct err e;
    assert_int_equal(bridge_open("10.3.0.0", &b, &e), -EINVAL);
    assert_int_equal(bridge_open("10.3.4.0/24", &b, &e), 0);
    assert_int_equal(b.subnet.base, 0x0a030400);
    assert_int_equal(open_bridge().subnet.base, 0x0a030400);
    assert_int_equal(bridge_open("10.5.0.0/16", &b, &e), -EEXIST);
    assert_non_null(strstr(e.text, "10.3.4.0/24"));
}

static void published_ports_lead_to_it_until_they_are_taken_away(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge();
    struct bridge_ports *p = NULL;
    struct in_addr address;
    struct err e;
    pid_t a = container("hello");
    assert_int_equal(bridge_join(&b, a, "web", &address, &e), 0);
    const struct net_forward all = {.host_port = 8080, .guest_port = 80},
                             local = {.host_ip = {htonl(INADDR_LOOPBACK)},
                                      .host_port = 8081,
                                      .guest_port = 80},
                             udp = {.udp = true, .host_port = 8080, .guest_port = 80};
    if (bridge_ports_new(address, (const struct net_forward[]){all, local}, 2, &p, &e) < 0)
        fail_msg("%s", e.text);
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8080, "hello");
    hears(SOCK_STREAM, b.subnet.base + 1, 8080, "hello"); /* another address of the host */
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8081, "hello");
    hears(SOCK_STREAM, b.subnet.base + 1, 8081, "");
    hears(SOCK_DGRAM, INADDR_LOOPBACK, 8080, "");
    if (bridge_ports_add(p, &udp, &e) < 0)
        fail_msg("%s", e.text);
    hears(SOCK_DGRAM, INADDR_LOOPBACK, 8080, "hello");
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8080, "hello");
    assert_int_equal(bridge_ports_remove(p, &all, &e), 0);
    assert_int_equal(bridge_ports_remove(p, &all, &e), -ENOENT);
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8080, "");
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8081, "hello");
    bridge_ports_free(p);
    hears(SOCK_STREAM, INADDR_LOOPBACK, 8081, "");
    end(a);
}

/* Who keeps sending datagrams from one port. */
static int sender(uint16_t port)
{
    const struct timeval patience = {5, 0};
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static bool sender_hears(int fd)
{
    char c[16];
    return write(fd, "?", 1) == 1 && read(fd, c, sizeof(c)) > 0;
}

static void who_keeps_sending_datagrams_follows_a_port_that_comes_or_goes(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge();
    struct bridge_ports *p = NULL;
    struct in_addr address;
    struct err e;
    const struct net_forward f = {.udp = true, .host_port = 8080, .guest_port = 80};
    pid_t a = container("hello");
    assert_int_equal(bridge_join(&b, a, "web", &address, &e), 0);
    assert_int_equal(bridge_ports_new(address, NULL, 0, &p, &e), 0);
    OWN_FD fd = sender(8080);
    assert_false(sender_hears(fd));
    assert_int_equal(bridge_ports_add(p, &f, &e), 0);
    while (recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
        ; /* what the first datagram came to */
    assert_true(sender_hears(fd));
    assert_int_equal(bridge_ports_remove(p, &f, &e), 0);
    assert_false(sender_hears(fd));
    bridge_ports_free(p);
    end(a);
}

static void a_port_that_is_taken_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge();
    struct bridge_ports *p = NULL, *q = NULL;
    struct err e;
    const struct net_forward f[] = {{.host_port = 8080, .guest_port = 80}},
                             g[] = {{.host_port = 9090, .guest_port = 80},
                                    {.host_port = 8080, .guest_port = 81}};
    assert_int_equal(bridge_ports_new(subnet_address(&b.subnet, 5), f, 1, &p, &e), 0);
    assert_int_equal(bridge_ports_new(subnet_address(&b.subnet, 6), g, 2, &q, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, "0.0.0.0:8080/tcp"));
    assert_int_equal(bridge_ports_new(subnet_address(&b.subnet, 6), g, 1, &q, &e),
                     0); /* 9090 is free again */
    assert_int_equal(bridge_ports_add(q, &f[0], &e), -EADDRINUSE);
    bridge_ports_free(p);
    assert_int_equal(bridge_ports_add(q, &f[0], &e), 0);
    bridge_ports_free(q);
}

static void as_many_ports_as_a_guest_may_have_fit(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge();
    struct bridge_ports *p = NULL;
    struct net_forward list[64];
    struct err e;
    for (uint16_t i = 0; i < 64; i++)
        list[i] = (struct net_forward){.host_port = (uint16_t)(10000 + i), .guest_port = 80};
    if (bridge_ports_new(subnet_address(&b.subnet, 5), list, 64, &p, &e) < 0)
        fail_msg("%s", e.text);
    bridge_ports_free(p);
}

static void rules_of_a_process_that_is_killed_are_gone(void **state)
{
    (void)state;
    need_namespace();
    struct bridge b = open_bridge();
    const struct net_forward f = {.host_port = 8080, .guest_port = 80};
    int ready[2];
    char c, table[40];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct bridge_ports *p;
        if (bridge_ports_new(subnet_address(&b.subnet, 5), &f, 1, &p, NULL) == 0 &&
            write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    inet_ntop(AF_INET, &(struct in_addr){htonl(b.subnet.base + 5)}, table + sprintf(table, "hospes-"), 20);
    assert_int_equal(nft_look(fd, table, NULL), 0);
    end(pid);
    assert_int_equal(nft_look(fd, table, NULL), -ENOENT);
}

static void many_at_once_get_an_address_each(void **state)
{
    enum { NR = 40 };
    (void)state;
    need_namespace();
    pid_t c[NR], joiner[NR];
    for (int i = 0; i < NR; i++)
        c[i] = container("x");
    for (int i = 0; i < NR; i++)
        if ((joiner[i] = fork()) == 0) { /* the bridge too is made by all of them */
            struct bridge b;
            struct in_addr a;
            _exit(bridge_open(NULL, &b, NULL) < 0 || bridge_join(&b, c[i], "same", &a, NULL) < 0);
        }
    for (int i = 0; i < NR; i++) {
        int status;
        assert_int_equal(waitpid(joiner[i], &status, 0), joiner[i]);
        assert_int_equal(status, 0);
    }
    struct bridge b = open_bridge();
    struct link l;
    OWN_FD fd = netlink_open(NETLINK_ROUTE);
    unsigned found = 0;
    for (uint32_t i = 0; i < NR + 2; i++) {
        char name[24];
        snprintf(name, sizeof(name), "hospes-%u", subnet_number(&b.subnet, "same", i));
        found += link_find(fd, name, &l) == 0;
    }
    assert_int_equal(found, NR);
    for (int i = 0; i < NR; i++)
        end(c[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_get_addresses_of_a_bridge_that_the_first_one_makes),
        cmocka_unit_test(the_subnet_can_be_wished_for_as_long_as_there_is_none),
        cmocka_unit_test(published_ports_lead_to_it_until_they_are_taken_away),
        cmocka_unit_test(who_keeps_sending_datagrams_follows_a_port_that_comes_or_goes),
        cmocka_unit_test(a_port_that_is_taken_is_refused_and_changes_nothing),
        cmocka_unit_test(as_many_ports_as_a_guest_may_have_fit),
        cmocka_unit_test(rules_of_a_process_that_is_killed_are_gone),
        cmocka_unit_test(many_at_once_get_an_address_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
