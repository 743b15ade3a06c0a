// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_debian: a small Debian from Debian's own packages, by mmdebstrap, as root or as an ordinary user.
 *
 * Root: variant minbase and kmod, iproute2, procps; package sources, proxy and pinning of this host. Kernel:
 * the newest linux-image-*-cloud-amd64 of those sources, unpacked into the root, never installed. With an
 * init among the packages (systemd-sysv) the image starts that one.
 */
#pragma once

#include "base/progress.h"
#include "store/image.h"

struct image_debian {
    const char *name;           /* or NULL: "debian" */
    const char *suite;          /* or NULL: this host's, if it is a Debian; else stable */
    const char *const *include; /* more packages, each may be a list with commas; NULL-ended, or NULL */
    uint64_t bytes;             /* size of the disk; 0: 2 GiB, or what the packages need */
};

/* Errors as image_import's; -EIO: mmdebstrap failed, its own words and the path of its log are in e. */
int image_build_debian(const struct image_debian *c, struct progress *p, struct image **ret, struct err *e);
