// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_user: a network of the guest's own, made by this process (libslirp): no root, no set-up, no neighbours.
 *
 * 10.0.2.0/24: the guest is 10.0.2.15 (DHCP tells it so), 10.0.2.2 the gateway and the host's
 * loopback, 10.0.2.3 DNS as the host has it. TCP and UDP go out by the host's sockets; published ports lead
 * in. IPv4 only. Threads: board lock held, or before the loop runs. SIGPIPE is ignored from the first one on.
 */
#pragma once

#include "base/loop.h"
#include "board/port.h"
#include "host/net_forward.h"

struct net_user_config {
    const struct net_forward *forwards;
    unsigned nr_forwards;
    const char *hostname; /* the guest's, told by DHCP; NULL: none */
    bool restricted;      /* published ports only: nothing goes out */
};

struct net_user;
/*
 * The configuration is borrowed for the call. Errors name the published port:
 * -EADDRINUSE, -EADDRNOTAVAIL   taken, or no address of this host
 * -EACCES   a privileged port
 */
int net_user_new(const struct net_user_config *c, struct loop *loop, struct net_user **ret, struct err *e);
/* While it runs; the same errors. Taking one away: -ENOENT. Connections that are open go on. */
int net_user_publish(struct net_user *n, const struct net_forward *f, struct err *e);
int net_user_unpublish(struct net_user *n, const struct net_forward *f, struct err *e);
struct net_port *net_user_port(struct net_user *n); /* good until net_user_free */
/* In the child of fork(2): a network of its own behind the same port. Nothing is published; c says the rest.
 */
int net_user_after_fork(struct net_user *n, const struct net_user_config *c, struct err *e);
void net_user_free(struct net_user *n); /* before loop_free */
OWN_TYPE(net_user, net_user_free)
