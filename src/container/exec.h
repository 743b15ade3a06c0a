// SPDX-License-Identifier: GPL-2.0-or-later
/* exec: one more process in a running container: what it is to be. */
#pragma once

#include "container/container.h"

struct exec_job {
    struct config container; /* the container's, as it was at create */
    struct config own;       /* of --process */
    struct process_config p; /* the result */
};
void exec_job_fini(struct exec_job *j);
#define OWN_EXEC_JOB __attribute__((cleanup(exec_job_fini))) struct exec_job

int exec_job_load(const char *root, const char *id, const struct exec_options *o, struct exec_job *j,
                  struct err *e);
