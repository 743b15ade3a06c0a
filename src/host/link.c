// SPDX-License-Identifier: GPL-2.0-or-later
/* link: see link.h. */
#include "host/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

#include "host/netlink.h"

#define ADDR_GEN_NONE 1 /* enum in6_addr_gen_mode of linux/if_link.h, whose name changed */

/* ---- interfaces ---- */

static int see_link(void *ctx, const struct nlmsghdr *m)
{
    struct link *l = ctx;
    const struct ifinfomsg *i = NLMSG_DATA(m);
    if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
        return -EPROTO;
    *l = (struct link){i->ifi_index, netlink_get_u32(m, sizeof(*i), IFLA_MTU)};
    return 0;
}

static int find(int fd, int index, const char *name, struct link *ret)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_GETLINK, 0, &head, sizeof(head));
    if (name)
        netlink_put_text(&r, IFLA_IFNAME, name);
    return netlink_ask(fd, &r, see_link, ret);
}

int link_find(int fd, const char *name, struct link *ret)
{
    return find(fd, 0, name, ret);
}

int link_mtu(int fd, int index, unsigned *ret)
{
    struct link l = {0};
    int rc = find(fd, index, NULL, &l);
    if (rc == 0)
        *ret = l.mtu;
    return rc;
}

static void begin_up(struct netlink_request *r, int index)
{
    const struct ifinfomsg head = {
        .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    netlink_init(r);
    netlink_message(r, RTM_NEWLINK, NLM_F_ACK, &head, sizeof(head));
}

int link_up(int fd, int index)
{
    struct netlink_request r;
    begin_up(&r, index);
    return netlink_send(fd, &r);
}

/* Of a bridge, with leave to send a frame back where it came from: a container's own published port. */
static int end_up(int fd, const char *name)
{
    struct netlink_request r;
    begin_up(&r, 0);
    netlink_put_text(&r, IFLA_IFNAME, name);
    size_t info = netlink_nest(&r, IFLA_LINKINFO, NULL, 0);
    netlink_put_text(&r, IFLA_INFO_SLAVE_KIND, "bridge");
    size_t data = netlink_nest(&r, IFLA_INFO_SLAVE_DATA, NULL, 0);
    netlink_put_u8(&r, IFLA_BRPORT_MODE, 1);
    netlink_nest_end(&r, data);
    netlink_nest_end(&r, info);
    return netlink_send(fd, &r);
}

/* Containers speak IPv4 only: no addresses are made for the host's end. A kernel without IPv6 refuses. */
static void no_ipv6(int fd, const char *name)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_SETLINK, NLM_F_ACK, &head, sizeof(head));
    netlink_put_text(&r, IFLA_IFNAME, name);
    size_t spec = netlink_nest(&r, IFLA_AF_SPEC, NULL, 0), inet6 = netlink_nest(&r, AF_INET6, NULL, 0);
    netlink_put_u8(&r, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
    netlink_nest_end(&r, inet6);
    netlink_nest_end(&r, spec);
    (void)netlink_send(fd, &r);
}

static void begin_new(struct netlink_request *r, const char *name, unsigned mtu)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
    netlink_init(r);
    netlink_message(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head, sizeof(head));
    netlink_put_text(r, IFLA_IFNAME, name);
    netlink_put_u32(r, IFLA_MTU, mtu);
}

int link_make_bridge(int fd, const char *name, const uint8_t mac[6], unsigned mtu)
{
    struct netlink_request r;
    begin_new(&r, name, mtu);
    netlink_put(&r, IFLA_ADDRESS, mac, 6);
    size_t info = netlink_nest(&r, IFLA_LINKINFO, NULL, 0);
    netlink_put_text(&r, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(&r, info);
    return netlink_send(fd, &r);
}

static void put_peer(struct netlink_request *r, const struct link_pair *p)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
    size_t peer = netlink_nest(r, VETH_INFO_PEER, &head, sizeof(head));
    netlink_put_text(r, IFLA_IFNAME, "eth0");
    netlink_put(r, IFLA_ADDRESS, p->mac, 6);
    netlink_put_u32(r, IFLA_MTU, p->bridge->mtu);
    netlink_put_u32(r, IFLA_NET_NS_PID, (uint32_t)p->pid);
    netlink_nest_end(r, peer);
}

int link_make_pair(int fd, const struct link_pair *p)
{
    struct netlink_request r;
    begin_new(&r, p->name, p->bridge->mtu);
    netlink_put_u32(&r, IFLA_MASTER, (uint32_t)p->bridge->index);
    size_t info = netlink_nest(&r, IFLA_LINKINFO, NULL, 0);
    netlink_put_text(&r, IFLA_INFO_KIND, "veth");
    size_t data = netlink_nest(&r, IFLA_INFO_DATA, NULL, 0);
    put_peer(&r, p);
    netlink_nest_end(&r, data);
    netlink_nest_end(&r, info);
    int rc = netlink_send(fd, &r);
    if (rc < 0)
        return rc;
    no_ipv6(fd, p->name);
    return end_up(fd, p->name);
}

int link_set_ipv4(int fd, int index, unsigned setting, uint32_t value)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_SETLINK, NLM_F_ACK, &head, sizeof(head));
    size_t spec = netlink_nest(&r, IFLA_AF_SPEC, NULL, 0), inet = netlink_nest(&r, AF_INET, NULL, 0),
           conf = netlink_nest(&r, IFLA_INET_CONF, NULL, 0);
    netlink_put_u32(&r, setting, value);
    netlink_nest_end(&r, conf);
    netlink_nest_end(&r, inet);
    netlink_nest_end(&r, spec);
    return netlink_send(fd, &r);
}

/* ---- addresses ---- */

int link_add_address(int fd, int index, struct in_addr address, unsigned bits)
{
    const struct ifaddrmsg head = {
        .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)bits, .ifa_index = (uint32_t)index};
    struct in_addr broadcast = {address.s_addr | htonl(UINT32_MAX >> bits)};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head, sizeof(head));
    netlink_put(&r, IFA_LOCAL, &address, sizeof(address));
    netlink_put(&r, IFA_ADDRESS, &address, sizeof(address));
    netlink_put(&r, IFA_BROADCAST, &broadcast, sizeof(broadcast));
    return netlink_send(fd, &r);
}

struct sought {
    int index;
    bool found;
    struct in_addr address;
    unsigned bits;
};

static int see_address(void *ctx, const struct nlmsghdr *m)
{
    struct sought *s = ctx;
    const struct ifaddrmsg *a = NLMSG_DATA(m);
    if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*a)) || s->found || (int)a->ifa_index != s->index)
        return 0;
    const void *p = netlink_get(m, sizeof(*a), IFA_LOCAL, sizeof(s->address));
    if (!p)
        return 0;
    memcpy(&s->address, p, sizeof(s->address));
    s->bits = a->ifa_prefixlen;
    s->found = true;
    return 0;
}

int link_address(int fd, int index, struct in_addr *ret, unsigned *ret_bits)
{
    const struct ifaddrmsg head = {.ifa_family = AF_INET};
    struct sought s = {.index = index};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
    int rc = netlink_ask(fd, &r, see_address, &s);
    if (rc < 0 || !s.found)
        return rc < 0 ? rc : -ENOENT;
    *ret = s.address;
    *ret_bits = s.bits;
    return 0;
}

/* ---- routes ---- */

int link_add_default_route(int fd, struct in_addr gateway)
{
    const struct rtmsg head = {.rtm_family = AF_INET,
                               .rtm_table = RT_TABLE_MAIN,
                               .rtm_protocol = RTPROT_BOOT,
                               .rtm_scope = RT_SCOPE_UNIVERSE,
                               .rtm_type = RTN_UNICAST};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head, sizeof(head));
    netlink_put(&r, RTA_GATEWAY, &gateway, sizeof(gateway));
    return netlink_send(fd, &r);
}

struct routes {
    int except, default_index;
    struct subnet *list;
    size_t nr, max;
};

static int see_route(void *ctx, const struct nlmsghdr *m)
{
    struct routes *s = ctx;
    const struct rtmsg *t = NLMSG_DATA(m);
    uint32_t base = 0;
    if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*t)) || t->rtm_table == RT_TABLE_LOCAL)
        return 0;
    int out = (int)netlink_get_u32(m, sizeof(*t), RTA_OIF);
    const void *to = netlink_get(m, sizeof(*t), RTA_DST, sizeof(base));
    if (to)
        memcpy(&base, to, sizeof(base));
    if (t->rtm_dst_len == 0 && t->rtm_table == RT_TABLE_MAIN && !s->default_index)
        s->default_index = out;
    if (out == s->except)
        return 0;
    if (s->nr == s->max)
        return -E2BIG;
    s->list[s->nr++] = (struct subnet){ntohl(base), t->rtm_dst_len};
    return 0;
}

int link_routes(int fd, int except, struct subnet *ret, size_t max, size_t *ret_nr, int *ret_default)
{
    const struct rtmsg head = {.rtm_family = AF_INET};
    struct routes s = {.except = except, .list = ret, .max = max};
    struct netlink_request r;
    netlink_init(&r);
    netlink_message(&r, RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
    int rc = netlink_ask(fd, &r, see_route, &s);
    *ret_nr = s.nr;
    *ret_default = s.default_index;
    return rc;
}
