// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share: folders and files of the host as one file system of a guest's: the far end of virtio-fs.
 *
 * Its root is made up and cannot be changed; in it is each export by its name. Nothing outside of an export
 * can be reached: names are single components, links are the guest's to follow, and only regular files and
 * folders are ever opened. Threads: one of its own does the work; the calls: the loop's, board lock held.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"
#include "board/port.h"

#define SHARE_EXPORTS    200
#define SHARE_FILES      256
#define SHARE_FILE_BYTES 65536

struct share_export {
    const char *name; /* one component */
    int fd;           /* of a folder or regular file, O_PATH is enough; borrowed until share_free */
    bool read_only;   /* whatever the guest tries */
    bool small;       /* a folder of no more than SHARE_FILES files of SHARE_FILE_BYTES, and nothing else */
};

struct loop;
struct share;
/* exports are copied, tag is borrowed. -EINVAL: an export is neither folder nor regular file; -ENOSPC: too
 * many. Descriptors are needed by the thousands: the soft limit becomes the hard one. */
int share_new(const char *tag, const struct share_export *exports, unsigned nr, struct loop *loop,
              struct share **ret, struct err *e);
void share_free(struct share *s); /* after the device, or with it reset */
OWN_TYPE(share, share_free)
struct share_port *share_port(struct share *s);
