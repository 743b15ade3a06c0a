// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state_lock: who makes or removes a container has it for itself, so that two removals, or a removal and a
 * new container of that name, do not end each other's processes and files.
 */
#pragma once

#include "base/err.h"

/* The folder ROOT/ID, to be locked. -ENOENT: there is none. */
int state_lock_open(const char *root, const char *id);

/*
 * Lock the folder dir until state_unlock, or until all copies of dir are closed. -EBUSY: somebody else still
 * has it after wait_ms; -ENOENT: it was removed meanwhile, whatever is at its path now is another one.
 */
int state_lock(int dir, unsigned wait_ms);
void state_unlock(int dir);
