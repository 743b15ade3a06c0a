// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * restore: see restore.h.
 *
 * criu becomes a child of ours in the container's cgroups and in a mount namespace of its own, in which the
 * root is a mount as criu wants it, so that nothing of that is to be seen or left on the host. The processes
 * that it makes are our children too.
 */
#include "container/restore.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/inroot.h"
#include "container/criu_request.h"
#include "container/criu_streams.h"
#include "container/hooks.h"
#include "container/mount.h"
#include "container/outside.h"
#include "container/terminal.h"
#include "container/wire.h"

#define LOG "restore.log"

struct restoring {
    struct launch *l;
    const struct criu_options *o;
    char *root; /* where criu finds the root: a folder beside the state */
    pid_t pid;  /* the container's process, once it is there */
    int master; /* of its terminal, if nobody else takes it */
    struct criu_dirs dirs;
    int keep[4];
    unsigned nr_keep;
};

/* ---- in criu's process ---- */

/* Is there a file system in front of it, whose files come back with it? */
static bool covered(const struct config *c, const char *target)
{
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        const struct mount_config *m = &c->mounts[i];
        size_t len = strlen(m->target);
        if (!m->bind && strncmp(target, m->target, len) == 0 && target[len] == '/')
            return true;
    }
    return false;
}

/* A place for the mount, and its source there, as something below it may be a place too. */
static int make_place(const struct launch *l, int root, const struct mount_config *m, struct err *e)
{
    struct stat st = {.st_mode = S_IFDIR};
    OWN_FD tree = m->bind ? mount_source(m, l->state.bundle, -1, e) : -1;
    if (m->bind && (tree < 0 || fstat(tree, &st) < 0))
        return tree < 0 ? tree : err_sys(e, "its source");
    OWN_FD target = S_ISDIR(st.st_mode) ? inroot_make_dir(root, m->target, 0755)
                                        : inroot_make_file(root, m->target, 0644);
    if (target < 0)
        return err_code(e, target, "make it");
    int rc = m->bind ? mount_attach(tree, target) : 0;
    return rc < 0 ? err_code(e, rc, "attach") : 0;
}

static int make_places(const struct restoring *r, struct err *e)
{
    const struct config *c = r->l->c;
    if (unshare(CLONE_NEWNS) < 0)
        return err_sys(e, "make a mount namespace");
    OWN_FD root = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "%s", r->root);
    for (unsigned i = 0; i < c->nr_mounts; i++)
        if (!covered(c, c->mounts[i].target) && make_place(r->l, root, &c->mounts[i], e) < 0)
            return err_wrap(e, "mounts[%u]: mount %s", i, c->mounts[i].target);
    return 0;
}

/* In a process that ends right away, and its mounts with it. */
static int places(const struct restoring *r, struct err *e)
{
    int pipes[2];
    struct err why;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        if (make_places(r, &why) < 0)
            (void)!write(pipes[1], &why, sizeof(why));
        _exit(0);
    }
    close(pipes[1]);
    OWN_FD heard = pipes[0];
    if (pid < 0)
        return err_sys(e, "fork");
    int rc = read(heard, &why, sizeof(why)) == sizeof(why) ? err_set(e, why.code, "%s", why.text) : 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

/* A folder under its number again, but as part of this namespace: criu mounts below it. */
static int reopen(int fd, const char *path, struct err *e)
{
    OWN_FD again = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return again < 0 || dup2(again, fd) < 0 ? err_sys(e, "%s", path) : 0;
}

static int prepare(void *ctx, struct err *e)
{
    const struct restoring *r = ctx;
    int rc = cgroup_entry_join(&r->l->entry, e);
    if (rc < 0 || !r->l->c->ns[NS_MNT].there)
        return rc;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return err_sys(e, "make a mount namespace");
    if (mount(r->l->rootfs, r->root, NULL, MS_BIND | MS_REC, NULL) < 0)
        return err_sys(e, "bind %s", r->l->rootfs);
    rc = reopen(r->dirs.images, r->o->image_path, e);
    if (rc == 0 && r->dirs.work >= 0)
        rc = reopen(r->dirs.work, r->o->work_path, e);
    return rc < 0 ? rc : places(r, e);
}

/* ---- the request ---- */

/* Where criu is, so are the cgroups of the container: relative ones begin there. "4:cpu,cpuacct:/path" */
static int cgroup_roots(pid_t criu, struct buf *opts, struct err *e)
{
    char path[40];
    OWN_MEM char *text = NULL;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", criu);
    int rc = file_read(path, 65536, &text, NULL, e);
    for (char *rest = text, *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        char *names = strchr(line, ':'), *at = names ? strchr(names + 1, ':') : NULL;
        if (!at)
            continue;
        *at++ = 0;
        names++;
        for (char *name; (name = strsep(&names, ","));) {
            OWN_BUF b = {0};
            wire_text(&b, 1, name);
            wire_text(&b, 2, at);
            wire_part(opts, CRIU_CG_ROOT, &b);
        }
    }
    return rc;
}

static int describe(struct restoring *r, struct buf *opts, struct err *e)
{
    const struct launch *l = r->l;
    int rc = criu_request(r->o, &r->dirs, l->c, LOG, opts, e);
    wire_number(opts, CRIU_EVASIVE_DEVICES, 1);
    wire_number(opts, CRIU_RST_SIBLING, 1);
    wire_text(opts, CRIU_ROOT, r->root);
    r->keep[r->nr_keep++] = r->dirs.images;
    if (r->dirs.work >= 0)
        r->keep[r->nr_keep++] = r->dirs.work;
    if (rc == 0)
        rc = criu_streams_inherit(r->o->image_path, opts, e);
    return rc < 0
               ? rc
               : outside_of_restored(l->c, &l->cgroup, l->state.bundle, l->ns, opts, r->keep, &r->nr_keep, e);
}

/* ---- what criu tells meanwhile ---- */

static int run_hooks(struct restoring *r, pid_t pid, struct err *e)
{
    struct state s = r->l->state;
    s.pid = pid;
    int rc = hooks_run(r->l->c, HOOK_PRESTART, &s, STATUS_CREATED, e);
    return rc < 0 ? rc : hooks_run(r->l->c, HOOK_CREATE_RUNTIME, &s, STATUS_CREATED, e);
}

static int terminal(struct restoring *r, int master, struct err *e)
{
    if (master < 0)
        return err_set(e, -EPROTO, "criu sent no terminal");
    if (r->l->console >= 0)
        return terminal_hand_over(r->l->console, master, e);
    own_fd(&r->master);
    r->master = fcntl(master, F_DUPFD_CLOEXEC, 3);
    return r->master < 0 ? err_sys(e, "terminal") : 0;
}

static int become_known(struct restoring *r, pid_t pid, struct err *e)
{
    r->pid = r->l->state.pid = pid;
    r->l->state.restored = true;
    int rc = rdt_start(&r->l->c->rdt, r->l->state.id, pid, &r->l->state.rdt, e);
    return rc < 0 ? rc : state_write(r->l->state_dir, &r->l->state, e);
}

static int notified(void *ctx, const struct criu_answer *a, int fd, struct err *e)
{
    struct restoring *r = ctx;
    if (strcmp(a->script, "setup-namespaces") == 0)
        return run_hooks(r, a->pid, e);
    if (strcmp(a->script, "post-restore") == 0)
        return become_known(r, a->pid, e);
    if (strcmp(a->script, "orphan-pts-master") == 0)
        return terminal(r, fd, e);
    return 0;
}

/* ---- */

static int ask(struct restoring *r, struct buf *opts, struct err *e)
{
    OWN_CRIU criu = {.sock = -1};
    struct criu_answer a;
    const struct criu_setup setup = {
        .keep = r->keep, .nr_keep = r->nr_keep, .cgroup = r->l->entry.v2, .prepare = prepare, .ctx = r};
    int rc = criu_start(&setup, &criu, e);
    if (rc == 0)
        rc = cgroup_roots(criu.pid, opts, e);
    if (rc == 0)
        rc = criu_ask(&criu, CRIU_RESTORE, opts, notified, r, &a, e);
    if (rc == 0 && !a.success)
        rc = criu_failed(&a, r->dirs.log, LOG, e);
    if (rc == 0 && r->pid <= 0)
        rc = err_set(e, -EPROTO, "criu did not say which process it made");
    return rc;
}

static void bury(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void restoring_fini(struct restoring *r)
{
    criu_dirs_fini(&r->dirs);
    own_fd(&r->master);
    (void)rmdir(r->root);
    free(r->root);
}

static int restore(struct restoring *r, struct err *e)
{
    OWN_BUF opts = {0};
    int rc = criu_check(false, r->o->lazy_pages, e);
    if (rc == 0)
        rc = criu_dirs_open(r->o, false, &r->dirs, e);
    if (rc == 0 && mkdir(r->root, 0755) < 0)
        rc = err_sys(e, "%s", r->root);
    if (rc == 0)
        rc = describe(r, &opts, e);
    return rc < 0 ? rc : ask(r, &opts, e);
}

int restore_init(struct launch *l, const struct criu_options *o, struct spawned *ret, struct err *e)
{
    __attribute__((cleanup(restoring_fini))) struct restoring r = {
        .l = l, .o = o, .master = -1, .dirs = {.images = -1, .work = -1}};
    r.root = state_file(l->root, l->state.id, "root");
    int rc = restore(&r, e);
    if (rc < 0 && r.pid > 0)
        bury(r.pid);
    if (rc == 0)
        *ret = (struct spawned){.pid = r.pid, .master = take_fd(&r.master)};
    return rc;
}
