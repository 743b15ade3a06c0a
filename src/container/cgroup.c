// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup: see cgroup.h. The folders: where they are, made, removed. */
#include "container/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"

#define TOP "/sys/fs/cgroup"

/* ---- files ---- */

static int file_of(const struct cgroup_dir *d, const char *file, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%s/%s", d->path, file);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int cgroup_write(const struct cgroup_dir *d, const char *file, const char *text, struct err *e)
{
    char path[400];
    int rc = file_of(d, file, path, sizeof(path));
    OWN_FD fd = rc < 0 ? -1 : open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return rc < 0 ? err_code(e, rc, "cgroup") : err_sys(e, "cgroup: open %s", path);
    rc = file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "cgroup: write \"%.60s\" to %s", text, path) : 0;
}

bool cgroup_read(const struct cgroup_dir *d, const char *file, char *ret, size_t size)
{
    char path[400];
    OWN_FD fd = file_of(d, file, path, sizeof(path)) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
    if (n < 0)
        return false;
    while (n > 0 && ret[n - 1] == '\n')
        n--;
    ret[n] = 0;
    return true;
}

/* ---- layout ---- */

static bool is_kind(const char *path, long magic)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == magic;
}

static void add(struct cgroup *g, const char *name, const char *top, bool v2)
{
    struct cgroup_dir *d = &g->dir[g->nr];
    if (g->nr == CGROUP_DIRS)
        return;
    d->v2 = v2;
    snprintf(d->name, sizeof(d->name), "%s", name);
    snprintf(d->top, sizeof(d->top), "%s", top);
    int n = snprintf(d->path, sizeof(d->path), "%s%s", top, g->path);
    if (n > 0 && (size_t)n < sizeof(d->path))
        g->nr++;
}

/* A line of /proc/self/cgroup: "4:memory:/path", "9:name=systemd:/", "0::/" */
static void hierarchy(struct cgroup *g, char *line)
{
    char *name = strchr(line, ':'), *end = name ? strchr(name + 1, ':') : NULL, top[64];
    if (!end)
        return;
    *end = 0;
    name++;
    if (*name == 0 || strlen(name) > 40)
        return;
    snprintf(top, sizeof(top), TOP "/%s", strncmp(name, "name=", 5) == 0 ? name + 5 : name);
    add(g, name, top, false);
}

static void find_hierarchies(struct cgroup *g)
{
    if (is_kind(TOP, CGROUP2_SUPER_MAGIC)) {
        g->pure_v2 = true;
        add(g, "", TOP, true);
        return;
    }
    OWN_MEM char *text = NULL;
    if (file_read("/proc/self/cgroup", 65536, &text, NULL, NULL) < 0)
        return;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        hierarchy(g, line);
    if (is_kind(TOP "/unified", CGROUP2_SUPER_MAGIC))
        add(g, "", TOP "/unified", true);
}

int cgroup_normalize(const char *path, char *ret, size_t size)
{
    size_t len = 0;
    while (*(path += strspn(path, "/"))) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.')
            return -EINVAL;
        if (len + n + 2 > size)
            return -ENAMETOOLONG;
        if (n != 1 || path[0] != '.') {
            ret[len++] = '/';
            memcpy(ret + len, path, n);
            len += n;
        }
        path += n;
    }
    ret[len] = 0;
    return len ? 0 : -EINVAL;
}

int cgroup_find(const char *path, const char *id, struct cgroup *ret, struct err *e)
{
    char made[160];
    *ret = (struct cgroup){0};
    if (!path || !*path) {
        snprintf(made, sizeof(made), "/hospes-%.140s", id);
        path = made;
    }
    int rc = cgroup_normalize(path, ret->path, sizeof(ret->path));
    if (rc < 0)
        return err_code(e, rc, "linux.cgroupsPath: %s", path);
    find_hierarchies(ret);
    return 0;
}

const struct cgroup_dir *cgroup_with(const struct cgroup *g, const char *controller)
{
    size_t len = strlen(controller);
    for (unsigned i = 0; i < g->nr; i++) {
        const struct cgroup_dir *d = &g->dir[i];
        for (const char *at = d->name; d->there && (at = strstr(at, controller)); at += len)
            if ((at == d->name || at[-1] == ',') && (at[len] == 0 || at[len] == ','))
                return d;
    }
    return NULL;
}

/* A v2 folder's controllers, written as the names of v1 hierarchies are. */
static void read_controllers(struct cgroup_dir *d)
{
    if (!d->v2 || !d->there || !cgroup_read(d, "cgroup.controllers", d->name, sizeof(d->name)))
        return;
    for (char *p = d->name; *p; p++)
        if (*p == ' ')
            *p = ',';
}

void cgroup_look(struct cgroup *g)
{
    for (unsigned i = 0; i < g->nr; i++) {
        g->dir[i].there = access(g->dir[i].path, F_OK) == 0;
        read_controllers(&g->dir[i]);
    }
}

/* ---- making ---- */

static void inherit(const struct cgroup_dir *d, const char *upper, const char *file)
{
    char path[400], text[256] = "";
    struct cgroup_dir above = {0};
    snprintf(above.path, sizeof(above.path), "%s", upper);
    if (cgroup_read(d, file, path, sizeof(path)) && *path)
        return;
    if (cgroup_read(&above, file, text, sizeof(text)) && *text)
        (void)cgroup_write(d, file, text, NULL);
}

/* A v1 cpuset starts empty, and an empty one takes no process. */
static void fill_cpuset(const struct cgroup_dir *d, const char *path, const char *upper)
{
    struct cgroup_dir here = *d;
    if (d->v2 || !strstr(d->name, "cpuset"))
        return;
    snprintf(here.path, sizeof(here.path), "%s", path);
    inherit(&here, upper, "cpuset.cpus");
    inherit(&here, upper, "cpuset.mems");
}

/*
 * Let the controllers of a v2 folder reach those below. Beside v1 hierarchies nobody else does so, and few
 * are left there: they stay as they are until a limit asks for one.
 */
static void enable_controllers(const struct cgroup_dir *d, const char *path)
{
    struct cgroup_dir here = *d;
    char have[256], on[256], one[64];
    snprintf(here.path, sizeof(here.path), "%s", path);
    if (!d->v2 || !d->enable || !cgroup_read(&here, "cgroup.controllers", have, sizeof(have)) ||
        !cgroup_read(&here, "cgroup.subtree_control", on, sizeof(on)))
        return;
    for (char *rest = have, *name; (name = strsep(&rest, " "));) {
        snprintf(one, sizeof(one), "+%.60s", name);
        if (*name && !strstr(on, name))
            (void)cgroup_write(&here, "cgroup.subtree_control", one,
                               NULL); /* what can't be is told by a limit */
    }
}

/* 1: made, 0: it was there. */
static int make_path(const struct cgroup_dir *d)
{
    bool made = false;
    char upper[256];
    size_t top = strlen(d->top);
    char path[256];
    snprintf(path, sizeof(path), "%s", d->path);
    for (char *slash = path + top; slash;) {
        memcpy(upper, path, (size_t)(slash - path));
        upper[slash - path] = 0;
        char *next = strchr(slash + 1, '/');
        if (next)
            *next = 0;
        enable_controllers(d, upper);
        made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST)
            return -errno;
        if (made)
            fill_cpuset(d, path, upper);
        if (next)
            *next = '/';
        slash = next;
    }
    return made;
}

static bool wants_blkio(const struct resources *r)
{
    bool any = r->blkio_weight != UNSET || r->blkio_leaf_weight != UNSET || r->blkio_weights.nr;
    for (unsigned i = 0; i < BLKIO_THROTTLES; i++)
        any |= r->throttle[i].nr > 0;
    return any;
}

static bool wants_cpu(const struct resources *r)
{
    return r->cpu_shares != UNSET || r->cpu_quota != UNSET || r->cpu_period != UNSET ||
           r->cpu_burst != UNSET || r->cpu_rt_runtime != UNSET || r->cpu_rt_period != UNSET ||
           r->cpu_idle != UNSET;
}

/* Those that signals, pauses and statistics go by, and those with a limit. */
static bool wanted(const struct cgroup_dir *d, const struct resources *r)
{
    static const char *const always[] = {"freezer", "devices", "memory", "cpuacct"};
    for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (strstr(d->name, always[i]))
            return true;
    if (strcmp(d->name, "cpu") == 0)
        return wants_cpu(r);
    if (strcmp(d->name, "pids") == 0)
        return r->pids != UNSET;
    if (strcmp(d->name, "cpuset") == 0)
        return r->cpus || r->mems;
    if (strcmp(d->name, "blkio") == 0)
        return wants_blkio(r);
    if (strcmp(d->name, "hugetlb") == 0)
        return r->hugepages.nr;
    if (strcmp(d->name, "rdma") == 0)
        return r->rdma.nr;
    return d->v2 || (strstr(d->name, "net_") && (r->net_class != UNSET || r->net_prio.nr));
}

/* /proc/self/cgroup lists hierarchies that are mounted nowhere, too. */
static bool mounted(const struct cgroup_dir *d)
{
    return d->v2 || is_kind(d->top, CGROUP_SUPER_MAGIC);
}

int cgroup_make(struct cgroup *g, const struct resources *r, bool all, bool needed, struct err *e)
{
    bool old = false;
    for (unsigned i = 0; i < g->nr; i++) {
        struct cgroup_dir *d = &g->dir[i];
        if ((!all && !wanted(d, r)) || !mounted(d))
            continue;
        d->enable = g->pure_v2 || r->hugepages.nr || r->rdma.nr || r->unified.nr;
        int rc = make_path(d);
        if (rc == 0 && !g->scope && cgroup_dir_busy(d))
            return err_set(e, -EBUSY, "cgroup: %s: somebody else's processes are in it", d->path);
        old |= rc == 0;
        d->there = rc >= 0;
        read_controllers(d);
        if (rc < 0 && needed)
            return err_code(e, rc, "cgroup: make %s", d->path);
    }
    if (old && cgroup_frozen(g)) /* the first process would stop in it, and we wait */
        return err_set(e, -EBUSY, "cgroup: %s is paused", g->path);
    return 0;
}

static int move_all(const struct cgroup_dir *d, const pid_t *pid, unsigned nr, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < nr; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", pid[i]);
        rc = cgroup_write(d, "cgroup.procs", text, e);
        if (rc == -ESRCH) /* it has ended */
            rc = 0;
    }
    return rc;
}

int cgroup_complete(struct cgroup *g, const struct resources *r, struct err *e)
{
    OWN_MEM pid_t *pid = NULL;
    unsigned nr = 0;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < g->nr; i++) {
        struct cgroup_dir *d = &g->dir[i];
        if (d->there || d->v2 || !wanted(d, r) || !mounted(d))
            continue;
        rc = pid ? 0 : cgroup_pids(g, &pid, &nr, e);
        if (rc == 0 && (rc = make_path(d)) < 0)
            err_code(e, rc, "cgroup: make %s", d->path);
        d->there = rc >= 0;
        if (rc >= 0)
            rc = move_all(d, pid, nr, e);
    }
    return rc;
}

/* ---- joining ---- */

int cgroup_entry_open(const struct cgroup *g, struct cgroup_entry *ret, struct err *e)
{
    struct cgroup_entry n = {.v2 = -1};
    int rc = 0;
    for (unsigned i = 0; i < CGROUP_DIRS; i++)
        n.tasks[i] = -1;
    for (unsigned i = 0; i < g->nr && rc == 0; i++) {
        const struct cgroup_dir *d = &g->dir[i];
        char path[400];
        (void)file_of(d, "tasks", path, sizeof(path));
        if (!d->there)
            continue;
        int fd = d->v2 ? open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC) : open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            rc = err_sys(e, "cgroup: open %s", d->v2 ? d->path : path);
        else if (d->v2)
            n.v2 = fd;
        else
            n.tasks[i] = fd;
    }
    *ret = n;
    return rc;
}

int cgroup_entry_join(const struct cgroup_entry *n, struct err *e)
{
    for (unsigned i = 0; i < CGROUP_DIRS; i++)
        if (n->tasks[i] >= 0 && write(n->tasks[i], "0", 1) < 0)
            return err_sys(e, "cgroup: join");
    return 0;
}

void cgroup_entry_close(struct cgroup_entry *n)
{
    for (unsigned i = 0; i < CGROUP_DIRS; i++)
        own_fd(&n->tasks[i]);
    own_fd(&n->v2);
}
