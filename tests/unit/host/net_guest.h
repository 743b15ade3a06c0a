// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_guest: a guest as a network sees one: a port's device side that answers ARP, and frames made by hand.
 * Checksums of what it gets are verified; those of what it sends are left to the network (NEEDS_CSUM).
 */
#pragma once

#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "host/net_user.h"

#include "bed.h"

#define GUEST_IP 0x0a00020fu
#define HOST_IP  0x0a000202u
#define FRAMES   4096

struct got {
    size_t len;
    uint8_t pad[2], frame[1598]; /* so that what follows Ethernet's 14 bytes is aligned */
};

struct net_guest {
    struct bed *bed;
    struct net_port *port;
    struct got *got;
    unsigned nr, seen;
    bool deaf;             /* no receive buffers */
    unsigned want;         /* stop the loop at so many frames */
    struct loop_timer arp; /* an answer is due */
    uint8_t arp_frame[42];
    unsigned refused;
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t net_mac[6] = {0x52, 0x55, 10, 0, 2, 2};

static inline uint16_t sum16(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *p = data;
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    if (len & 1)
        sum += (uint32_t)p[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static inline uint32_t pseudo(const struct iphdr *ip, size_t len)
{
    return sum16(&ip->saddr, 8, (uint32_t)ip->protocol + (uint32_t)len);
}

static inline void check_sums(const uint8_t *frame, size_t len)
{
    const struct iphdr *ip = (const void *)(frame + 14);
    size_t ip_len = ntohs(ip->tot_len), l4 = ip_len - 20;
    assert_true(ip->ihl == 5 && ip_len + 14 <= len);
    assert_int_equal(sum16(ip, 20, 0), 0xffff);
    if (ip->protocol == IPPROTO_TCP || ((const struct udphdr *)(ip + 1))->check)
        assert_int_equal(sum16(ip + 1, l4, pseudo(ip, l4)), 0xffff);
}

static inline void guest_send(struct net_guest *g, struct virtio_net_hdr_v1 h, const void *frame, size_t len)
{
    struct iovec iov[3] = {{&h, sizeof(h)}, {(void *)frame, 13}, {(uint8_t *)frame + 13, len - 13}};
    g->port->send(g->port->ctx, iov, 3);
}

static inline void answer_arp(void *ctx)
{
    struct net_guest *g = ctx;
    guest_send(g, (struct virtio_net_hdr_v1){0}, g->arp_frame, sizeof(g->arp_frame));
}

static inline bool guest_receive(void *dev, const void *frame, size_t len)
{
    struct net_guest *g = dev;
    const uint8_t *f = frame;
    if (g->deaf || g->nr == FRAMES) {
        g->refused++;
        return false;
    }
    assert_true(len <= sizeof(g->got[0].frame));
    if (f[12] == 8 && f[13] == 6 && f[21] == 1) { /* who has 10.0.2.15? */
        memcpy(g->arp_frame, f, 42);
        memcpy(g->arp_frame, f + 6, 6);
        memcpy(g->arp_frame + 6, guest_mac, 6);
        g->arp_frame[21] = 2;
        memcpy(g->arp_frame + 22, guest_mac, 6);
        memcpy(g->arp_frame + 28, f + 38, 4);
        memcpy(g->arp_frame + 32, f + 22, 10);
        loop_timer_arm(&g->arp, 0);
        return true;
    }
    if (f[12] != 8 || f[13] != 0)
        return true;
    g->got[g->nr].len = len;
    memcpy(g->got[g->nr].frame, frame, len);
    check_sums(g->got[g->nr++].frame, len);
    if (g->nr >= g->want)
        loop_stop(g->bed->loop);
    return true;
}

static inline void guest_init(struct net_guest *g, struct bed *b, struct net_user *n)
{
    memset(g, 0, sizeof(*g));
    g->bed = b;
    g->port = net_user_port(n);
    g->port->receive = guest_receive;
    g->port->dev = g;
    g->got = calloc(FRAMES, sizeof(*g->got));
    g->want = 1;
    loop_timer_init(&g->arp, b->loop, answer_arp, g);
}

static inline void guest_fini(struct net_guest *g)
{
    loop_timer_stop(&g->arp);
    free(g->got);
}

/* The next IP packet, in order; the loop runs until there is one. */
static inline const struct iphdr *guest_next(struct net_guest *g)
{
    g->want = g->seen + 1;
    if (g->nr < g->want)
        bed_run(g->bed);
    if (g->nr < g->want)
        fail_msg("no packet came in 20 s");
    return (const void *)(g->got[g->seen++].frame + 14);
}

/* An IPv4 packet whose l4 header's checksum field (at sum_at) is the network's to fill in. */
static inline void guest_ip(struct net_guest *g, uint32_t to, uint8_t protocol, const void *l4, size_t l4_len,
                            uint16_t sum_at)
{
    static _Alignas(4) uint8_t room[70002];
    uint8_t *frame = room + 2;
    struct iphdr *ip = (void *)(frame + 14);
    memcpy(frame, net_mac, 6);
    memcpy(frame + 6, guest_mac, 6);
    frame[12] = 8;
    frame[13] = 0;
    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol};
    ip->tot_len = htons((uint16_t)(20 + l4_len));
    ip->saddr = htonl(to == 0xffffffff ? 0 : GUEST_IP);
    ip->daddr = htonl(to);
    ip->check = htons((uint16_t)~sum16(ip, 20, 0));
    memcpy(ip + 1, l4, l4_len);
    uint16_t half = htons(sum16(NULL, 0, pseudo(ip, l4_len)));
    memcpy((uint8_t *)(ip + 1) + sum_at, &half, 2);
    struct virtio_net_hdr_v1 h = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = sum_at};
    if (l4_len > 1480) {
        h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        h.gso_size = 1448;
        h.hdr_len = 54;
    }
    guest_send(g, h, frame, 34 + l4_len);
}

static inline void guest_udp(struct net_guest *g, uint32_t to, uint16_t from_port, uint16_t to_port,
                             const void *data, size_t len)
{
    uint8_t l4[1480];
    struct udphdr u = {.source = htons(from_port), .dest = htons(to_port), .len = htons((uint16_t)(8 + len))};
    memcpy(l4, &u, 8);
    memcpy(l4 + 8, data, len);
    guest_ip(g, to, IPPROTO_UDP, l4, 8 + len, 6);
}

/* One TCP connection, by hand. */
struct guest_tcp {
    struct net_guest *g;
    uint16_t port, peer;
    uint32_t seq, ack; /* our next, their next */
    bool reset;        /* the next segment says so */
};

static inline void tcp_send(struct guest_tcp *t, bool syn, bool fin, const void *data, size_t len)
{
    static uint8_t l4[66000];
    struct tcphdr h = {.source = htons(t->port),
                       .dest = htons(t->peer),
                       .seq = htonl(t->seq),
                       .ack_seq = htonl(t->ack),
                       .doff = 5,
                       .syn = syn,
                       .fin = fin,
                       .rst = t->reset,
                       .ack = t->ack != 0,
                       .psh = len > 0,
                       .window = htons(60000)};
    memcpy(l4, &h, 20);
    if (len)
        memcpy(l4 + 20, data, len);
    guest_ip(t->g, HOST_IP, IPPROTO_TCP, l4, 20 + len, 16);
    t->seq += (uint32_t)len + syn + fin;
}

/* The next segment of this connection; its data is acknowledged in t->ack, not yet on the wire. */
static inline const struct tcphdr *tcp_next(struct guest_tcp *t, const uint8_t **ret_data, size_t *ret_len)
{
    for (;;) {
        const struct iphdr *ip = guest_next(t->g);
        const struct tcphdr *h = (const void *)(ip + 1);
        if (ip->protocol != IPPROTO_TCP || ntohs(h->dest) != t->port)
            continue;
        size_t len = ntohs(ip->tot_len) - 20u - h->doff * 4u;
        if (t->ack && (len || h->fin))
            assert_int_equal(ntohl(h->seq), t->ack);
        t->ack = ntohl(h->seq) + (uint32_t)len + h->syn + h->fin;
        *ret_data = (const uint8_t *)h + h->doff * 4;
        *ret_len = len;
        return h;
    }
}
