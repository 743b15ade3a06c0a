// SPDX-License-Identifier: GPL-2.0-or-later
/* container_files: what a container finds in its /etc about names and addresses, and its network. */
#pragma once

#include "base/loop.h"
#include "monitor/guest_dir.h"

/* hosts, resolv.conf and hostname in the guest's run folder, where they go with the rest. */
int container_files_write(const struct guest_dir *d, const struct guest_config *c, struct err *e);

/*
 * User mode: an interface in the namespace of the container's process, its frames served by this process.
 * Nothing for other networks. -EACCES, -ENOENT: no /dev/net/tun here; -EADDRINUSE: a published port is taken.
 */
struct container_net {
    struct net_user *user;
    struct tap *tap;
};
int container_net_open(struct container_net *n, const struct guest_config *c, pid_t pid, struct loop *loop,
                       struct err *e);
void container_net_close(struct container_net *n);
