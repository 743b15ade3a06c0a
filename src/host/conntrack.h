// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conntrack: what the kernel remembers of connections that it translates.
 *
 * Where a connection leads is decided with its first packet. Of TCP that is right; somebody who goes on
 * sending datagrams is on the old way as long as the pauses are short, wherever a port leads by now.
 */
#pragma once

#include "host/net_forward.h"

/*
 * Datagrams to a UDP port of this host find their way anew. fd: of netlink_open(NETLINK_NETFILTER). Nothing
 * for TCP, and where the kernel does not tell (no ctnetlink).
 */
void conntrack_forget(int fd, const struct net_forward *f);
