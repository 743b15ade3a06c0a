// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec: see exec.h. The new process joins the namespaces of the container's first one, found through a pidfd
 * so that nobody else can stand in for it.
 *
 * Until its program runs it is a process of the runtime inside the container: not dumpable, with the
 * runtime's executable out of reach (self.h), and without descriptors of the host that it does not need.
 */
#include "container/exec.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "container/exec_machine.h"
#include "container/fdpass.h"
#include "container/foreground.h"
#include "container/ns.h"
#include "container/pid_file.h"
#include "container/process.h"
#include "container/spawn.h"
#include "container/sync.h"
#include "container/terminal.h"

struct entering {
    const struct exec_job *j;
    const struct exec_options *o;
    const struct state *s;
    struct cgroup_entry entry;
    struct seccomp_filter seccomp;
    int pidfd, proc, console, sync[2];
    int ns_flags;
    bool set_groups;
    pid_t pid;
    int master;
};

static void entering_fini(struct entering *n)
{
    cgroup_entry_close(&n->entry);
    seccomp_filter_fini(&n->seccomp);
    own_fd(&n->pidfd);
    own_fd(&n->proc);
    own_fd(&n->console);
    own_fd(&n->sync[0]);
    own_fd(&n->sync[1]);
    own_fd(&n->master);
}
#define OWN_ENTERING __attribute__((cleanup(entering_fini))) struct entering

/* ---- inside ---- */

_Noreturn static void give_up(const struct entering *n, const struct err *e)
{
    (void)sync_send(n->sync[1], SYNC_FAILED, e->code, e->text, -1);
    _exit(1);
}

static int join(const struct entering *n, int flags, struct err *e)
{
    if (flags && setns(n->pidfd, flags) < 0)
        return err_sys(e, "join the namespaces of container %s", n->s->id);
    if ((flags & CLONE_NEWUSER) && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
        return err_sys(e, "become root of the user namespace");
    /* Without a mount namespace of its own the container's root is a folder. */
    if (!(n->ns_flags & CLONE_NEWNS) && (chdir(n->s->rootfs) < 0 || chroot(".") < 0))
        return err_sys(e, "chroot to %s", n->s->rootfs);
    return 0;
}

static int terminal(const struct entering *n, struct err *e)
{
    int slave = -1;
    if (!n->j->p.terminal)
        return 0;
    OWN_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN_FD master = terminal_make(root, &n->j->p, false, &slave, e);
    if (master < 0)
        return master;
    int rc = terminal_deliver(n->console, n->sync[1], master, e);
    if (rc == 0)
        rc = terminal_take(slave, e);
    close(slave);
    return rc;
}

static int prepare(const struct entering *n, char **ret_file, struct err *e)
{
    const struct process_config *p = &n->j->p;
    const struct process_setup s = {
        .p = p,
        .seccomp = &n->seccomp,
        .proc = n->proc,
        .sync = n->sync[1],
        .personality = n->j->container.personality,
        .preserve_fds = n->o->preserve_fds,
        .set_groups = n->set_groups,
    };
    if (setsid() < 0)
        return err_sys(e, "make a session");
    int rc = terminal(n, e);
    if (rc == 0)
        rc = process_affinity(p->cpu_affinity_final, "final", e);
    if (rc == 0)
        rc = process_become(&s, e);
    return rc < 0 ? rc : process_find(p, ret_file, e);
}

/* flags: what is still to be joined. */
_Noreturn static void enter(struct entering *n, int flags)
{
    struct err e = {0};
    char *file = NULL;
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_DUMPABLE, 0);
    own_fd(&n->sync[0]); /* so that the end of the runtime is seen */
    int rc = process_affinity(n->j->p.cpu_affinity_initial, "initial", &e);
    if (rc == 0)
        rc = cgroup_entry_join(&n->entry, &e);
    cgroup_entry_close(&n->entry);
    if (rc == 0)
        rc = join(n, flags, &e);
    own_fd(&n->pidfd);
    if (rc == 0)
        rc = prepare(n, &file, &e);
    if (rc < 0)
        give_up(n, &e);
    process_close_on_exec(n->o->preserve_fds);
    process_exec(file, &n->j->p, -1, n->o->preserve_fds, &e);
    give_up(n, &e);
}

/* For an ordinary user: only inside the user namespace may the pid namespace be joined. */
_Noreturn static void detour(struct entering *n)
{
    struct err e = {0};
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) < 0 || join(n, n->ns_flags, &e) < 0)
        give_up(n, &e);
    pid_t pid = ns_clone(CLONE_PARENT, -1);
    if (pid == 0) {
        char none;
        close(pipes[1]);
        (void)!read(pipes[0], &none, 1);
        n->ns_flags |= CLONE_NEWNS; /* the root is the right one already */
        enter(n, 0);
    }
    if (pid < 0) {
        err_sys(&e, "clone");
        give_up(n, &e);
    }
    (void)sync_send(n->sync[1], SYNC_CHILD, pid, NULL, -1);
    _exit(0);
}

/* ---- outside ---- */

static int namespaces(const struct config *c)
{
    int flags = 0;
    for (int i = 0; i < NS_KINDS; i++)
        if (c->ns[i].there)
            flags |= ns_clone_flag((enum ns_kind)i);
    return flags;
}

static int clone_process(struct entering *n, struct err *e)
{
    bool pid_ns = n->ns_flags & CLONE_NEWPID, joined = pid_ns && setns(n->pidfd, CLONE_NEWPID) == 0;
    n->pid = ns_clone(0, n->entry.v2);
    if (n->pid < 0)
        return err_sys(e, "clone");
    if (n->pid > 0)
        return 0;
    if (pid_ns && !joined)
        detour(n);
    enter(n, n->ns_flags & ~CLONE_NEWPID);
}

static int answer(struct entering *n, const struct sync_msg *m, int fd, struct err *e)
{
    int rc;
    switch (m->kind) {
    case SYNC_FAILED:
        return err_set(e, m->value < 0 ? m->value : -EIO, "%s", m->text);
    case SYNC_WARNING:
        log_warn("%s", m->text);
        return 1;
    case SYNC_CHILD:
        (void)waitpid(n->pid, NULL, 0);
        n->pid = m->value;
        return 1;
    case SYNC_CONSOLE:
        n->master = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return 1;
    case SYNC_NOTIFY:
        rc = spawn_notify(&n->seccomp, n->s, STATUS_RUNNING, n->pid, fd, e);
        if (rc == 0 && (rc = sync_send(n->sync[0], SYNC_GO, 0, NULL, -1)) < 0)
            err_set(e, rc, "the process was ended before it began");
        return rc < 0 ? rc : 1;
    default:
        return err_set(e, -EPROTO, "the process says nonsense");
    }
}

static int serve(struct entering *n, struct err *e)
{
    int rc = process_oom_score(n->pid, &n->j->p, e);
    if (rc == 0)
        rc = rdt_join(&n->s->rdt, n->pid, e);
    while (rc >= 0) {
        struct sync_msg m;
        int fd = -1;
        rc = sync_recv(n->sync[0], &m, &fd);
        OWN_FD owned = fd;
        if (rc == 0)
            return 0; /* closed by exec */
        rc = rc < 0 ? err_code(e, rc, "listen to the process") : answer(n, &m, owned, e);
    }
    return rc;
}

static int open_all(const char *root, struct entering *n, const struct cgroup *g, struct err *e)
{
    const struct process_config *p = &n->j->p;
    n->pidfd = (int)syscall(SYS_pidfd_open, n->s->pid, 0);
    if (n->pidfd < 0 || !state_alive(n->s))
        return err_set(e, -ESRCH, "container %s is not running", n->s->id);
    n->ns_flags = namespaces(&n->j->container) | (n->s->restored ? CLONE_NEWTIME : 0);
    n->set_groups = ns_may_set_groups(&n->j->container);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, n->sync) < 0)
        return err_sys(e, "socket pair");
    if ((p->apparmor && *p->apparmor) || (p->selinux && *p->selinux))
        n->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = cgroup_entry_open(g, &n->entry, e);
    if (rc == 0 && n->o->console_socket) {
        n->console = unix_connect(n->o->console_socket, SOCK_STREAM, e);
        rc = n->console < 0 ? err_wrap(e, "--console-socket") : 0;
    }
    return rc < 0 ? rc : seccomp_prepare(&n->j->container, root, &n->seccomp, e);
}

static int check(const struct exec_options *o, const struct exec_job *j, struct err *e)
{
    if (j->p.terminal && o->detach && !o->console_socket)
        return err_set(e, -EINVAL,
                       "a terminal needs --console-socket with --detach, as nobody stays to serve it");
    return 0;
}

static int launch(const char *root, struct entering *n, const struct cgroup *g, struct err *e)
{
    int rc = open_all(root, n, g, e);
    if (rc < 0)
        return rc;
    if (!n->o->detach)
        foreground_hold_signals();
    rc = clone_process(n, e);
    close(n->sync[1]);
    n->sync[1] = -1;
    if (rc == 0)
        rc = serve(n, e);
    if (rc == 0 && n->o->pid_file)
        rc = pid_file_write(n->o->pid_file, n->pid, e);
    if (rc < 0 && n->pid > 0) {
        kill(n->pid, SIGKILL);
        (void)waitpid(n->pid, NULL, 0);
    }
    return rc;
}

static int open_container(const char *root, const char *id, const struct exec_options *o, struct state *s,
                          struct cgroup *g, int *ret_dir, struct err *e)
{
    int rc = container_open(root, id, s, g, ret_dir, e);
    if (rc < 0)
        return rc;
    enum status is = state_status(s, *ret_dir, g);
    if (is == STATUS_STOPPED || is == STATUS_CREATING || (is == STATUS_PAUSED && !o->ignore_paused))
        return err_set(e, -EBUSY, "container %s is %s", id, status_name(is));
    for (unsigned i = 0; rc == 0 && i < o->nr_cgroups; i++)
        rc = *o->cgroups[i] ? cgroup_below(g, o->cgroups[i], e) : 0;
    return rc < 0 ? err_wrap(e, "--cgroup") : 0;
}

int container_exec(const char *root, const char *id, const struct exec_options *o, struct err *e)
{
    OWN_STATE s = {0};
    OWN_EXEC_JOB j = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    int rc = open_container(root, id, o, &s, &g, &dir, e);
    if (rc == 0 && s.machine)
        return exec_machine(&s, dir, o, e);
    if (rc == 0)
        rc = exec_job_load(root, id, o, &j, e);
    if (rc == 0)
        rc = check(o, &j, e);
    if (rc < 0)
        return rc;
    OWN_ENTERING n = {
        .j = &j, .o = o, .s = &s, .pidfd = -1, .proc = -1, .console = -1, .sync = {-1, -1}, .master = -1};
    for (unsigned i = 0; i < CGROUP_DIRS; i++)
        n.entry.tasks[i] = -1;
    n.entry.v2 = -1;
    rc = launch(root, &n, &g, e);
    return rc < 0 || o->detach ? rc : foreground_wait(n.pid, n.master, e);
}
