// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tap: a network interface of the kernel as the device at a net_port: frames that the kernel sends go to the
 * port's far end, what comes from there the kernel receives.
 *
 * Threads: the loop's, board lock held.
 */
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include "base/loop.h"
#include "board/port.h"

/*
 * Make eth0 in the network namespace of process pid (its user namespace is ours or one below): up, with this
 * address and default route. *ret_fd speaks frames. -EACCES, -ENOENT: no /dev/net/tun for us.
 */
struct tap_config {
    pid_t pid;
    struct in_addr address, mask, gateway;
};
int tap_open(const struct tap_config *c, int *ret_fd, struct err *e);

struct tap;
int tap_attach(int fd, struct net_port *port, struct loop *loop, struct tap **ret,
               struct err *e); /* fd: owned */
void tap_free(struct tap *t);
OWN_TYPE(tap, tap_free)
