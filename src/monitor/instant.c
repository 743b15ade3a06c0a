// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * instant: see instant.h. Order: CPUs stand still, then the disk is settled, then what is to be shared is
 * prepared; nothing else is inside the pause.
 */
#include "monitor/instant.h"

#include <unistd.h>

#include "base/loop.h"
#include "host/disk_fork.h"

static int prepare(struct parts *p, int *ret_copy, struct err *e)
{
    int rc = 0;
    if (p->disk) {
        disk_settle(p->disk);
        rc = disk_fork_copy(p->disk, ret_copy, e);
    }
    return rc < 0 ? rc : machine_before_fork(p->machine, e);
}

static int copies(unsigned n, instant_body *body, void *ctx, int disk, unsigned *ret_made, struct err *e)
{
    for (*ret_made = 0; *ret_made < n; ++*ret_made) {
        pid_t pid = fork();
        if (pid == 0)
            return body(ctx, *ret_made, 0, disk);
        if (pid < 0)
            return err_sys(e, "no room for a copy of the machine's process");
        body(ctx, *ret_made, pid, -1);
    }
    return 0;
}

int instant_many(struct parts *p, unsigned n, instant_body *body, void *ctx, unsigned *ret_made,
                 uint64_t *ret_pause_ns, struct err *e)
{
    const pid_t me = getpid();
    bool ran = machine_is_running(p->machine);
    OWN_FD disk = -1;
    *ret_made = 0;
    *ret_pause_ns = 0;
    uint64_t from = loop_now_ns();
    parts_pause(p);
    int rc = prepare(p, &disk, e);
    if (rc == 0)
        rc = copies(n, body, ctx, disk, ret_made, e);
    if (getpid() != me || !ran)
        return rc;
    struct err again;
    int went_on = machine_start(p->machine, &again); /* its CPUs' threads are there: it cannot fail */
    BUG_ON(went_on < 0);
    *ret_pause_ns = loop_now_ns() - from;
    return rc;
}
