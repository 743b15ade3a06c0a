// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: a bare kernel in the foreground: this very process is its monitor, our standard input and output are
 * its first serial port. No guest is made; nothing is left behind.
 */
#pragma once

#include "monitor/guest.h"

/*
 * Until it powers off or resets: 0. 1: it panicked, triple-faulted or the engine failed; why was said on
 * stderr. 128 + number: SIGINT, SIGTERM or SIGHUP ended it, or nobody reads our output any more (SIGPIPE). On
 * a terminal keys go to the guest, Ctrl-C too; Ctrl-] ends the guest: 0. Negative: it did not even start, e
 * says why.
 */
int run_kernel(const struct guest_config *c, struct err *e);
