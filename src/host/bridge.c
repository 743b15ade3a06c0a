// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge: see bridge.h. */
#include "host/bridge.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "host/bridge_rules.h"
#include "host/netlink.h"

#define ROUTES_MAX 4096
#define TRIES      8192 /* of addresses; a bridge has 1023 ends at most */
#define MTU        1500

/* Locally administered; from the address, so that no neighbour remembers the one before wrongly. */
static void make_mac(struct in_addr address, uint8_t mac[6])
{
    static const uint8_t head[2] = {0x02, 0x68};
    memcpy(mac, head, 2);
    memcpy(mac + 2, &address, 4);
}

/* ---- settings ---- */

/* One that is not there (a kernel without IPv6) needs no setting. */
static int set(const char *path, char value, bool *ret_changed)
{
    char now = 0;
    OWN_FD in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT ? 0 : -errno;
    if (read(in, &now, 1) == 1 && now == value)
        return 0;
    OWN_FD out = open(path, O_WRONLY | O_CLOEXEC);
    if (out < 0 || write(out, &value, 1) != 1)
        return -errno;
    if (ret_changed)
        *ret_changed = true;
    return 0;
}

/*
 * Published ports are reached from 127.0.0.1 too: route_localnet lets such packets out to the bridge, and the
 * rules of bridge_rules.h keep containers from sending any. rp_filter: nobody sends with addresses of others.
 */
static int configure(int fd, const struct bridge *b, struct err *e)
{
    int rc = link_set_ipv4(fd, b->link.index, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
    if (rc == 0)
        rc = link_set_ipv4(fd, b->link.index, IPV4_DEVCONF_RP_FILTER, 1);
    if (rc < 0)
        return err_code(e, rc, "settings of %s", BRIDGE_NAME);
    rc = set("/proc/sys/net/ipv6/conf/" BRIDGE_NAME "/disable_ipv6", '1', NULL);
    return rc < 0 ? err_code(e, rc, "disable_ipv6 of %s", BRIDGE_NAME) : 0;
}

/* ---- making it ---- */

static int choose(int fd, int except, const char *wish, struct subnet *ret, unsigned *ret_mtu, struct err *e)
{
    OWN_MEM struct subnet *routes = calloc(ROUTES_MAX, sizeof(*routes));
    size_t nr = 0;
    int out = 0;
    if (!routes)
        return err_code(e, -ENOMEM, "routes");
    int rc = link_routes(fd, except, routes, ROUTES_MAX, &nr, &out);
    if (rc < 0 && rc != -E2BIG)
        return err_code(e, rc, "this host's routes");
    *ret_mtu = MTU;
    if (out)
        (void)link_mtu(fd, out, ret_mtu);
    return wish ? subnet_parse(wish, ret, e) : subnet_choose(routes, nr, ret, e);
}

static int find_or_make(int fd, struct bridge *b, const char *wish, struct err *e)
{
    struct subnet s;
    unsigned mtu;
    uint8_t mac[6];
    int rc = link_find(fd, BRIDGE_NAME, &b->link);
    if (rc == 0)
        return 0;
    if ((rc = choose(fd, 0, wish, &s, &mtu, e)) < 0)
        return rc;
    make_mac(subnet_address(&s, 1), mac);
    rc = link_make_bridge(fd, BRIDGE_NAME, mac, mtu);
    if (rc == 0 || rc == -EEXIST)
        rc = link_find(fd, BRIDGE_NAME, &b->link);
    return rc < 0 ? err_code(e, rc, "make %s", BRIDGE_NAME) : 0;
}

/* Two that do this at once choose the same. */
static int give_address(int fd, struct bridge *b, const char *wish, struct err *e)
{
    struct subnet s;
    unsigned mtu;
    int rc = configure(fd, b, e);
    if (rc < 0 || (rc = choose(fd, b->link.index, wish, &s, &mtu, e)) < 0)
        return rc;
    if ((rc = link_up(fd, b->link.index)) == 0)
        rc = link_add_address(fd, b->link.index, subnet_address(&s, 1), s.bits);
    return rc < 0 && rc != -EEXIST ? err_code(e, rc, "address of %s", BRIDGE_NAME) : 0;
}

static int read_address(int fd, struct bridge *b)
{
    struct in_addr a;
    unsigned bits;
    int rc = link_address(fd, b->link.index, &a, &bits);
    if (rc < 0)
        return rc;
    b->subnet = (struct subnet){ntohl(a.s_addr) & ~(UINT32_MAX >> bits), bits};
    return bits < 8 || bits > 28 || subnet_address(&b->subnet, 1).s_addr != a.s_addr ? -EINVAL : 0;
}

int bridge_find(int fd, struct subnet *ret)
{
    struct bridge b = {0};
    int rc = link_find(fd, BRIDGE_NAME, &b.link);
    if (rc == 0)
        rc = read_address(fd, &b);
    if (rc == 0)
        *ret = b.subnet;
    return rc;
}

int bridge_choose(int fd, struct subnet *ret, struct err *e)
{
    unsigned mtu;
    return choose(fd, 0, NULL, ret, &mtu, e);
}

static int check_wish(const struct bridge *b, const char *wish, struct err *e)
{
    struct subnet s;
    char has[SUBNET_TEXT];
    int rc = wish ? subnet_parse(wish, &s, e) : 0;
    if (!wish || rc < 0 || (s.base == b->subnet.base && s.bits == b->subnet.bits))
        return rc;
    subnet_text(&b->subnet, has);
    return err_set(e, -EEXIST, "%s has the subnet %s, not %s (ip link delete %s, when nothing uses it)",
                   BRIDGE_NAME, has, wish, BRIDGE_NAME);
}

int bridge_open(const char *wish, struct bridge *ret, struct err *e)
{
    struct bridge b = {0};
    OWN_FD fd = netlink_open(NETLINK_ROUTE);
    int rc = fd < 0 ? err_code(e, fd, "netlink") : find_or_make(fd, &b, wish, e);
    if (rc < 0)
        return rc;
    rc = read_address(fd, &b);
    if (rc == -ENOENT && (rc = give_address(fd, &b, wish, e)) < 0)
        return rc;
    if (rc == 0)
        rc = read_address(fd, &b);
    if (rc < 0)
        return err_code(e, rc, "address of %s, which should be its network's first", BRIDGE_NAME);
    if ((rc = check_wish(&b, wish, e)) < 0 || (rc = bridge_rules_open(&b.subnet, e)) < 0 ||
        (rc = bridge_rules_pass(&b.passed, e)) < 0)
        return rc;
    rc = set("/proc/sys/net/ipv4/ip_forward", '1', &b.forwarding_begun);
    if (rc < 0)
        return err_code(e, rc, "net.ipv4.ip_forward");
    *ret = b;
    return 0;
}

/* ---- joining it ---- */

/* x.x.x.0 and x.x.x.255 of a large network are good addresses that some programs take for bad ones. */
static bool looks_odd(uint32_t number)
{
    return (number & 0xff) == 0 || (number & 0xff) == 0xff;
}

static int lease(int fd, const struct bridge *b, pid_t pid, const char *name, struct in_addr *ret)
{
    char end[16];
    uint8_t mac[6];
    for (uint32_t i = 0; i < TRIES && i < subnet_last(&b->subnet); i++) {
        uint32_t number = subnet_number(&b->subnet, name, i);
        if (looks_odd(number))
            continue;
        *ret = subnet_address(&b->subnet, number);
        make_mac(*ret, mac);
        snprintf(end, sizeof(end), "hospes-%u", number & 0xffffff); /* subnets have 8 bits or more */
        const struct link_pair p = {.name = end, .bridge = &b->link, .pid = pid, .mac = mac};
        int rc = link_make_pair(fd, &p);
        if (rc != -EEXIST)
            return rc;
    }
    return -EADDRNOTAVAIL;
}

static int configure_inside(const struct bridge *b, pid_t pid, struct in_addr address)
{
    struct link eth;
    OWN_FD fd = netlink_open_in(pid, NETLINK_ROUTE);
    int rc = fd < 0 ? fd : link_find(fd, "eth0", &eth);
    if (rc < 0 || (rc = link_add_address(fd, eth.index, address, b->subnet.bits)) < 0 ||
        (rc = link_up(fd, eth.index)) < 0)
        return rc;
    return link_add_default_route(fd, subnet_address(&b->subnet, 1));
}

int bridge_join(const struct bridge *b, pid_t pid, const char *name, struct in_addr *ret, struct err *e)
{
    struct in_addr address;
    OWN_FD fd = netlink_open(NETLINK_ROUTE);
    int rc = fd < 0 ? fd : lease(fd, b, pid, name, &address);
    if (rc == -EXFULL)
        return err_set(e, rc, "%s is full: a bridge has room for 1023 containers", BRIDGE_NAME);
    if (rc == -EADDRNOTAVAIL)
        return err_set(e, rc, "all addresses of %s are taken", BRIDGE_NAME);
    if (rc == 0)
        rc = configure_inside(b, pid, address);
    if (rc < 0)
        return err_code(e, rc, "interface of the container");
    *ret = address;
    return 0;
}
