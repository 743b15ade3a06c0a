// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * init: a container's first process between clone and exec.
 *
 * It starts as a copy of the runtime in new namespaces, puts the container together around itself and becomes
 * its program. Whatever fails is told to the runtime in one line, which then undoes what it did.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/container.h"
#include "container/hooks.h"
#include "container/launch.h"
#include "container/ns.h"
#include "container/process.h"
#include "container/rootfs.h"
#include "container/sync.h"
#include "container/terminal.h"

static void fresh_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        if (i != SIGKILL && i != SIGSTOP)
            (void)signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- namespaces ---- */

static int become_root(struct err *e)
{
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(e, "become root of the user namespace");
    return 0;
}

static int user_space(const struct launch *l, struct err *e)
{
    if (l->passed_by >= 0) { /* an intermediate process has seen to it; it tells who we are, then ends */
        char none;
        (void)!read(l->passed_by, &none, 1);
        return 0;
    }
    if (!l->c->ns[NS_USER].there)
        return 0;
    int rc = sync_ask(l->sync, SYNC_NEED_MAPS, -1);
    rc = rc < 0 ? err_code(e, rc, "wait for the ID maps") : become_root(e);
    /* Its message queues belong to who makes it, so not before we are that root. */
    if (rc == 0 && l->c->ns[NS_IPC].there && !l->c->ns[NS_IPC].path && unshare(CLONE_NEWIPC) < 0)
        rc = err_sys(e, "make an ipc namespace");
    return rc;
}

static int own_cgroup(const struct launch *l, struct err *e)
{
    int rc = cgroup_entry_join(&l->entry, e);
    const struct ns_config *ns = &l->c->ns[NS_CGROUP];
    if (rc == 0 && ns->there && !ns->path && unshare(CLONE_NEWCGROUP) < 0)
        rc = err_sys(e, "make a cgroup namespace");
    return rc;
}

static int sysctls(const struct launch *l, struct err *e)
{
    const struct config *c = l->c;
    for (unsigned i = 0; i < c->nr_sysctls; i++) {
        char path[280] = "sys/";
        snprintf(path + 4, sizeof(path) - 4, "%s", c->sysctls[i].name);
        if (!strchr(path + 4, '/'))
            for (char *p = path; *p; p++)
                if (*p == '.')
                    *p = '/';
        int rc = inroot_write_plain(l->proc, path, c->sysctls[i].text);
        if (rc < 0)
            return err_code(e, rc, "linux.sysctl.%s: write \"%.80s\"", c->sysctls[i].name,
                            c->sysctls[i].text);
    }
    return 0;
}

static int names(const struct launch *l, struct err *e)
{
    const struct config *c = l->c;
    const struct ns_config *net = &c->ns[NS_NET];
    if (c->hostname && *c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
        return err_sys(e, "hostname: set %s", c->hostname);
    if (c->domainname && *c->domainname && setdomainname(c->domainname, strlen(c->domainname)) < 0)
        return err_sys(e, "domainname: set %s", c->domainname);
    if (net->there && !net->path)
        (void)ns_loopback_up(); /* a network without it is of use too */
    return sysctls(l, e);
}

static int spaces(const struct launch *l, struct err *e)
{
    int rc = user_space(l, e);
    if (rc == 0 && l->passed_by < 0)
        rc = ns_join_rest(l->ns, e);
    if (rc == 0)
        rc = own_cgroup(l, e);
    return rc < 0 ? rc : names(l, e);
}

/* ---- the root ---- */

static int keyring(const struct launch *l, struct err *e)
{
    if (l->no_new_keyring)
        return 0;
    char name[220];
    snprintf(name, sizeof(name), "_ses.%s", l->state.id);
    long rc = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
    if (rc < 0 && errno != ENOSYS && errno != EDQUOT && errno != EPERM)
        return err_sys(e, "make a session keyring");
    return 0;
}

static bool hooks_wait(const struct launch *l)
{
    return l->c->hooks[HOOK_PRESTART].nr || l->c->hooks[HOOK_CREATE_RUNTIME].nr;
}

static int hooks_before_root(const struct launch *l, struct err *e)
{
    int rc = hooks_wait(l) ? sync_ask(l->sync, SYNC_NS_READY, -1) : 0;
    if (rc < 0)
        return err_code(e, rc, "wait for the hooks");
    return hooks_run(l->c, HOOK_CREATE_CONTAINER, &l->state, STATUS_CREATING, e);
}

static int terminal(const struct launch *l, int root, int *ret_slave, struct err *e)
{
    if (!l->c->process.terminal)
        return 0;
    OWN_FD master = terminal_make(root, &l->c->process, true, ret_slave, e);
    return master < 0 ? master : terminal_deliver(l->console, l->sync, master, e);
}

static int root(const struct launch *l, int *ret_slave, struct err *e)
{
    if (!l->c->ns[NS_MNT].there) { /* the host's mounts stay as they are; the root is a mere folder */
        int rc = hooks_before_root(l, e);
        if (rc == 0 && (chdir(l->rootfs) < 0 || chroot(".") < 0))
            rc = err_sys(e, "chroot to %s", l->rootfs);
        return rc;
    }
    OWN_FD fd = rootfs_build(l, e);
    if (fd < 0)
        return fd;
    int rc = hooks_before_root(l, e);
    if (rc == 0)
        rc = terminal(l, fd, ret_slave, e);
    return rc < 0 ? rc : rootfs_enter(l, fd, e);
}

/* ---- the process ---- */

/*
 * A program must not begin before its state is written: should the runtime be ended first, nobody could find
 * it. By now that is long done, as a rule.
 */
static int wait_until_known(const struct launch *l, struct err *e)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char none;
    while (faccessat(l->state_dir, "state.json", F_OK, 0) < 0) {
        ssize_t n = recv(l->sync, &none, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return err_set(e, -EPIPE, "the runtime has ended");
        nanosleep(&pause, NULL);
    }
    return 0;
}

/*
 * /dev/null as a standard stream is the host's file: put the container's own in its place, so that no process
 * holds a file of a mount which the container has not got.
 */
static int own_null(struct err *e)
{
    struct stat st;
    OWN_FD null = -1;
    for (int i = 0; i < 3; i++) {
        if (fstat(i, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
            continue;
        if (null < 0)
            null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || fstat(null, &st) < 0 || st.st_rdev != makedev(1, 3))
            return 0; /* it has none, or its own idea of one */
        if (dup2(null, i) < 0)
            return err_sys(e, "standard streams");
    }
    return 0;
}

static int prepare(const struct launch *l, int slave, char **ret_file, struct err *e)
{
    const struct process_setup s = {
        .p = &l->c->process,
        .seccomp = &l->seccomp,
        .proc = l->proc,
        .sync = l->sync,
        .personality = l->c->personality,
        .preserve_fds = l->preserve_fds,
        .set_groups = l->set_groups,
        .landlock = l->landlock,
        .landlock_abstract = l->landlock_abstract,
    };
    int rc = keyring(l, e);
    if (setsid() < 0 && errno != EPERM)
        rc = err_sys(e, "make a session");
    if (rc == 0 && slave >= 0)
        rc = terminal_take(slave, e);
    if (rc == 0 && l->c->ns[NS_MNT].there)
        rc = own_null(e);
    if (rc == 0)
        rc = process_become(&s, e);
    return rc < 0 ? rc : process_find(&l->c->process, ret_file, e);
}

/*
 * Only the socket stays open, and the program of init: what else we hold would be there for `exec` to find.
 * Returns the socket's new number.
 */
static int close_others(const struct launch *l, int *init)
{
    int keep = 3 + (int)l->preserve_fds, high = *init < 0 ? -1 : fcntl(*init, F_DUPFD_CLOEXEC, keep + 2);
    if (l->start != keep && dup3(l->start, keep, O_CLOEXEC) < 0)
        _exit(1);
    if (*init >= 0 && (high < 0 || dup3(high, keep + 1, O_CLOEXEC) < 0))
        _exit(1);
    *init = *init < 0 ? -1 : keep + 1;
    syscall(SYS_close_range, keep + (*init < 0 ? 1 : 2), ~0u, 0);
    return keep;
}

/* Until `start` connects; the connection then carries what goes wrong, and closes at exec. */
static int wait_for_start(int sock)
{
    int conn;
    do {
        conn = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    } while (conn < 0 && (errno == EINTR || errno == ECONNABORTED));
    close(sock);
    return conn;
}

_Noreturn static void give_up(int sock, const struct err *e)
{
    (void)sync_send(sock, SYNC_FAILED, e->code, e->text, -1);
    _exit(1);
}

_Noreturn void init_main(struct launch *l)
{
    struct err e = {0};
    int slave = -1, told = l->sync;
    char *file = NULL;
    int own = l->init;
    fresh_signals();
    l->state.pid = getpid();
    int rc = spaces(l, &e);
    if (rc == 0)
        rc = root(l, &slave, &e);
    if (rc == 0)
        rc = wait_until_known(l, &e);
    if (rc == 0)
        rc = prepare(l, slave, &file, &e);
    if (rc < 0)
        give_up(told, &e);
    process_close_on_exec(l->preserve_fds);
    if (l->start >= 0) {
        if (sync_send(told, SYNC_READY, 0, NULL, -1) < 0)
            _exit(1);
        told = wait_for_start(close_others(l, &own));
    }
    rc = hooks_run(l->c, HOOK_START_CONTAINER, &l->state, STATUS_CREATED, &e);
    if (rc == 0)
        rc = process_exec(file, &l->c->process, own, l->preserve_fds, &e);
    give_up(told, &e);
}
