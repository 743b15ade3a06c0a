// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bridge_ports: the ports of the host that lead to one address on the bridge, while this process lives.
 *
 * Each is held by a socket of ours, so that it is nobody else's, and led there by the packet filter: from
 * other hosts, from the host's own addresses and 127.0.0.1, and from containers.
 */
#pragma once

#include "base/own.h"
#include "host/net_forward.h"

struct bridge_ports;
/* Errors are net_forward_hold's, and -EOPNOTSUPP: the packet filter cannot do it. */
int bridge_ports_new(struct in_addr address, const struct net_forward *list, size_t nr,
                     struct bridge_ports **ret, struct err *e);
void bridge_ports_free(struct bridge_ports *p);
OWN_TYPE(bridge_ports, bridge_ports_free)

int bridge_ports_add(struct bridge_ports *p, const struct net_forward *f, struct err *e);
/* One that host_ip, host_port and protocol name; -ENOENT. TCP connections that are open go on. */
int bridge_ports_remove(struct bridge_ports *p, const struct net_forward *f, struct err *e);
