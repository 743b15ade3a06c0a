// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdline: what the host tells this program on the kernel's command line.
 *
 *     hospes.root=/dev/vda   the disk or partition to start from; none: stay in the initramfs
 *     hospes.share=TAG       folders of the host, mounted at /share
 *     hospes.init=image      hand over to the image's own init, the agent beside it; else this program is
 * init hospes.name=NAME       the host name hospes.net=none        leave the network alone
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct cmdline {
    char root[128], name[65], share[40];
    bool image_init, net;
};

int cmdline_read(const char *path, struct cmdline *ret, struct err *e);
