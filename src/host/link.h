// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link: network interfaces, addresses and routes of the kernel. fd is a socket of netlink_open(NETLINK_ROUTE)
 * and says by its namespace which are meant. All return 0 or -errno.
 *
 * Source: rtnetlink(7); Linux, include/uapi/linux/if_link.h.
 */
#pragma once

#include <linux/if_link.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/subnet.h"

struct link {
    int index;
    unsigned mtu;
};
int link_find(int fd, const char *name, struct link *ret); /* -ENODEV */
int link_up(int fd, int index);

/* -EEXIST: there is an interface called so. */
int link_make_bridge(int fd, const char *name, const uint8_t mac[6], unsigned mtu);

/*
 * Two interfaces joined as by a cable, in one step: name, up, at a bridge; and eth0 in the namespace of
 * process pid, whose end takes both along. -EEXIST: the name is taken; -EXFULL: the bridge is full (1023
 * ends).
 */
struct link_pair {
    const char *name;
    const struct link *bridge; /* its mtu is theirs too */
    pid_t pid;
    const uint8_t *mac; /* eth0's, 6 bytes */
};
int link_make_pair(int fd, const struct link_pair *p);

/* A setting of IPv4 (IPV4_DEVCONF_*, linux/ip.h) of one interface. */
int link_set_ipv4(int fd, int index, unsigned setting, uint32_t value);

/* s->bits is the mask; -EEXIST. */
int link_add_address(int fd, int index, struct in_addr address, unsigned bits);
/* The first address of an interface. -ENOENT: it has none. */
int link_address(int fd, int index, struct in_addr *ret, unsigned *ret_bits);
int link_add_default_route(int fd, struct in_addr gateway);

/* Destinations of IPv4 routes but those through interface except; the default route's interface (0: none). */
int link_routes(int fd, int except, struct subnet *ret, size_t max, size_t *ret_nr, int *ret_default);
int link_mtu(int fd, int index, unsigned *ret);
