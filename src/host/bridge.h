// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bridge: the network that containers of one host share: hospes0, its first address the gateway, a veth pair
 * for each container.
 *
 * All that is known about it the kernel holds, so that any number of processes may use it at once and none
 * has to tidy up: hospes0's address names the subnet, and the name of the host's end of a pair, hospes-N, is
 * the lease of the Nth address: made or refused as one step, gone with the container's namespace.
 * The first container makes the bridge and the table `hospes` (masquerading, guards); both stay.
 */
#pragma once

#include <sys/types.h>

#include "host/link.h"

#define BRIDGE_NAME "hospes0"

struct bridge {
    struct link link;
    struct subnet subnet;
    bool forwarding_begun; /* net.ipv4.ip_forward was 0 before */
    bool passed;           /* iptables dropped what is forwarded (bridge_rules_pass) */
};

/* fd: of netlink_open(NETLINK_ROUTE). The subnet of the bridge that is there, or -errno; the one to choose.
 */
int bridge_find(int fd, struct subnet *ret);
int bridge_choose(int fd, struct subnet *ret, struct err *e);

/*
 * Make what is missing. wish: the subnet to have, or NULL: the bridge's, else one that is free.
 * -EPERM, -EOPNOTSUPP, -EROFS, ...   not to be had here
 * -EEXIST                            it has another subnet than wished for
 * -EADDRINUSE                        there is no free subnet
 */
int bridge_open(const char *wish, struct bridge *ret, struct err *e);

/*
 * eth0 in the network namespace of process pid, with an address that is as far as possible always the same
 * for a name, and the default route. It goes with that namespace. -EADDRNOTAVAIL: all are taken. -EXFULL:
 * 1023 are there.
 */
int bridge_join(const struct bridge *b, pid_t pid, const char *name, struct in_addr *ret, struct err *e);
