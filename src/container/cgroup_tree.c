// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_tree: a cgroup with all that a container made below it: listing, freezing, ending, removing.
 *
 * Threads: none; a container may fork or make cgroups meanwhile, so each of these walks until nothing
 * changes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup.h"

static void sleep_ms(unsigned ms)
{
    (void)poll(NULL, 0, (int)ms);
}

/* fn for path and each folder below, the deepest first; 0 or the first error. */
static int walk(const char *path, int (*fn)(const char *path, void *ctx), void *ctx, unsigned depth)
{
    DIR *d = depth < 64 ? opendir(path) : NULL;
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(d))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        OWN_MEM char *sub = path_make("%s/%s", path, entry->d_name);
        rc = sub ? walk(sub, fn, ctx, depth + 1) : -ENOMEM;
    }
    closedir(d);
    return rc < 0 ? rc : fn(path, ctx);
}

/* ---- processes ---- */

struct pid_list {
    const char *file; /* cgroup.procs or, with threads, another */
    pid_t *pid;
    unsigned nr, cap;
};

static int add_pid(struct pid_list *l, pid_t pid)
{
    for (unsigned i = 0; i < l->nr; i++)
        if (l->pid[i] == pid)
            return 0;
    if (l->nr == l->cap) {
        unsigned cap = l->cap ? 2 * l->cap : 64;
        pid_t *more = realloc(l->pid, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        l->pid = more;
        l->cap = cap;
    }
    l->pid[l->nr++] = pid;
    return 0;
}

static int read_pids(const char *path, void *ctx)
{
    const struct pid_list *l = ctx;
    OWN_MEM char *file = path_make("%s/%s", path, l->file), *text = NULL;
    int rc = file ? file_read(file, 16 << 20, &text, NULL, NULL) : -ENOMEM;
    if (rc < 0)
        return rc == -ENOENT || rc == -ENODEV || rc == -EOPNOTSUPP ? 0 : rc;
    for (char *rest = text, *line; rc == 0 && (line = strsep(&rest, "\n"));)
        if (*line && atoi(line) > 0)
            rc = add_pid(ctx, atoi(line));
    return rc;
}

bool cgroup_dir_busy(const struct cgroup_dir *d)
{
    struct pid_list l = {.file = "cgroup.procs"};
    int rc = walk(d->path, read_pids, &l, 0);
    free(l.pid);
    return rc < 0 || l.nr > 0;
}

/* Where processes are looked up: the freezer's hierarchy, for `kill` and `pause` see the same ones then. */
static const struct cgroup_dir *processes_dir(const struct cgroup *g)
{
    const struct cgroup_dir *d = cgroup_with(g, "freezer");
    for (unsigned i = g->nr; !d && i > 0; i--)
        d = g->dir[i - 1].there ? &g->dir[i - 1] : NULL;
    return d;
}

int cgroup_pids(const struct cgroup *g, pid_t **ret, unsigned *ret_nr, struct err *e)
{
    const struct cgroup_dir *d = processes_dir(g);
    struct pid_list l = {.file = "cgroup.procs"};
    int rc = d ? walk(d->path, read_pids, &l, 0) : 0;
    if (rc < 0) {
        free(l.pid);
        return err_code(e, rc, "cgroup: list the processes of %s", d->path);
    }
    *ret = l.pid;
    *ret_nr = l.nr;
    return 0;
}

int cgroup_count_tasks(const struct cgroup *g)
{
    const struct cgroup_dir *d = processes_dir(g);
    struct pid_list l = {.file = d && d->v2 ? "cgroup.threads" : "tasks"};
    int rc = d ? walk(d->path, read_pids, &l, 0) : -ENOENT;
    free(l.pid);
    return rc < 0 ? rc : (int)l.nr;
}

/* ---- freezing ---- */

static const struct cgroup_dir *freezer(const struct cgroup *g, bool *ret_v2)
{
    const struct cgroup_dir *d = cgroup_with(g, "freezer");
    *ret_v2 = false;
    if (d)
        return d;
    d = g->nr ? &g->dir[g->nr - 1] : NULL;
    *ret_v2 = true;
    return d && d->v2 && d->there ? d : NULL;
}

const struct cgroup_dir *cgroup_freezer(const struct cgroup *g)
{
    bool v2;
    return freezer(g, &v2);
}

static bool frozen_now(const struct cgroup_dir *d, bool v2, bool *ret)
{
    char text[512];
    if (!cgroup_read(d, v2 ? "cgroup.events" : "freezer.state", text, sizeof(text)))
        return false;
    *ret = v2 ? strstr(text, "frozen 1") != NULL : strcmp(text, "FROZEN") == 0;
    return true;
}

bool cgroup_frozen(const struct cgroup *g)
{
    bool v2, is = false;
    const struct cgroup_dir *d = freezer(g, &v2);
    return d && frozen_now(d, v2, &is) && is;
}

int cgroup_freeze(const struct cgroup *g, bool frozen, struct err *e)
{
    bool v2, is;
    const struct cgroup_dir *d = freezer(g, &v2);
    const char *file = v2 ? "cgroup.freeze" : "freezer.state";
    const char *on = v2 ? "1" : "FROZEN", *off = v2 ? "0" : "THAWED";
    if (!d)
        return err_set(e, -EOPNOTSUPP, "this container has no cgroup that could be frozen");
    /* v1 can stick half frozen while processes fork: thawing for a moment and trying again helps. */
    for (unsigned tries = 0; tries < 500; tries++) {
        int rc = cgroup_write(d, file, frozen ? on : off, e);
        if (rc < 0)
            return rc;
        if (!frozen_now(d, v2, &is))
            return err_set(e, -EIO, "cgroup: cannot read %s/%s", d->path, file);
        if (is == frozen)
            return 0;
        if (!v2 && frozen && tries % 50 == 49)
            (void)cgroup_write(d, file, off, NULL);
        sleep_ms(tries < 10 ? 1 : 10);
    }
    (void)cgroup_write(d, file, off, NULL);
    return err_set(e, -ETIMEDOUT, "the processes of the container could not be %s",
                   frozen ? "frozen" : "thawed");
}

/* ---- signals ---- */

static bool kill_file(const struct cgroup *g)
{
    const struct cgroup_dir *d = g->nr ? &g->dir[g->nr - 1] : NULL;
    return g->pure_v2 && d->there && cgroup_write(d, "cgroup.kill", "1", NULL) == 0;
}

int cgroup_signal(const struct cgroup *g, int sig, struct err *e)
{
    OWN_MEM pid_t *pid = NULL;
    unsigned nr;
    if (sig == SIGKILL && kill_file(g))
        return 0;
    /* Frozen, no process can fork away from the list. */
    bool was = cgroup_frozen(g), hold = !was && cgroup_freeze(g, true, NULL) == 0;
    int rc = cgroup_pids(g, &pid, &nr, e);
    for (unsigned i = 0; rc == 0 && i < nr; i++)
        if (kill(pid[i], sig) < 0 && errno != ESRCH)
            rc = err_sys(e, "signal process %d", pid[i]);
    if (hold || (was && sig == SIGKILL))
        (void)cgroup_freeze(g, false, NULL);
    return rc;
}

/* ---- removal ---- */

static int remove_one(const char *path, void *ctx)
{
    (void)ctx;
    return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_dir(const struct cgroup_dir *d)
{
    if (rmdir(d->path) == 0 || errno == ENOENT)
        return 0;
    return walk(d->path, remove_one, NULL, 0);
}

/* Who is still in there is killed; what was there is waited for a little. */
static int remove_busy(const struct cgroup *g, const struct cgroup_dir *d)
{
    int rc = -EBUSY;
    for (unsigned waited = 0, ms = 1; rc == -EBUSY && waited < 2000; waited += ms) {
        (void)cgroup_signal(g, SIGKILL, NULL);
        sleep_ms(ms);
        ms = ms < 16 ? 2 * ms : ms;
        rc = remove_dir(d);
    }
    return rc;
}

int cgroup_remove(const struct cgroup *g, bool kill, struct err *e)
{
    for (unsigned i = g->nr; i > 0; i--) {
        const struct cgroup_dir *d = &g->dir[i - 1];
        int rc = d->there ? remove_dir(d) : 0;
        if (rc == -EBUSY && kill)
            rc = remove_busy(g, d);
        if (rc < 0)
            return err_code(e, rc, "cgroup: remove %s", d->path);
    }
    return 0;
}
