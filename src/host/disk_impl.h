// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_impl: what disk.c and disk_fork.c share. */
#pragma once

#include "base/log.h"
#include "host/disk.h"
#include "host/disk_back.h"
#include "host/workers.h"

struct disk {
    struct disk_port port;
    struct disk_back back;
    struct workers *workers;
    struct loop *loop;
    bool watched;
    char *name; /* of the top layer or the raw file */
    struct log_limit limit;
};

int disk_watch(struct disk *d, struct err *e); /* results of its threads */
