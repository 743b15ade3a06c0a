// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_making: a guest's container from its image to its first process, which can be made again when it
 * has ended.
 */
#pragma once

#include "monitor/bundle.h"
#include "monitor/container_ids.h"
#include "monitor/guest_dir.h"
#include "monitor/helper.h"

struct image;
struct container_making {
    const struct guest_dir *dir; /* borrowed, as the next two */
    const struct guest_config *guest;
    const char *states, *id;
    struct image *image;
    int image_hold;
    char *root, *shell; /* where its root is mounted; what runs without a command */
    struct bundle_user user;
    struct container_ids ids; /* whom our user namespace has; none: it is the host's */
    bool rootless;            /* it is our own */
};

/* Leave the host's mount namespace, mount the root. Close it whatever is returned. */
int container_making_open(struct container_making *m, struct err *e);
/* Write config.json. netns: path of the network namespace to join, or NULL. */
int container_making_config(struct container_making *m, const char *netns, struct err *e);
/* Its processes have ended: let go of root and image, and nothing else can be made. Close does it too. */
void container_making_unmount(struct container_making *m);
void container_making_close(struct container_making *m);

/* The first process, waiting to be started: a child of ours, with its streams. What was left of one is swept.
 */
int container_making_process(const struct container_making *m, struct helper_streams *ret, pid_t *ret_pid,
                             struct err *e);
