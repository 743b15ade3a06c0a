// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bootvm_ports: the simplest far ends that let a guest exercise every device: a disk file used in place, a
 * host on the network that answers ARP and ping, a console that goes to stderr, a vsock client, a balloon.
 */
#pragma once

#include "vm/machine.h"

struct tool_disk {
    struct disk_port port;
    struct loop *loop;
    int fd;
    struct disk_req *finished, *last; /* done is still to be called */
};
int tool_disk_open(struct tool_disk *d, const char *path, struct loop *loop);

struct tool_net {
    struct net_port port;
    struct loop *loop;
    uint8_t frame[2048]; /* the answer on its way to the guest */
    size_t len;
};
void tool_net_init(struct tool_net *n, struct loop *loop);

extern const struct char_port tool_console;
extern const struct entropy_port tool_entropy;

/* Tries to reach port 1024 in the guest, sends it a line, prints what comes back, asks for 32 MiB of memory.
 */
struct tool_agent {
    struct machine *machine;
    struct loop_timer timer;
    struct vsock_stream *stream;
    size_t got;
};
void tool_agent_start(struct tool_agent *a, struct machine *m, struct loop *loop);
