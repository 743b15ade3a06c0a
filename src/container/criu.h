// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * criu: the external program that writes processes to files and makes them again, spoken to as its own
 * clients do: `criu swrk FD`, a socket, and protocol buffers.
 *
 * Its command line would do for all but terminals: the new terminal's master comes over that socket only.
 * Source: CRIU, images/rpc.proto; criu(8).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define CRIU_OLDEST 31500 /* 3.15: external pid namespaces */

/* Of criu_req.type. */
enum criu_type {
    CRIU_DUMP = 1,
    CRIU_RESTORE = 2,
    CRIU_PRE_DUMP = 4,
    CRIU_NOTIFY = 6,
    CRIU_FEATURES = 9,
    CRIU_VERSION = 10,
};

/* Numbers of the fields of criu_opts. */
enum criu_opt {
    CRIU_IMAGES_DIR_FD = 1,
    CRIU_PID = 2,
    CRIU_LEAVE_RUNNING = 3,
    CRIU_EXT_UNIX_SK = 4,
    CRIU_TCP_ESTABLISHED = 5,
    CRIU_EVASIVE_DEVICES = 6,
    CRIU_SHELL_JOB = 7,
    CRIU_FILE_LOCKS = 8,
    CRIU_LOG_LEVEL = 9,
    CRIU_LOG_FILE = 10,
    CRIU_PAGE_SERVER = 11,
    CRIU_NOTIFY_SCRIPTS = 12,
    CRIU_ROOT = 13,
    CRIU_PARENT_IMG = 14,
    CRIU_TRACK_MEM = 15,
    CRIU_AUTO_DEDUP = 16,
    CRIU_WORK_DIR_FD = 17,
    CRIU_LINK_REMAP = 18,
    CRIU_EXT_MNT = 23,
    CRIU_MANAGE_CGROUPS = 24,
    CRIU_CG_ROOT = 25,
    CRIU_RST_SIBLING = 26,
    CRIU_INHERIT_FD = 27,
    CRIU_MANAGE_CGROUPS_MODE = 34,
    CRIU_EXTERNAL = 37,
    CRIU_EMPTY_NS = 38,
    CRIU_JOIN_NS = 39,
    CRIU_CGROUP_DUMP_CONTROLLER = 43,
    CRIU_FREEZE_CGROUP = 44,
    CRIU_TCP_SKIP_IN_FLIGHT = 46,
    CRIU_LAZY_PAGES = 48,
    CRIU_ORPHAN_PTS_MASTER = 50,
    CRIU_CONFIG_FILE = 51,
    CRIU_TCP_CLOSE = 52,
    CRIU_LSM_PROFILE = 53,
    CRIU_LSM_MOUNT_CONTEXT = 63,
    CRIU_NETWORK_LOCK = 64,
};

struct criu {
    pid_t pid; /* 0: none */
    int sock;  /* -1: none */
};
void criu_fini(struct criu *c); /* closes the socket and waits for the process */
#define OWN_CRIU __attribute__((cleanup(criu_fini))) struct criu

struct criu_setup {
    const int *keep; /* descriptors that it gets, under the same numbers */
    unsigned nr_keep;
    int cgroup; /* a v2 folder to be born in, or -1 */
    /* In the new process, before it is criu; NULL: nothing. */
    int (*prepare)(void *ctx, struct err *e);
    void *ctx;
};
/* -ENOENT: it is not installed. */
int criu_start(const struct criu_setup *s, struct criu *ret, struct err *e);

struct criu_answer {
    unsigned type;
    bool success, mem_track, lazy_pages;
    pid_t pid;        /* of the restored process, or of the one a notification is about */
    int error;        /* an errno, 0: not said */
    unsigned version; /* 3.17.1 is 31701 */
    char script[32];  /* what a notification is about: "post-restore" */
    char message[200];
};
/* fd: that came with the notification (the caller's, borrowed here), or -1. */
typedef int criu_notify(void *ctx, const struct criu_answer *a, int fd, struct err *e);

/*
 * Send one request and answer notifications by fn until the answer comes. opts and fn may be NULL. -EIO: criu
 * gave up without a word; that it says no is in ret->success.
 */
int criu_ask(const struct criu *c, enum criu_type type, const struct buf *opts, criu_notify *fn, void *ctx,
             struct criu_answer *ret, struct err *e);

/* Is it there, and new enough, and can it do what is asked of it? */
int criu_check(bool mem_track, bool lazy_pages, struct err *e);

/* An error that tells why criu failed: what it says, and the last errors in its log DIR/FILE. */
int criu_failed(const struct criu_answer *a, const char *dir, const char *file, struct err *e);
