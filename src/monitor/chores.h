// SPDX-License-Identifier: GPL-2.0-or-later
/* chores: what every monitor does, whatever its guest is. */
#pragma once

#include "monitor/guest_dir.h"
#include "monitor/requests.h"

/* The monitor's own signals (the host shuts down, say) stop the guest. *ret_fd: the caller's to close. */
int chores_watch_signals(struct loop *loop, struct requests *r, int *ret_fd, struct err *e);
int chores_open_control(struct loop *loop, const struct guest_dir *d, struct requests *r,
                        struct control **ret, struct err *e);
int chores_write_pid(const struct guest_dir *d, struct err *e);
int chores_record_start(const struct guest_dir *d, struct err *e);
void chores_record_end(const struct guest_dir *d, const struct requests *r);
void chores_remove_guest(struct guest_dir *d);
