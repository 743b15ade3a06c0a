// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkpoint: a running container written to files by criu. If that fails the container goes on as if nothing
 * had been asked for: criu sees to it, and the freezer is looked at here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "container/container.h"
#include "container/criu_request.h"
#include "container/criu_streams.h"
#include "container/outside.h"
#include "container/wire.h"

#define LOG "dump.log"

struct dumping {
    const struct criu_options *o;
    const struct state *s;
    const struct config *c;
    const struct cgroup *g;
};

static int check(const struct criu_options *o, const struct state *s, enum status is, struct err *e)
{
    if (s->machine)
        return err_set(e, -EOPNOTSUPP, "container %s is a machine, which cannot be written to files yet",
                       s->id);
    if (geteuid() != 0)
        return err_set(e, -EPERM, "it takes root");
    if (is != STATUS_RUNNING && is != STATUS_PAUSED)
        return err_set(e, -EBUSY, "container %s is %s", s->id, status_name(is));
    if (o->parent_path && o->parent_path[0] == '/')
        return err_set(e, -EINVAL, "--parent-path: it starts in the images' folder: ../OTHER");
    return criu_check(o->pre_dump, o->lazy_pages, e);
}

/* criu's own words would stand among the caller's; what matters of them is in its log. */
static int quiet(void *ctx, struct err *e)
{
    (void)ctx;
    OWN_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        if (null < 0 || dup2(null, i) < 0)
            return err_sys(e, "/dev/null");
    return 0;
}

static int check_parent(const struct criu_options *o, const struct criu_dirs *dirs, struct err *e)
{
    if (o->parent_path && faccessat(dirs->images, o->parent_path, X_OK, 0) < 0)
        return err_sys(e, "--parent-path: %s/%s", o->image_path, o->parent_path);
    return 0;
}

/*
 * Only those that it has a folder in: in the others it is in one of the host's, whose whole tree criu would
 * write down, and make again where the container is restored.
 */
static void own_cgroups(const struct cgroup *g, struct buf *opts)
{
    for (unsigned i = 0; i < g->nr; i++)
        if (g->dir[i].there)
            wire_text(opts, CRIU_CGROUP_DUMP_CONTROLLER, g->dir[i].v2 ? "" : g->dir[i].name);
}

static int describe(const struct dumping *d, const struct criu_dirs *dirs, struct buf *opts, struct err *e)
{
    const struct cgroup_dir *freezer = cgroup_freezer(d->g);
    int rc = criu_request(d->o, dirs, d->c, LOG, opts, e);
    wire_number(opts, CRIU_PID, d->s->pid);
    wire_text(opts, CRIU_ROOT, d->s->rootfs);
    own_cgroups(d->g, opts);
    if (freezer)
        wire_text(opts, CRIU_FREEZE_CGROUP, freezer->path);
    if (rc == 0)
        rc = outside_of_running(d->c, d->g, d->s->pid, opts, e);
    return rc < 0 || d->o->pre_dump ? rc : criu_streams_save(d->c, d->s, dirs->images, opts, e);
}

/* Somebody waits for this byte before it fetches the pages. */
static int notified(void *ctx, const struct criu_answer *a, int fd, struct err *e)
{
    const struct dumping *d = ctx;
    (void)fd;
    if (strcmp(a->script, "status-ready") == 0 && d->o->status_fd >= 0 && write(d->o->status_fd, "", 1) < 0)
        return err_sys(e, "--status-fd");
    return 0;
}

static int dump(struct dumping *d, struct err *e)
{
    OWN_CRIU_DIRS dirs = {.images = -1, .work = -1};
    OWN_BUF opts = {0};
    OWN_CRIU criu = {.sock = -1};
    struct criu_answer a;
    int rc = criu_dirs_open(d->o, true, &dirs, e);
    if (rc == 0)
        rc = check_parent(d->o, &dirs, e);
    if (rc == 0)
        rc = describe(d, &dirs, &opts, e);
    const int keep[] = {dirs.images, dirs.work};
    const struct criu_setup setup = {
        .keep = keep, .nr_keep = dirs.work < 0 ? 1 : 2, .cgroup = -1, .prepare = quiet};
    if (rc == 0)
        rc = criu_start(&setup, &criu, e);
    if (rc == 0)
        rc = criu_ask(&criu, d->o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, &opts, notified, d, &a, e);
    return rc < 0 || a.success ? rc : criu_failed(&a, dirs.log, LOG, e);
}

int container_checkpoint(const char *root, const char *id, const struct criu_options *o, struct err *e)
{
    OWN_STATE s = {0};
    OWN_CONFIG c = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    int rc = container_open(root, id, &s, &g, &dir, e);
    if (rc < 0)
        return rc;
    enum status was = state_status(&s, dir, &g);
    OWN_MEM char *file = state_file(root, id, "config.json");
    rc = check(o, &s, was, e);
    if (rc == 0)
        rc = config_load(file, "config.json", &c, e);
    struct dumping d = {.o = o, .s = &s, .c = &c, .g = &g};
    if (rc == 0)
        rc = dump(&d, e);
    if (rc < 0 && was == STATUS_RUNNING && cgroup_frozen(&g))
        (void)cgroup_freeze(&g, false, NULL);
    return rc < 0 || o->leave_running || o->pre_dump ? rc : container_delete(root, id, true, e);
}
