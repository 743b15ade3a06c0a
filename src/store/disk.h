// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk: disk images of others: what they are, by their content, and how they become a raw, sparse file.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/progress.h"

enum disk_format {
    FORMAT_UNKNOWN,
    FORMAT_FOLDER,
    FORMAT_TAR,    /* compressed or not */
    FORMAT_RAW,    /* or whatever else: disk_look tells */
    FORMAT_PACKED, /* something else, compressed: a raw disk, probably */
    FORMAT_QEMU,   /* qemu_name says which */
    FORMAT_KERNEL,
};

struct disk_kind {
    enum disk_format format;
    const char *qemu_name; /* "qcow2", "vmdk", ... */
};

/* Errors: errno of the file; -EINVAL: neither a file nor a folder, or empty. */
int disk_detect(const char *path, struct disk_kind *ret, struct err *e);

/*
 * Make a raw file `to` (new) of it; runs of zeroes become holes. Errors: -EINVAL: damaged, truncated, or
 * (qemu) it refers to other files; -ENOENT: qemu-img is missing; -ENOSPC; -EINTR.
 */
int disk_import(const char *from, const struct disk_kind *kind, const char *to, struct progress *p,
                struct err *e);

/* Where the root file system is on a raw disk. */
struct disk_layout {
    uint64_t bytes;       /* of the disk */
    uint64_t root_offset; /* where the root's file system starts */
    unsigned partition;   /* its number from 1, or 0: the disk has no partition table */
    const char *fs;       /* "ext4" (and 2 and 3), "xfs", "btrfs", ... or NULL: not known */
};

/*
 * Source: UEFI 2.10, 5 "GUID Partition Table (GPT) Disk Layout" and 5.2.1 "Legacy Master Boot Record".
 * -EINVAL: no disk at all, or its file systems or partitions reach beyond its end (truncated).
 */
int disk_look(const char *path, struct disk_layout *ret, struct err *e);
