// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * logfile: a file that keeps the newest of what a guest says, however much that is.
 *
 * Appends to PATH; at half the cap PATH becomes PATH.1 (and what that was is gone) and PATH starts anew: read
 * PATH.1, then PATH. Trouble while writing loses text, with a line in the log; the guest never waits for it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

#define LOGFILE_CAP (4u << 20)

struct logfile;
int logfile_open(const char *path, uint64_t cap_bytes, struct logfile **ret, struct err *e);
void logfile_close(struct logfile *l);
OWN_TYPE(logfile, logfile_close)

void logfile_write(struct logfile *l, const void *data, size_t len);
