// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn: see spawn.h.
 *
 * One clone3(2) makes all namespaces at once. Only where a user namespace meets namespaces that are joined by
 * a path, whose owner is another one, an intermediate process is needed: it joins with the rights it has,
 * enters or makes the user namespace, and makes the first process as its sibling (CLONE_PARENT).
 */
#include "container/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "container/fdpass.h"
#include "container/hooks.h"
#include "container/ns.h"
#include "container/process.h"
#include "container/sync.h"

static bool joins(const struct launch *l)
{
    for (int i = 0; i < NS_KINDS; i++)
        if (l->ns[i] >= 0)
            return true;
    return false;
}

static bool needs_intermediate(const struct launch *l)
{
    const struct ns_config *ns = l->c->ns;
    if (!ns[NS_USER].there || l->machine)
        return false;
    return joins(l) || (ns[NS_TIME].there && geteuid() != 0);
}

/* ---- the intermediate process ---- */

/* First with the rights of outside, then with those inside the user namespace; each may open other doors. */
static int join_both_ways(struct launch *l, struct err *e)
{
    for (int i = 0; i < NS_KINDS; i++)
        if (i != NS_USER && i != NS_MNT && l->ns[i] >= 0 &&
            setns(l->ns[i], ns_clone_flag((enum ns_kind)i)) == 0) {
            close(l->ns[i]);
            l->ns[i] = -1;
        }
    if (l->ns[NS_USER] >= 0) {
        int rc = ns_join(NS_USER, l->ns[NS_USER], e);
        if (rc < 0)
            return rc;
    } else if (unshare(CLONE_NEWUSER) < 0) {
        return err_sys(e, "make a user namespace");
    } else {
        int rc = sync_ask(l->sync, SYNC_NEED_MAPS, -1);
        if (rc < 0)
            return err_code(e, rc, "wait for the ID maps");
    }
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(e, "become root of the user namespace");
    int rc = l->ns[NS_PID] >= 0 ? ns_join(NS_PID, l->ns[NS_PID], e) : 0;
    return rc < 0 ? rc : ns_join_rest(l->ns, e);
}

static int new_time(const struct launch *l, struct err *e)
{
    if (!l->c->ns[NS_TIME].there || l->c->ns[NS_TIME].path)
        return 0;
    return unshare(CLONE_NEWTIME) < 0 ? err_sys(e, "make a time namespace") : ns_time_offsets(l->c, e);
}

_Noreturn static void intermediate(struct launch *l)
{
    struct err e = {0};
    bool joins_user = l->ns[NS_USER] >= 0;
    int pipes[2], rc = join_both_ways(l, &e);
    unsigned long flags =
        ns_new_flags(l->c) & ~(unsigned long)(CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME);
    if (rc == 0)
        rc = new_time(l, &e);
    if (rc == 0 && pipe2(pipes, O_CLOEXEC) < 0)
        rc = err_sys(&e, "pipe");
    if (joins_user) /* whoever is in it must not look into the first process before it is theirs */
        prctl(PR_SET_DUMPABLE, 0);
    pid_t pid = rc < 0 ? -1 : ns_clone(flags | CLONE_PARENT, -1);
    if (pid == 0) {
        close(pipes[1]);
        l->passed_by = pipes[0];
        init_main(l);
    }
    if (rc == 0 && pid < 0)
        err_sys(&e, "clone");
    if (pid < 0)
        (void)sync_send(l->sync, SYNC_FAILED, e.code, e.text, -1);
    else
        (void)sync_send(l->sync, SYNC_CHILD, pid, NULL, -1);
    _exit(0); /* which closes the pipe: the first process goes on */
}

/* ---- making the process ---- */

/*
 * What is a container's is made inside of the machine; the monitor itself gets a pid namespace, so that
 * nobody who looks at the container's processes sees the host's. We ourselves go on in the one we were in.
 */
static pid_t fork_machine(struct launch *l, struct err *e)
{
    OWN_FD ours = openat(l->proc, "self/ns/pid", O_RDONLY | O_CLOEXEC);
    bool apart = ours >= 0 && unshare(CLONE_NEWPID) == 0;
    pid_t pid = fork();
    if (pid == 0) {
        l->machine(l);
        _exit(1);
    }
    int rc = pid < 0 ? err_sys(e, "fork") : 0;
    if (apart && setns(ours, CLONE_NEWPID) < 0 && rc == 0) {
        kill(pid, SIGKILL);
        return err_sys(e, "go back to the pid namespace");
    }
    return rc < 0 ? rc : pid;
}

static pid_t clone_init(struct launch *l, struct err *e)
{
    bool detour = needs_intermediate(l);
    unsigned long flags = detour ? 0 : ns_new_flags(l->c) & ~(unsigned long)(CLONE_NEWCGROUP | CLONE_NEWTIME);
    if (flags & CLONE_NEWUSER)
        flags &= ~(unsigned long)CLONE_NEWIPC; /* init.c: its owner is who makes it */
    int rc = detour ? 0 : new_time(l, e);
    if (rc == 0 && !detour && l->ns[NS_PID] >= 0) /* of our children, not of us */
        rc = ns_join(NS_PID, l->ns[NS_PID], e);
    if (rc < 0)
        return rc;
    pid_t pid = ns_clone(flags, l->entry.v2);
    if (pid < 0)
        return err_sys(e, "clone");
    if (pid == 0)
        close(l->peer); /* so that the end of the runtime is seen */
    if (pid == 0 && detour)
        intermediate(l);
    if (pid == 0)
        init_main(l);
    return pid;
}

/* ---- answering ---- */

struct serving {
    struct launch *l;
    pid_t pid, first; /* the container's process; the one we cloned */
    int sock, master;
    bool known; /* pid is the container's process, and its state is written */
};

static int become_known(struct serving *v, struct err *e)
{
    v->known = true;
    v->l->state.pid = v->pid;
    int rc = process_oom_score(v->pid, &v->l->c->process, e);
    if (rc == 0)
        rc = rdt_start(&v->l->c->rdt, v->l->state.id, v->pid, &v->l->state.rdt, e);
    return rc < 0 ? rc : state_write(v->l->state_dir, &v->l->state, e);
}

static int runtime_hooks(struct serving *v, struct err *e)
{
    const struct launch *l = v->l;
    int rc = hooks_run(l->c, HOOK_PRESTART, &l->state, STATUS_CREATING, e);
    return rc < 0 ? rc : hooks_run(l->c, HOOK_CREATE_RUNTIME, &l->state, STATUS_CREATING, e);
}

static json_t *notify_state(const struct seccomp_filter *f, const struct state *s, enum status status,
                            pid_t pid)
{
    json_t *j = json_pack("{s:s, s:[s], s:i, s:o}", "ociVersion", "1.2.0", "fds", "seccompFd", "pid", pid,
                          "state", state_public(s, status));
    if (j && f->metadata)
        json_object_set_new(j, "metadata", json_string(f->metadata));
    return j;
}

int spawn_notify(const struct seccomp_filter *f, const struct state *s, enum status status, pid_t pid,
                 int listener, struct err *e)
{
    OWN(json_t) j = notify_state(f, s, status, pid);
    OWN_MEM char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    OWN_FD sock = text ? unix_connect(f->listener, SOCK_STREAM, e) : err_code(e, -ENOMEM, "state");
    if (sock < 0)
        return err_wrap(e, "linux.seccomp.listenerPath");
    int rc = fd_send(sock, text, strlen(text), &listener, 1);
    return rc < 0 ? err_code(e, rc, "linux.seccomp.listenerPath: send the listener") : 0;
}

static int write_maps(struct serving *v, struct err *e)
{
    return ns_write_maps(v->first, &v->l->c->uid_maps, &v->l->c->gid_maps, e);
}

/* 1: go on listening; 0: the process is as far as we wanted it; -errno. */
static int answer(struct serving *v, const struct sync_msg *m, int fd, struct err *e)
{
    int rc = 0;
    switch (m->kind) {
    case SYNC_FAILED:
        return err_set(e, m->value < 0 ? m->value : -EIO, "%s", m->text);
    case SYNC_WARNING:
        log_warn("%s", m->text);
        return 1;
    case SYNC_CHILD:
        v->pid = m->value;
        (void)waitpid(v->first, NULL, 0);
        rc = become_known(v, e);
        return rc < 0 ? rc : 1;
    case SYNC_READY:
        return 0;
    case SYNC_CONSOLE:
        v->master = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return 1;
    case SYNC_NEED_MAPS:
        rc = write_maps(v, e);
        break;
    case SYNC_NS_READY:
        rc = runtime_hooks(v, e);
        break;
    case SYNC_NOTIFY:
        rc = spawn_notify(&v->l->seccomp, &v->l->state, STATUS_CREATING, v->pid, fd, e);
        break;
    default:
        return err_set(e, -EPROTO, "the container's process says nonsense");
    }
    if (rc == 0 && (rc = sync_send(v->sock, SYNC_GO, 0, NULL, -1)) < 0)
        err_set(e, rc, "the container's process was ended while it was made");
    return rc < 0 ? rc : 1;
}

static int died(const struct serving *v, struct err *e)
{
    siginfo_t info = {0};
    if (v->l->start < 0 && waitid(P_PID, (id_t)v->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return 0; /* it has become its program, however that ended */
    return err_set(e, -ECHILD, "the container's process died while it was made");
}

static int serve(struct serving *v, struct err *e)
{
    for (;;) {
        struct sync_msg m;
        int fd = -1, rc = sync_recv(v->sock, &m, &fd);
        OWN_FD owned = fd;
        if (rc < 0)
            return err_code(e, rc, "listen to the container's process");
        if (rc == 0)
            return died(v, e);
        rc = answer(v, &m, owned, e);
        if (rc <= 0)
            return rc;
    }
}

void spawn_bury(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int spawn_init(struct launch *l, struct spawned *ret, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socket pair");
    l->sync = pair[1];
    l->peer = pair[0];
    struct serving v = {.l = l, .sock = pair[0], .master = -1};
    v.first = v.pid = l->machine ? fork_machine(l, e) : clone_init(l, e);
    close(pair[1]);
    int rc = v.pid < 0 ? v.pid : 0;
    if (rc == 0 && !needs_intermediate(l))
        rc = become_known(&v, e);
    if (rc == 0)
        rc = serve(&v, e);
    close(pair[0]);
    if (rc < 0) {
        if (v.pid > 0)
            spawn_bury(v.pid);
        if (v.first > 0 && v.first != v.pid)
            spawn_bury(v.first);
        own_fd(&v.master);
        return rc;
    }
    *ret = (struct spawned){.pid = v.pid, .master = v.master};
    return 0;
}
