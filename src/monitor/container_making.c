// SPDX-License-Identifier: GPL-2.0-or-later
/* container_making: see container_making.h. */
#include "monitor/container_making.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/inroot.h"
#include "container/container.h"
#include "monitor/bundle_caps.h"
#include "monitor/container_id.h"
#include "monitor/container_root.h"
#include "monitor/container_volumes.h"
#include "monitor/guest_security.h"
#include "store/image.h"
#include "store/image_layers.h"
#include "vm/guest_program.h"

int container_making_open(struct container_making *m, struct err *e)
{
    OWN_LAYERS lower = {0};
    int rc;
    if ((rc = image_open(m->guest->image, &m->image, e)) < 0 ||
        (rc = image_hold(m->image, &m->image_hold, e)) < 0 ||
        (rc = image_layers_get(m->image, &lower, e)) < 0 || (rc = container_root_leave_host(&m->ids, e)) < 0)
        return rc;
    m->rootless = m->ids.uids > 0;
    return container_root_open(m->dir, m->image, &lower, m->guest->rm, &m->root, e);
}

static const char *find_shell(int root)
{
    OWN_FD bash = inroot_open(root, "/bin/bash", O_PATH, 0);
    return bash >= 0 ? "/bin/bash" : "/bin/sh";
}

static int find_user(struct container_making *m, int root, struct err *e)
{
    int rc = bundle_user_find(root, m->guest->user, &m->user, e);
    for (const char *const *g = m->guest->container.groups; g && *g && rc == 0; g++)
        rc = bundle_user_join(root, *g, &m->user, e);
    return rc;
}

static int check_user(const struct container_making *m, struct err *e)
{
    bool there = m->user.uid < m->ids.uids && m->user.gid < m->ids.gids;
    for (unsigned i = 0; m->ids.gids > 1 && i < m->user.nr_groups; i++) /* else none can be had anyway */
        there = there && m->user.groups[i] < m->ids.gids;
    if (there)
        return 0;
    const char *who = m->guest->user ? m->guest->user : "0";
    if (m->ids.uids > 1)
        return err_set(e, -EOPNOTSUPP, "user %s: only numbers below %u are to be had here", who, m->ids.uids);
    return err_set(e, -EOPNOTSUPP,
                   "user %s: there is one user, root (more take newuidmap, and ranges in /etc/subuid and "
                   "/etc/subgid)",
                   who);
}

/* Without a pid namespace its processes are found by their cgroup only. */
static int check_rootless(const struct container_making *m, struct err *e)
{
    if (!m->guest->container.host_pid)
        return 0;
    return err_set(e, -EOPNOTSUPP, "an ordinary user's container has processes of its own: no --pid host");
}

int container_making_config(struct container_making *m, const char *netns, struct err *e)
{
    OWN_FD root = open(m->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN_MEM char *path = guest_dir_run_file(m->dir, "config.json");
    OWN_MEM char *text = NULL;
    OWN_MEM const char **volumes = NULL;
    int rc = root < 0 ? err_sys(e, "%s", m->root) : find_user(m, root, e);
    if (rc < 0)
        return rc;
    if (m->rootless && ((rc = check_user(m, e)) < 0 || (rc = check_rootless(m, e)) < 0))
        return rc;
    free(m->shell);
    m->shell = strdup(find_shell(root));
    if ((rc = container_volumes_make(root, m->image->config.volumes, &volumes, e)) < 0)
        return rc;
    const struct bundle b = {.guest = m->guest,
                             .root = m->root,
                             .files = m->dir->run,
                             .user = &m->user,
                             .netns = netns,
                             .shell = m->shell,
                             .volumes = volumes,
                             .rootless = m->rootless,
                             .ids = m->ids};
    if ((rc = bundle_config(&b, &text, e)) < 0)
        return rc;
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    rc = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "config.json") : 0;
}

void container_making_unmount(struct container_making *m)
{
    container_root_close(m->dir);
    image_free(take(m->image));
    own_fd(&m->image_hold);
    m->image_hold = -1;
}

void container_making_close(struct container_making *m)
{
    container_making_unmount(m);
    free(m->root);
    free(m->shell);
}

/* ---- the process ---- */

/* Not where mounting is allowed, which Landlock would refuse, nor where the host's processes are looked into.
 */
static bool wants_landlock(const struct guest_container *k)
{
    struct guest_security s;
    bool admin = bundle_caps(k) >> cap_number("CAP_SYS_ADMIN") & 1;
    return guest_security_of(k, &s, NULL) == 0 && !s.landlock_off && !s.seccomp_off && !admin && !k->host_pid;
}

/* The runtime copies it: nothing of the container can write to it. */
static int write_init(const char *path, struct err *e)
{
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : file_write_all(fd, guest_program, (size_t)(guest_program_end - guest_program));
    return rc < 0 ? err_code(e, rc, "%s", path) : 0;
}

static int find_pid(const struct container_making *m, pid_t *ret, struct err *e)
{
    OWN_STATE s = {0};
    int rc = state_read(m->states, m->id, &s, NULL, e);
    if (rc == 0)
        *ret = s.pid;
    return rc;
}

static int call(const struct container_making *m, const char *tty, const char *init,
                struct helper_streams *ret, struct err *e)
{
    const struct guest_container *k = &m->guest->container;
    const char *args[12] = {"--bundle", m->dir->run};
    unsigned nr = 2;
    if (k->tty) {
        args[nr++] = "--console-socket";
        args[nr++] = tty;
    }
    if (k->init) {
        args[nr++] = "--init";
        args[nr++] = init;
    }
    if (wants_landlock(k)) {
        args[nr++] = "--landlock";
        args[nr++] = m->guest->net == GUEST_NET_HOST ? "abstract" : "files";
    }
    args[nr] = m->id;
    const struct helper h = {.tty = k->tty,
                             .input = k->input,
                             .uid = m->user.uid,
                             .gid = m->user.gid,
                             .tty_path = tty,
                             .call = {m->states, "create", args}};
    return helper_make(&h, ret, e);
}

int container_making_process(const struct container_making *m, struct helper_streams *ret, pid_t *ret_pid,
                             struct err *e)
{
    OWN_MEM char *tty = guest_dir_run_file(m->dir, "tty"), *init = guest_dir_run_file(m->dir, "init");
    container_sweep(m->dir); /* what a container of that name left, whose monitor and host died */
    if (!tty || !init)
        return err_code(e, -ENOMEM, "container");
    int rc = m->guest->container.init ? write_init(init, e) : 0;
    if (rc == 0)
        rc = call(m, tty, init, ret, e);
    if (rc == -EOPNOTSUPP && m->rootless && e && strncmp(e->text, "cgroup: ", 8) == 0)
        err_wrap(e, "limits take a cgroup of our own");
    unlink(init);
    return rc < 0 ? rc : find_pid(m, ret_pid, e);
}
