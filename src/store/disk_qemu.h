// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_qemu: disk images of other hypervisors, through qemu-img. */
#pragma once

#include "base/err.h"
#include "base/progress.h"

/*
 * Convert from (an absolute path), which is of this format, to a raw, sparse file. -ENOENT: no qemu-img;
 * -EINVAL: damaged, truncated, or it refers to other files; -EIO: qemu-img's own words; -EINTR.
 */
int disk_convert(const char *from, const char *format, const char *to, struct progress *p, struct err *e);
