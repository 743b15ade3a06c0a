// SPDX-License-Identifier: GPL-2.0-or-later
/* ops: start, kill, pause, resume and delete. Source: OCI runtime-spec 1.2, runtime.md, "Operations". */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup_systemd.h"
#include "container/container.h"
#include "container/fdpass.h"
#include "container/hooks.h"
#include "container/state_lock.h"
#include "container/sync.h"

int container_open(const char *root, const char *id, struct state *ret, struct cgroup *ret_cgroup,
                   int *ret_dir, struct err *e)
{
    int rc = state_read(root, id, ret, ret_dir, e);
    if (rc < 0)
        return rc;
    rc = cgroup_find(ret->cgroup_path, id, ret_cgroup, e);
    if (rc == 0)
        cgroup_look(ret_cgroup);
    return rc;
}

static int wrong_status(const struct state *s, enum status is, const char *verb, struct err *e)
{
    return err_set(e, -EBUSY, "container %s is %s, it cannot be %s", s->id, status_name(is), verb);
}

/* ---- start ---- */

static int run_hooks(const char *root, const struct state *s, enum hook_point point, enum status status)
{
    struct err e = {0};
    OWN_CONFIG c = {0};
    OWN_MEM char *file = state_file(root, s->id, "config.json");
    int rc = config_load(file, "config.json", &c, &e);
    if (rc == 0)
        hooks_run_all(&c, point, s, status);
    return rc;
}

/* The connection stays open until the program runs, or says why it does not. */
static int tell_start(int dir, const struct state *s, struct err *e)
{
    OWN_FD sock = unix_connect_at(dir, "start");
    struct sync_msg m;
    if (sock == -ECONNREFUSED) /* left by a `start` that was ended in the middle */
        (void)unlinkat(dir, "start", 0);
    if (sock == -ECONNREFUSED || sock == -ENOENT)
        return wrong_status(s, STATUS_RUNNING, "started", e);
    if (sock < 0)
        return err_code(e, sock, "start");
    if (unlinkat(dir, "start", 0) < 0) /* whoever takes it away is the one who starts */
        return errno == ENOENT ? wrong_status(s, STATUS_RUNNING, "started", e) : err_sys(e, "start");
    int rc = sync_recv(sock, &m, NULL);
    if (rc < 0)
        return err_code(e, rc, "start");
    return rc == 0 ? 0 : err_set(e, m.value < 0 ? m.value : -EIO, "%s", m.text);
}

int container_start(const char *root, const char *id, struct err *e)
{
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    int rc = container_open(root, id, &s, &g, &dir, e);
    if (rc < 0)
        return rc;
    enum status is = state_status(&s, dir, &g);
    if (is != STATUS_CREATED)
        return wrong_status(&s, is, "started", e);
    rc = tell_start(dir, &s, e);
    if (rc == 0 && s.has_poststart)
        (void)run_hooks(root, &s, HOOK_POSTSTART, STATUS_RUNNING);
    return rc;
}

/* ---- kill ---- */

/* By a descriptor: between looking and signalling the number may have gone to another process. */
static int signal_process(const struct state *s, int sig, struct err *e)
{
    OWN_FD pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (pidfd < 0 || !state_alive(s))
        return err_set(e, -ESRCH, "container %s is not running", s->id);
    if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0)
        return err_sys(e, "signal container %s", s->id);
    return 0;
}

int container_kill(const char *root, const char *id, int sig, bool all, struct err *e)
{
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    int rc = container_open(root, id, &s, &g, &dir, e);
    if (rc < 0)
        return rc;
    bool alive = state_alive(&s);
    if (all)
        return alive || g.nr ? cgroup_signal(&g, sig, e) : 0;
    if (!alive)
        return err_set(e, -ESRCH, "container %s is not running", id);
    if (state_status(&s, dir, NULL) == STATUS_CREATING)
        return wrong_status(&s, STATUS_CREATING, "signalled", e);
    rc = signal_process(&s, sig, e);
    /* A frozen process ends only once it is thawed. */
    if (rc == 0 && sig == SIGKILL && cgroup_frozen(&g))
        (void)cgroup_freeze(&g, false, NULL);
    return rc;
}

/* ---- pause, resume ---- */

int container_pause(const char *root, const char *id, bool paused, struct err *e)
{
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    int rc = container_open(root, id, &s, &g, &dir, e);
    if (rc < 0)
        return rc;
    enum status is = state_status(&s, dir, &g);
    if (paused ? is != STATUS_RUNNING && is != STATUS_CREATED : is != STATUS_PAUSED)
        return wrong_status(&s, is, paused ? "paused" : "resumed", e);
    return cgroup_freeze(&g, paused, e);
}

/* ---- update ---- */

int container_update(const char *root, const char *id, const struct resources *r, struct err *e)
{
    OWN_STATE s = {0};
    struct cgroup g;
    int rc = container_open(root, id, &s, &g, NULL, e);
    if (rc < 0)
        return rc;
    if (!state_alive(&s))
        return wrong_status(&s, STATUS_STOPPED, "updated", e);
    struct resources mine = *r;
    if (s.machine && r->memory != UNSET && r->memory != 0)
        return err_set(e, -EOPNOTSUPP, "container %s is a machine, whose memory stays as it is", id);
    if (s.machine)
        vm_limits(&mine);
    rc = cgroup_complete(&g, &mine, e);
    if (rc == 0)
        rc = cgroup_apply(&g, &mine, false, e);
    return rc == 0 && s.scope ? scope_update(s.scope, &g, &mine, e) : rc;
}

int container_update_rdt(const char *root, const char *id, const char *l3, const char *bandwidth,
                         struct err *e)
{
    OWN_STATE s = {0};
    int rc = state_read(root, id, &s, NULL, e);
    return rc < 0 ? rc : rdt_update(&s.rdt, l3, bandwidth, e);
}

/* ---- delete ---- */

static void end_process(const struct state *s, const struct cgroup *g)
{
    OWN_FD pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (pidfd < 0 || !state_alive(s))
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    if (cgroup_frozen(g))
        (void)cgroup_freeze(g, false, NULL);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    (void)poll(&p, 1, 10000);
}

/*
 * What a broken or half made container left, as much as can be found. Who is in a cgroup that only the
 * configuration names may be somebody else: that is removed if it is empty, and else left alone.
 */
static int delete_remains(const char *root, const char *id, struct err *e)
{
    struct cgroup g;
    OWN_CONFIG c = {0};
    OWN_MEM char *file = state_file(root, id, "config.json");
    bool named = config_load(file, "config.json", &c, NULL) == 0 && c.cgroups_path && *c.cgroups_path;
    if (cgroup_find(named ? c.cgroups_path : NULL, id, &g, NULL) == 0) {
        cgroup_look(&g);
        (void)cgroup_remove(&g, !named, NULL);
    }
    return state_remove(root, id, e);
}

/* With its folder locked. */
static int delete_locked(const char *root, const char *id, bool force, struct err *e)
{
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup g;
    struct err trouble = {0};
    int rc = container_open(root, id, &s, &g, &dir, &trouble);
    if (rc < 0 && force)
        return delete_remains(root, id, e);
    if (rc < 0)
        return err_set(e, rc, "%s", trouble.text);
    enum status is = state_status(&s, dir, NULL);
    if (is != STATUS_STOPPED && !force)
        return wrong_status(&s, is, "deleted", e);
    if (is != STATUS_STOPPED)
        end_process(&s, &g);
    if (s.scope)
        scope_stop(s.scope);
    rc = cgroup_remove(&g, true, e);
    if (rc < 0)
        return rc;
    rdt_leave(&s.rdt);
    if (s.has_poststop)
        (void)run_hooks(root, &s, HOOK_POSTSTOP, STATUS_STOPPED);
    return state_remove(root, id, e);
}

/* -ENOENT: it is gone. By force, whoever makes it gives up once its process has ended; or waits for a hook.
 */
static int lock(const char *root, const char *id, int dir, bool force, struct err *e)
{
    OWN_STATE s = {0};
    struct cgroup g;
    int rc = state_lock(dir, force ? 0 : 1000);
    if (rc == -EBUSY && force) {
        if (container_open(root, id, &s, &g, NULL, NULL) == 0)
            end_process(&s, &g);
        rc = state_lock(dir, 3000);
        return rc == -EBUSY ? 0 : rc;
    }
    return rc == -EBUSY ? err_set(e, rc, "container %s is being created or deleted", id) : rc;
}

int container_delete(const char *root, const char *id, bool force, struct err *e)
{
    int rc = state_check_id(id, e);
    if (rc < 0)
        return rc;
    OWN_FD dir = state_lock_open(root, id);
    rc = dir < 0 ? dir : lock(root, id, dir, force, e);
    if (rc == -ENOENT)
        return force ? 0 : err_set(e, rc, "container %s does not exist", id);
    if (dir < 0)
        return err_code(e, dir, "container %s", id);
    return rc < 0 ? rc : delete_locked(root, id, force, e);
}
