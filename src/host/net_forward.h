// SPDX-License-Identifier: GPL-2.0-or-later
/* net_forward: a port of the host that leads to one of a guest. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct net_forward {
    bool udp;
    struct in_addr host_ip; /* network order; zero: all addresses */
    uint16_t host_port, guest_port;
};

bool net_forward_same_host(const struct net_forward *a,
                           const struct net_forward *b); /* port, address, protocol */
#define NET_FORWARD_TEXT 40
/* "127.0.0.1:8080/tcp": the host's side. */
void net_forward_text(const struct net_forward *f, char text[NET_FORWARD_TEXT]);

/*
 * A socket with which nobody else on the host gets that port, until it is closed.
 * -EADDRINUSE, -EADDRNOTAVAIL   taken, or no address of this host
 * -EACCES                       a privileged port
 */
int net_forward_hold(const struct net_forward *f, int *ret_fd, struct err *e);
/* The same trouble, told in the same words. */
int net_forward_refused(const struct net_forward *f, int code, struct err *e);
