// SPDX-License-Identifier: GPL-2.0-or-later
/* run_files: --cidfile and --pidfile, by which scripts find what `run` made. */
#pragma once

#include "cli/run.h"

/* Before the guest is made. -EEXIST: the file for its name is there. *ret: -1 without --cidfile. */
int run_files_open(const struct run_args *a, int *ret, struct err *e);
void run_files_undo(const struct run_args *a, int fd);
int run_files_write(const struct run_args *a, int fd, const char *guest, struct err *e);
