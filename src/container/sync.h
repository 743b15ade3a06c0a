// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sync: how the runtime and the process that becomes the container talk until that has become it.
 *
 * One sequenced-packet socket pair; the container's end closes at exec, so its end of file means "it runs".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum sync_kind {
    SYNC_FAILED = 1, /* to the runtime: code and text say why; the last message */
    SYNC_WARNING,    /* text */
    SYNC_NEED_MAPS,  /* the user namespace is there: write its ID maps. Answer: SYNC_GO */
    SYNC_CHILD,      /* value = pid of the process that goes on in this one's place */
    SYNC_NS_READY,   /* namespaces are there, the root is not: time for hooks. Answer: SYNC_GO */
    SYNC_CONSOLE,    /* with a descriptor: the terminal's other end */
    SYNC_NOTIFY,     /* with a descriptor: seccomp's listener. Answer: SYNC_GO */
    SYNC_READY,      /* all but the program itself */
    SYNC_GO,
};

struct sync_msg {
    uint32_t kind;
    int32_t value;
    char text[512];
};

int sync_send(int sock, enum sync_kind kind, int value, const char *text, int fd);
/* 1: *ret (and *ret_fd, -1: none) filled; 0: the other end has closed; -errno. ret_fd may be NULL. */
int sync_recv(int sock, struct sync_msg *ret, int *ret_fd);

/* Say kind and wait for SYNC_GO. -EPIPE: the other side gave up. */
int sync_ask(int sock, enum sync_kind kind, int fd);
