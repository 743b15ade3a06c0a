// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>

#include "host/net_offload.h"
#include "net_guest.h"

static struct net_user *net(struct bed *b, struct net_guest *g, const struct net_user_config *c)
{
    struct net_user *n = NULL;
    struct err e;
    if (net_user_new(c, b->loop, &n, &e) < 0)
        fail_msg("%s", e.text);
    guest_init(g, b, n);
    return n;
}

static int server(int type, uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static int client(int type, uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* A port that was free a moment ago. */
static uint16_t free_port(int type)
{
    uint16_t port;
    close(server(type, &port));
    return port;
}

/* Let the loop run until fd is readable. */
static void stop_loop(void *ctx, int fd, uint32_t events)
{
    (void)fd, (void)events;
    loop_stop(ctx);
}

static void wait_readable(struct bed *b, int fd)
{
    struct err e;
    assert_int_equal(loop_watch(b->loop, fd, POLLIN, stop_loop, b->loop, &e), 0);
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, 0) == 0)
        bed_run(b);
    loop_unwatch(b->loop, fd);
}

/* ---- DHCP ---- */

static const uint8_t *dhcp_option(const uint8_t *bootp, uint8_t code)
{
    for (const uint8_t *o = bootp + 240; *o != 255; o += *o ? 2 + o[1] : 1)
        if (*o == code)
            return o;
    return NULL;
}

static const uint8_t *dhcp(struct net_guest *g, uint8_t type)
{
    uint8_t m[300] = {1, 1, 6, 0, 0xca, 0xfe, 0xba, 0xbe};
    memcpy(m + 28, guest_mac, 6);
    const uint8_t options[] = {99, 130, 83, 99, 53, 1, type, 50, 4, 10, 0, 2, 15, 255};
    memcpy(m + 236, options, sizeof(options));
    guest_udp(g, 0xffffffff, 68, 67, m, sizeof(m));
    return (const uint8_t *)(guest_next(g) + 1) + 8;
}

static void a_guest_gets_its_lease_by_dhcp(void **state)
{
    struct net_guest g;
    struct net_user *n = net(*state, &g, &(struct net_user_config){.hostname = "web1"});
    assert_int_equal(dhcp_option(dhcp(&g, 1), 53)[2], 2); /* discover: offer */
    const uint8_t *ack = dhcp(&g, 3);                     /* request */
    assert_int_equal(dhcp_option(ack, 53)[2], 5);
    assert_memory_equal(ack + 16, "\x0a\x00\x02\x0f", 4);
    assert_memory_equal(dhcp_option(ack, 3) + 2, "\x0a\x00\x02\x02", 4);
    assert_memory_equal(dhcp_option(ack, 6) + 2, "\x0a\x00\x02\x03", 4);
    assert_memory_equal(dhcp_option(ack, 12) + 1, "\x04web1", 5);
    guest_fini(&g);
    net_user_free(n);
}

/* ---- out ---- */

static void udp_goes_to_the_hosts_loopback_and_back(void **state)
{
    struct net_guest g;
    struct net_user *n = net(*state, &g, &(struct net_user_config){0});
    uint16_t port;
    OWN_FD fd = server(SOCK_DGRAM, &port);
    char buf[64];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    for (int odd = 0; odd < 2; odd++) {
        guest_udp(&g, HOST_IP, 4000, port, "ping!", 4 + (size_t)odd);
        wait_readable(*state, fd);
        assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 4 + odd);
        assert_memory_equal(buf, "ping!", 4 + (size_t)odd);
        sendto(fd, "pong", 4, 0, (struct sockaddr *)&from, len);
        const struct iphdr *ip = guest_next(&g);
        assert_int_equal(ip->protocol, IPPROTO_UDP);
        assert_int_equal(ntohl(ip->saddr), HOST_IP);
        assert_memory_equal((const uint8_t *)(ip + 1) + 8, "pong", 4);
    }
    guest_fini(&g);
    net_user_free(n);
}

static int tcp_open(struct guest_tcp *t, int listener)
{
    const uint8_t *data;
    size_t len;
    tcp_send(t, true, false, NULL, 0);
    const struct tcphdr *h = tcp_next(t, &data, &len);
    assert_true(h->syn && h->ack && !h->rst);
    assert_int_equal(ntohl(h->ack_seq), t->seq);
    tcp_send(t, false, false, NULL, 0);
    wait_readable(t->g->bed, listener);
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void answer(struct guest_tcp *t, int fd)
{
    const uint8_t *data;
    size_t len = 0;
    assert_int_equal(send(fd, "answer", 6, 0), 6);
    while (len == 0)
        tcp_next(t, &data, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(data, "answer", 6);
    tcp_send(t, false, false, NULL, 0);
}

static void tcp_goes_out_and_a_large_segment_arrives_whole(void **state)
{
    struct net_guest g;
    struct net_user *n = net(*state, &g, &(struct net_user_config){0});
    uint16_t port;
    OWN_FD listener = server(SOCK_STREAM, &port);
    struct guest_tcp t = {.g = &g, .port = 5000, .peer = port, .seq = 1000};
    OWN_FD fd = tcp_open(&t, listener);
    static uint8_t sent[40001], got[40001];
    for (unsigned i = 0; i < sizeof(sent); i++)
        sent[i] = (uint8_t)(i * 31 >> 3);
    tcp_send(&t, false, false, sent, sizeof(sent));
    for (size_t at = 0; at < sizeof(sent);) {
        wait_readable(*state, fd);
        ssize_t some = recv(fd, got + at, sizeof(got) - at, 0);
        assert_true(some > 0);
        at += (size_t)some;
    }
    assert_memory_equal(got, sent, sizeof(sent));
    answer(&t, fd);
    guest_fini(&g);
    net_user_free(n);
}

/* The host's sockets have the same numbers again and again. */
static void connections_follow_one_another(void **state)
{
    struct net_guest g;
    struct net_user *n = net(*state, &g, &(struct net_user_config){0});
    uint16_t port;
    OWN_FD listener = server(SOCK_STREAM, &port);
    for (uint16_t i = 0; i < 5; i++) {
        const uint8_t *data;
        size_t len;
        struct guest_tcp t = {.g = &g, .port = (uint16_t)(5000 + i), .peer = port, .seq = 1000};
        int fd = tcp_open(&t, listener);
        answer(&t, fd);
        if (i % 2 == 0) { /* the guest ends it in the middle */
            t.reset = true;
            tcp_send(&t, false, false, NULL, 0);
            wait_readable(*state, fd);
            close(fd);
            continue;
        }
        close(fd);
        while (!tcp_next(&t, &data, &len)->fin)
            ;
        tcp_send(&t, false, true, NULL, 0);
        tcp_next(&t, &data, &len); /* its last ack: the socket is gone */
    }
    guest_fini(&g);
    net_user_free(n);
}

static void a_connection_nobody_takes_is_refused(void **state)
{
    struct net_guest g;
    struct net_user *n = net(*state, &g, &(struct net_user_config){0});
    struct guest_tcp t = {.g = &g, .port = 5001, .peer = free_port(SOCK_STREAM), .seq = 1};
    const uint8_t *data;
    size_t len;
    tcp_send(&t, true, false, NULL, 0);
    assert_true(tcp_next(&t, &data, &len)->rst);
    guest_fini(&g);
    net_user_free(n);
}

static void a_restricted_guest_reaches_nobody(void **state)
{
    struct bed *b = *state;
    struct net_guest g;
    struct net_user *n = net(b, &g, &(struct net_user_config){.restricted = true});
    uint16_t port;
    OWN_FD fd = server(SOCK_DGRAM, &port);
    guest_udp(&g, HOST_IP, 4000, port, "ping", 4);
    dhcp(&g, 1); /* answered after it */
    char buf[8];
    assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
    guest_fini(&g);
    net_user_free(n);
}

/* ---- in ---- */

static void published_ports_lead_in(void **state)
{
    struct net_guest g;
    struct net_forward f[] = {{.host_ip.s_addr = htonl(INADDR_LOOPBACK), .guest_port = 80},
                              {.udp = true, .host_ip.s_addr = htonl(INADDR_LOOPBACK), .guest_port = 53}};
    f[0].host_port = free_port(SOCK_STREAM);
    f[1].host_port = free_port(SOCK_DGRAM);
    struct net_user *n = net(*state, &g, &(struct net_user_config){.forwards = f, .nr_forwards = 2});
    OWN_FD udp = client(SOCK_DGRAM, f[1].host_port);
    assert_int_equal(send(udp, "query", 5, 0), 5);
    const struct iphdr *ip = guest_next(&g);
    const struct udphdr *u = (const void *)(ip + 1);
    assert_int_equal(ip->protocol, IPPROTO_UDP);
    assert_int_equal(ntohs(u->dest), 53);
    assert_memory_equal(u + 1, "query", 5);
    guest_udp(&g, HOST_IP, 53, ntohs(u->source), "answer", 6);
    wait_readable(*state, udp);
    char buf[64];
    assert_int_equal(recv(udp, buf, sizeof(buf), 0), 6);

    OWN_FD tcp = client(SOCK_STREAM, f[0].host_port);
    struct guest_tcp t = {.g = &g, .port = 80, .seq = 77};
    const uint8_t *data;
    size_t len;
    const struct tcphdr *syn = tcp_next(&t, &data, &len);
    assert_true(syn->syn && !syn->ack);
    t.peer = ntohs(syn->source);
    tcp_send(&t, true, false, NULL, 0);
    tcp_next(&t, &data, &len); /* its ack */
    tcp_send(&t, false, false, "hello", 5);
    wait_readable(*state, tcp);
    assert_int_equal(recv(tcp, buf, sizeof(buf), 0), 5);
    assert_memory_equal(buf, "hello", 5);
    guest_fini(&g);
    net_user_free(n);
}

static void refuse(struct bed *b, struct net_forward f, int code, const char *text)
{
    struct net_user_config c = {.forwards = &f, .nr_forwards = 1};
    struct net_user *n;
    struct err e;
    assert_int_equal(net_user_new(&c, b->loop, &n, &e), code);
    if (!strstr(e.text, text))
        fail_msg("'%s' does not say '%s'", e.text, text);
}

static void a_port_that_is_taken_is_named(void **state)
{
    struct bed *b = *state;
    struct net_forward f = {.host_ip.s_addr = htonl(INADDR_LOOPBACK), .guest_port = 80};
    for (int udp = 0; udp < 2; udp++) {
        char text[64];
        struct net_guest g;
        f.udp = udp;
        f.host_port = free_port(udp ? SOCK_DGRAM : SOCK_STREAM);
        snprintf(text, sizeof(text), "publish 127.0.0.1:%u/%s: Address already in use", f.host_port,
                 udp ? "udp" : "tcp");
        struct net_user *n = net(b, &g, &(struct net_user_config){.forwards = &f, .nr_forwards = 1});
        refuse(b, f, -EADDRINUSE, text);
        guest_fini(&g);
        net_user_free(n);
        n = net(b, &g, &(struct net_user_config){.forwards = &f, .nr_forwards = 1}); /* free again */
        guest_fini(&g);
        net_user_free(n);
        refuse(b,
               (struct net_forward){
                   .udp = udp, .host_ip.s_addr = htonl(0xc0000201), .host_port = 9, .guest_port = 9},
               -EADDRNOTAVAIL, "publish 192.0.2.1:9/");
    }
    f.host_port = 0;
    refuse(b, f, -EINVAL, "there is no port 0");
}

/* ---- flow ---- */

static void frames_wait_while_the_guest_has_no_buffers_and_memory_stays_bounded(void **state)
{
    struct bed *b = *state;
    struct net_guest g;
    struct net_user *n = net(b, &g, &(struct net_user_config){0});
    uint16_t port;
    OWN_FD fd = server(SOCK_DGRAM, &port);
    guest_udp(&g, HOST_IP, 4000, port, "hi", 2);
    wait_readable(b, fd);
    char buf[1400] = "";
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
    sendto(fd, buf, 4, 0, (struct sockaddr *)&from, len);
    guest_next(&g); /* it knows the way by now */
    g.deaf = true;
    for (uint32_t i = 0; i < 8000; i++) { /* 11 MB towards a guest that does not listen */
        memcpy(buf, &i, sizeof(i));
        sendto(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, len);
        if (i % 20 == 0)
            bed_run_ms(b, 1);
    }
    while (!g.refused)
        bed_run_ms(b, 1);
    assert_int_equal(g.nr, 1);
    g.deaf = false;
    g.port->writable(g.port->ctx);
    for (uint32_t i = 0, last = 0; i < 50; i++) { /* the first ones waited, in order */
        uint32_t number;
        memcpy(&number, (const uint8_t *)(guest_next(&g) + 1) + 8, sizeof(number));
        assert_true(i == 0 ? number == 0 : number > last);
        last = number;
    }
    assert_true(g.nr < 1000); /* what waited was bounded */
    guest_fini(&g);
    net_user_free(n);
}

static void nonsense_from_the_guest_is_dropped(void **state)
{
    struct bed *b = *state;
    struct net_guest g;
    struct net_user *n = net(b, &g, &(struct net_user_config){0});
    static uint8_t frame[80000];
    struct virtio_net_hdr_v1 bad[] = {
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 60000, .csum_offset = 16},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 50, .csum_offset = 65535},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 63, .csum_offset = 0},
        {.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0},
        {.gso_type = VIRTIO_NET_HDR_GSO_UDP},
        {.gso_type = 0x55},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        guest_send(&g, bad[i], frame, 64);
    guest_send(&g, (struct virtio_net_hdr_v1){0}, frame, sizeof(frame));
    uint32_t seed = 1;
    for (unsigned i = 0; i < 3000; i++) { /* no offload, any bytes behind an IP or ARP or IPv6 type */
        for (unsigned k = 0; k < 200; k++)
            frame[k] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
        memcpy(frame + 12, i % 3 == 0 ? "\x08\x00\x45" : i % 3 == 1 ? "\x08\x06\x00" : "\x86\xdd\x60", 3);
        frame[23] = (uint8_t)(i % 4 == 0 ? 6 : i % 4 == 1 ? 17 : 1);
        memcpy(frame + 30, "\x0a\x00\x02\x02", 4); /* stays on this host */
        guest_send(&g, (struct virtio_net_hdr_v1){0}, frame, 14 + i % 186);
    }
    for (unsigned len = 0; len < 26; len++) {
        struct iovec iov = {frame, len};
        memset(frame, 0, sizeof(frame));
        g.port->send(g.port->ctx, &iov, 1);
    }
    assert_true(bed_logged(b, "the guest sent a malformed frame"));
    assert_int_equal(dhcp_option(dhcp(&g, 1), 53)[2], 2); /* it still works */
    guest_fini(&g);
    net_user_free(n);
}

static void two_guests_side_by_side_have_networks_of_their_own(void **state)
{
    struct net_guest g[2];
    struct net_user *n[2];
    for (int i = 0; i < 2; i++)
        n[i] = net(*state, &g[i], &(struct net_user_config){0});
    uint16_t port;
    OWN_FD listener = server(SOCK_STREAM, &port);
    int fd[2];
    struct guest_tcp t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = (struct guest_tcp){.g = &g[i], .port = 5000, .peer = port, .seq = 9};
        fd[i] = tcp_open(&t[i], listener);
    }
    for (int i = 0; i < 2; i++) {
        char want = (char)('a' + i), got;
        tcp_send(&t[i], false, false, &want, 1);
        wait_readable(*state, fd[i]);
        assert_int_equal(recv(fd[i], &got, 1, 0), 1);
        assert_int_equal(got, want);
        close(fd[i]);
    }
    for (int i = 0; i < 2; i++) {
        guest_fini(&g[i]);
        net_user_free(n[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guest_gets_its_lease_by_dhcp),
        TEST(udp_goes_to_the_hosts_loopback_and_back),
        TEST(tcp_goes_out_and_a_large_segment_arrives_whole),
        TEST(connections_follow_one_another),
        TEST(a_connection_nobody_takes_is_refused),
        TEST(a_restricted_guest_reaches_nobody),
        TEST(published_ports_lead_in),
        TEST(a_port_that_is_taken_is_named),
        TEST(frames_wait_while_the_guest_has_no_buffers_and_memory_stays_bounded),
        TEST(nonsense_from_the_guest_is_dropped),
        TEST(two_guests_side_by_side_have_networks_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
