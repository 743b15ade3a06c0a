// SPDX-License-Identifier: GPL-2.0-or-later
/* client_impl: what client.c and client_list.c share. */
#pragma once

#include "monitor/guest_dir.h"

/* A guest that is there; whether its monitor lives. What a dead one left is tidied up. -ENOENT. */
int client_find(const char *name, struct guest_dir **ret, bool *ret_alive, struct err *e);
