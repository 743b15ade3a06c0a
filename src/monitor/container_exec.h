// SPDX-License-Identifier: GPL-2.0-or-later
/* container_exec: a client's command in a running container. */
#pragma once

#include "monitor/control.h"
#include "monitor/streams.h"

struct container_execs {
    struct loop *loop;
    const char *states, *id;
    const char *root;  /* the container's root as the monitor sees it */
    const char *shell; /* for who names no command */
    const char *run;   /* folder for what lives a moment */
    struct exec_item *items;
};

/* The request as exec_proxy_new's. Answers or takes the connection over. -EINVAL: c stays as it was. */
int container_exec_new(struct container_execs *x, struct conn *c, json_t *request, struct err *e);
void container_execs_free(struct container_execs *x); /* their processes have ended, or end unwatched */
