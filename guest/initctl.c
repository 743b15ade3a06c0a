// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * initctl: see initctl.h.
 *
 * Source: sysvinit's initreq.h: struct init_request, 384 bytes, in the machine's byte order.
 */
#include "guest/initctl.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITCTL "/run/initctl"
#define MAGIC   0x03091969
#define RUNLVL  1

struct init_request {
    uint32_t magic;
    int32_t cmd, runlevel, sleep_s;
    char data[368];
};
_Static_assert(sizeof(struct init_request) == 384, "as sysvinit has it");

int initctl_open(void)
{
    if (mkfifo(INITCTL, 0600) < 0 && errno != EEXIST)
        return -1;
    return open(INITCTL, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* O_RDWR: never an end of file */
}

enum power_how initctl_read(int fd)
{
    struct init_request r;
    if (read(fd, &r, sizeof(r)) != sizeof(r) || r.magic != MAGIC || r.cmd != RUNLVL)
        return POWER_NONE;
    return r.runlevel == '0' ? POWER_OFF : r.runlevel == '6' ? POWER_REBOOT : POWER_NONE;
}
