// SPDX-License-Identifier: GPL-2.0-or-later
/* address: unix sockets at paths of any length; sun_path holds but 107 bytes. */
#pragma once

#include "base/err.h"

int address_listen(const char *path, int *ret_fd, struct err *e); /* mode 0600, not blocking */

/* Blocking. -ENOENT, -ECONNREFUSED: nobody listens. */
int address_connect(const char *path, int *ret_fd, struct err *e);
