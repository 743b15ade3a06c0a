// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_oom: how a cgroup tells that it ran out of memory. Source: kernel documentation, admin-guide,
 * cgroup-v1/memory.rst, "OOM Control", and cgroup-v2.rst, "memory.events".
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/own.h"
#include "container/cgroup_numbers.h"
#include "container/cgroup_stats.h"

uint64_t cgroup_oom_kills(const struct cgroup *g)
{
    char text[1024];
    const struct cgroup_dir *d = cgroup_with(g, "memory");
    if (!d || !cgroup_read(d, d->v2 ? "memory.events" : "memory.oom_control", text, sizeof(text)))
        return 0;
    return numbers_keyed(text, "oom_kill");
}

static int open_file(const struct cgroup_dir *d, const char *name)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", d->path, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int watch_v1(const struct cgroup_dir *d, struct cgroup_oom_watch *ret)
{
    char text[32];
    OWN_FD control = open_file(d, "memory.oom_control");
    OWN_FD told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (control < 0 || told < 0)
        return -errno;
    snprintf(text, sizeof(text), "%d %d", told, control);
    int rc = cgroup_write(d, "cgroup.event_control", text, NULL);
    if (rc < 0)
        return rc;
    *ret = (struct cgroup_oom_watch){.fd = take_fd(&told), .control = take_fd(&control), .events = POLLIN};
    return 0;
}

int cgroup_oom_watch(const struct cgroup *g, struct cgroup_oom_watch *ret)
{
    const struct cgroup_dir *d = cgroup_with(g, "memory");
    if (!d)
        return -EOPNOTSUPP;
    if (!d->v2)
        return watch_v1(d, ret);
    int fd = open_file(d, "memory.events");
    if (fd < 0)
        return -errno;
    *ret = (struct cgroup_oom_watch){.fd = fd, .control = -1, .events = POLLPRI};
    cgroup_oom_heard(ret);
    return 0;
}

void cgroup_oom_heard(const struct cgroup_oom_watch *w)
{
    char text[1024];
    (void)!pread(w->fd, text, sizeof(text), 0); /* of a file of v2 */
    (void)!read(w->fd, text, 8);                /* of an eventfd; at a file's place it does no harm */
}
