// SPDX-License-Identifier: GPL-2.0-or-later
/* call: a request to a monitor and its reply, on a socket that may go on with frames afterwards. */
#pragma once

#include "base/json.h"
#include "monitor/guest_dir.h"

#define CALL_FOREVER (-1)

/* Connect to the guest's monitor. -ESRCH: none is there. */
int call_open(const struct guest_dir *d, int *ret_fd, struct err *e);

/*
 * Send request (borrowed; "version" is put in) and wait for the reply (new reference), not a byte more is
 * read. -EPIPE: the monitor went away; -ETIMEDOUT; -EINTR: interruptible, and an interrupt that is held back
 * came (the call is no part of tidying up after one, then); else the error that the reply holds.
 */
int call_ask(int fd, json_t *request, int64_t timeout_ms, bool interruptible, json_t **ret_reply,
             struct err *e);
