// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_copy: the option tmpcopyup: what a tmpfs would hide is copied into it first. */
#pragma once

/* Copy the folder behind `from` (an O_PATH descriptor) into the detached mount `to`. -errno or 0. */
int mount_copy_up(int from, int to);
