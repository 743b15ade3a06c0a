// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_devices: the devices of the host that a container is given: those asked for, or all (privileged). */
#pragma once

#include <sys/types.h>

#include "monitor/guest.h"

struct bundle_device {
    char *path; /* in the container */
    bool block;
    unsigned major, minor, uid, gid;
    mode_t mode;
    char access[4]; /* "rwm" */
};

/* Malloc'd. -ENODEV: one is no device; errno of its file. */
int bundle_devices_find(const struct guest_container *c, struct bundle_device **ret, unsigned *ret_nr,
                        struct err *e);
void bundle_devices_free(struct bundle_device *list, unsigned nr);
