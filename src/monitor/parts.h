// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * parts: what a guest's machine is put together from, and the machine. Used by the monitor and by `run` of a
 * bare kernel. Serial port and events are the user's.
 */
#pragma once

#include "cpu/cpu.h"
#include "host/disk.h"
#include "host/net_user.h"
#include "monitor/guest.h"
#include "monitor/port_change.h"
#include "store/image.h"
#include "vm/machine.h"

struct parts {
    const struct guest_config *config; /* borrowed */
    struct loop *loop;
    const struct engine_ops *engine;
    struct image *image; /* NULL: none */
    int image_hold;      /* keeps it from being removed; -1 */
    char *disk_top;      /* file of the private layer */
    struct disk *disk;
    struct net_user *net;
    struct entropy_port entropy;
    struct share_port *share; /* borrowed, put in by the user before parts_build; NULL: none */
    struct machine *machine;
};

/* What outlives a reboot: the image and the network. disk_top: path, copied; NULL without image. */
int parts_open(struct parts *p, const struct guest_config *c, const struct engine_ops *engine,
               const char *disk_top, struct loop *loop, struct err *e);
/* All, the machine too: disks are flushed. Board lock not held. Half-opened is fine. */
void parts_close(struct parts *p, pthread_mutex_t *lock);

/* A machine, standing still. Before the loop runs, board lock not held. */
int parts_build(struct parts *p, pthread_mutex_t *lock, struct char_port *serial,
                void (*on_event)(void *ctx, enum machine_event event, const char *text), void *ctx,
                struct err *e);
/* Take the machine and its disk away again. Board lock not held. */
void parts_unbuild(struct parts *p, pthread_mutex_t *lock);

/*
 * machine_pause, with a limit: a CPU that does not stop is our own mistake, and this process, which could do
 * nothing else any more, ends as a crash.
 */
void parts_pause(struct parts *p);

uint64_t parts_disk_bytes(const struct parts *p); /* as the guest sees it; 0: no disk */
extern const struct port_ops parts_ports;         /* net: struct parts' */
