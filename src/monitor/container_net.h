// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_net: which network a container gets, and its published ports.
 *
 *     bridge      an address on the bridge of this host's containers (host/bridge.h); takes root's rights
 *     user        an interface whose frames this process serves (host/net_user.h); takes /dev/net/tun
 *     container   the one that another container has
 *     none, host  a loopback alone; the host's own
 *
 * In two steps, as its namespace is there only when the container is: prepare says what is to be, open makes
 * it. What it leaves goes with the container's namespace and this process, however they end.
 */
#pragma once

#include "base/loop.h"
#include "host/bridge.h"
#include "host/bridge_ports.h"
#include "host/net_user.h"
#include "host/tap.h"
#include "monitor/guest.h"
#include "monitor/port_change.h"

struct container_net {
    enum guest_net is;      /* never GUEST_NET_AUTO */
    struct in_addr address; /* its own; zero: none, or not known before it is open */
    char *joined;           /* path of another container's namespace, or NULL */
    int joined_fd;          /* the same, so that nobody else has that path in the end */
    struct bridge bridge;
    struct bridge_ports *ports;
    struct net_user *user;
    struct tap *tap;
};
#define CONTAINER_NET_NONE {.joined_fd = -1} /* to begin with */

/* rootless: in a user namespace of an ordinary user. -ESRCH: the container to join does not run. */
int container_net_prepare(struct container_net *n, const struct guest_config *c, bool rootless,
                          struct err *e);
/*
 * pid: the container's first process; id: where its address begins to be searched for.
 * -EACCES, -ENOENT: no /dev/net/tun here; -EADDRINUSE: a published port is taken.
 */
int container_net_open(struct container_net *n, const struct guest_config *c, const char *id, pid_t pid,
                       struct loop *loop, struct err *e);
void container_net_close(struct container_net *n);

/* net: struct container_net, open. -EOPNOTSUPP: not with this network. */
extern const struct port_ops container_net_ports;
