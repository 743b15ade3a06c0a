// SPDX-License-Identifier: GPL-2.0-or-later
/* initctl: the pipe through which poweroff(8), reboot(8) and shutdown(8) talk to an init that is not systemd.
 */
#pragma once

#include "guest/power.h"

int initctl_open(void); /* -1: there is nowhere to put it */
enum power_how initctl_read(int fd);
