// SPDX-License-Identifier: GPL-2.0-or-later
/* create: a bundle becomes a container: everything is checked and opened first, then its process is made. */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup_systemd.h"
#include "container/container.h"
#include "container/fdpass.h"
#include "container/foreground.h"
#include "container/hooks.h"
#include "container/launch.h"
#include "container/mount.h"
#include "container/ns.h"
#include "container/pid_file.h"
#include "container/process.h"
#include "container/program_file.h"
#include "container/restore.h"
#include "container/spawn.h"
#include "container/state_lock.h"

struct creation {
    const char *root, *id;
    const struct create_options *o;
    struct config c;
    struct launch l;
    char *bundle;
    bool made;    /* the folder of its state is ours to remove */
    pid_t holder; /* of systemd's scope */
    const char *scope;
    struct resources limits; /* of the cgroup */
};

static void creation_fini(struct creation *k)
{
    struct launch *l = &k->l;
    for (unsigned i = 0; l->source && i < k->c.nr_mounts; i++)
        own_fd(&l->source[i]);
    for (unsigned i = 0; i < NS_KINDS; i++)
        own_fd(&l->ns[i]);
    cgroup_entry_close(&l->entry);
    seccomp_filter_fini(&l->seccomp);
    own_fd(&l->state_dir);
    own_fd(&l->root_tree);
    own_fd(&l->start);
    own_fd(&l->proc);
    own_fd(&l->console);
    own_fd(&l->init);
    rdt_group_fini(&l->state.rdt);
    free(l->rootfs);
    free(k->bundle);
    config_fini(&k->c);
}
#define OWN_CREATION __attribute__((cleanup(creation_fini))) struct creation

static void creation_init(struct creation *k)
{
    struct launch *l = &k->l;
    for (unsigned i = 0; i < NS_KINDS; i++)
        l->ns[i] = -1;
    for (unsigned i = 0; i < CGROUP_DIRS; i++)
        l->entry.tasks[i] = -1;
    l->entry.v2 = l->root_tree = l->state_dir = l->start = l->proc = l->console = l->sync = l->passed_by =
        l->init = -1;
    l->c = &k->c;
    l->root = k->root;
}

/* ---- reading ---- */

static int load(struct creation *k, struct err *e)
{
    k->bundle = realpath(k->o->bundle ? k->o->bundle : ".", NULL);
    if (!k->bundle)
        return err_sys(e, "bundle %s", k->o->bundle ? k->o->bundle : ".");
    OWN_MEM char *file = k->o->config ? strdup(k->o->config) : path_make("%s/config.json", k->bundle);
    int rc = config_load(file, "config.json", &k->c, e);
    if (rc < 0)
        return rc;
    if (!k->c.process.there)
        return err_set(e, -EINVAL, "config.json: process: is missing");
    OWN_MEM char *root =
        k->c.root_path[0] == '/' ? strdup(k->c.root_path) : path_make("%s/%s", k->bundle, k->c.root_path);
    k->l.rootfs = realpath(root, NULL);
    struct stat st;
    if (!k->l.rootfs || stat(k->l.rootfs, &st) < 0)
        return err_sys(e, "config.json: root.path: %s", root);
    if (!S_ISDIR(st.st_mode))
        return err_code(e, -ENOTDIR, "config.json: root.path: %s", root);
    if (strcmp(k->l.rootfs, "/") == 0 && k->c.ns[NS_MNT].there)
        return err_set(e, -EINVAL, "config.json: root.path: the host's own root cannot be a container's");
    return 0;
}

/* Is it a machine, and if so, one that can be made here? */
static int choose_isolation(struct creation *k, struct err *e)
{
    k->limits = k->c.resources;
    if (k->o->machine_wanted || k->c.vm.wanted) {
        if (k->o->criu)
            return err_set(e, -EOPNOTSUPP, "a machine cannot be restored from a container's files");
        if (!k->o->machine)
            return err_set(e, -ENOEXEC, "config.json wants a machine, which is the program hospes' to make");
        k->l.machine = k->o->machine;
        vm_limits(&k->limits);
    }
    return 0;
}

static int check_terminal(const struct creation *k, struct err *e)
{
    bool waits = k->l.start >= 0 || k->o->detach, terminal = k->c.process.terminal;
    if (terminal && waits && !k->o->console_socket)
        return err_set(e, -EINVAL,
                       "config.json: process.terminal: needs --console-socket, as nobody stays to serve it");
    if (!terminal && k->o->console_socket)
        return err_set(e, -EINVAL, "--console-socket: config.json has no process.terminal");
    return 0;
}

static int check_host(const struct creation *k, struct err *e)
{
    if (k->l.machine) /* its kernel is another */
        return 0;
    const struct process_config *p = &k->c.process;
    if (p->apparmor && *p->apparmor && strcmp(p->apparmor, "unconfined") != 0 &&
        !security_available("apparmor"))
        return err_set(e, -EOPNOTSUPP, "config.json: process.apparmorProfile: this kernel has no AppArmor");
    if (p->selinux && *p->selinux && !security_available("selinux"))
        return err_set(e, -EOPNOTSUPP, "config.json: process.selinuxLabel: this kernel has no SELinux");
    return 0;
}

/* ---- opening ---- */

/* What we trust to be the kernel's own is looked at before anybody else can touch our view. */
static int host_files(struct launch *l, struct err *e)
{
    struct statfs fs;
    l->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (l->proc < 0 || fstatfs(l->proc, &fs) < 0)
        return err_sys(e, "/proc");
    if (fs.f_type != PROC_SUPER_MAGIC)
        return err_set(e, -EINVAL, "/proc is not procfs");
    return 0;
}

static int userns_of(const struct creation *k, const struct mount_config *m, struct err *e)
{
    if (!m->idmap && !m->rec_idmap)
        return -1;
    if (m->uid_maps.nr)
        return ns_make_user(&m->uid_maps, &m->gid_maps, e);
    if (k->c.uid_maps.nr)
        return ns_make_user(&k->c.uid_maps, &k->c.gid_maps, e);
    return err_set(e, -EINVAL, "idmap needs mappings, of the mount or of a user namespace");
}

/* From inside a user namespace a source may be out of reach, and no ID map can be given: here it is done. */
static int mount_sources(struct creation *k, struct err *e)
{
    const struct config *c = &k->c;
    if (geteuid() != 0)
        return 0;
    if (c->ns[NS_USER].there && c->ns[NS_MNT].there) {
        k->l.root_tree = open_tree(AT_FDCWD, k->l.rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (k->l.root_tree < 0)
            return err_sys(e, "root %s", k->l.rootfs);
    }
    k->l.source = arena_alloc(&k->c.arena, c->nr_mounts * sizeof(*k->l.source));
    for (unsigned i = 0; i < c->nr_mounts; i++)
        k->l.source[i] = -1;
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        const struct mount_config *m = &c->mounts[i];
        if (!m->bind || m->remount || (!c->ns[NS_USER].there && !m->idmap && !m->rec_idmap))
            continue;
        OWN_FD userns = userns_of(k, m, e);
        if (userns < -1)
            return err_wrap(e, "mounts[%u]: mount %s", i, m->target);
        k->l.source[i] = mount_source(m, k->bundle, userns, e);
        if (k->l.source[i] < 0)
            return err_wrap(e, "mounts[%u]: mount %s", i, m->target);
    }
    return 0;
}

static int open_all(struct creation *k, struct err *e)
{
    struct launch *l = &k->l;
    int rc = host_files(l, e);
    if (rc == 0)
        rc = ns_open(&k->c, l->ns, e);
    if (rc == 0 && k->o->console_socket) {
        l->console = unix_connect(k->o->console_socket, SOCK_STREAM, e);
        rc = l->console < 0 ? err_wrap(e, "--console-socket") : 0;
    }
    if (rc < 0 || k->o->criu || l->machine) /* which bring filters and mounts by themselves */
        return rc;
    rc = seccomp_prepare(&k->c, k->root, &l->seccomp, e);
    return rc < 0 ? rc : mount_sources(k, e);
}

/* ---- making ---- */

/* systemd first, which makes the folder in its own hierarchy; the others are made as always. */
static int make_scope(struct creation *k, struct err *e)
{
    struct scope s;
    int rc = scope_name(k->c.cgroups_path, k->id, geteuid() != 0, &s, e);
    if (rc == 0)
        rc = cgroup_find(s.path, k->id, &k->l.cgroup, e);
    if (rc == 0)
        rc = scope_start(&s, &k->l.cgroup, &k->limits, &k->holder, e);
    k->l.cgroup.scope = true;
    k->scope = rc == 0 ? arena_print(&k->c.arena, "%s", s.unit) : NULL;
    return rc;
}

static int make_cgroup(struct creation *k, struct err *e)
{
    struct launch *l = &k->l;
    bool needed = geteuid() == 0 && ns_user_is_hosts(); /* root of another has none of the host's to make */
    int rc = k->o->systemd_cgroup ? make_scope(k, e) : cgroup_find(k->c.cgroups_path, k->id, &l->cgroup, e);
    if (rc == 0)
        rc = cgroup_make(&l->cgroup, &k->limits, k->c.cgroups_path != NULL, needed, e);
    if (rc == 0)
        rc = cgroup_apply(&l->cgroup, &k->limits, true, e);
    return rc < 0 ? rc : cgroup_entry_open(&l->cgroup, &l->entry, e);
}

static int save_config(const struct creation *k, struct err *e)
{
    OWN_FD fd = openat(k->l.state_dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : file_write_all(fd, k->c.text, k->c.text_len);
    return rc < 0 ? err_code(e, rc, "keep config.json") : 0;
}

static void fill_state(struct creation *k)
{
    const struct config *c = &k->c;
    k->l.state = (struct state){
        .id = k->id,
        .bundle = k->bundle,
        .rootfs = k->l.rootfs,
        .oci_version = c->oci_version,
        .cgroup_path = k->l.cgroup.path,
        .scope = k->scope,
        .annotations = c->annotations,
        .has_poststart = c->hooks[HOOK_POSTSTART].nr > 0,
        .has_poststop = c->hooks[HOOK_POSTSTOP].nr > 0,
        .machine = k->l.machine != NULL,
    };
}

static int make_folders(struct creation *k, bool waits, struct err *e)
{
    struct launch *l = &k->l;
    l->state_dir = state_make(k->root, k->id, e);
    if (l->state_dir == -EEXIST)
        return err_set(e, -EEXIST, "container %s exists already", k->id);
    if (l->state_dir < 0)
        return l->state_dir;
    int rc = state_lock(l->state_dir, 1000);
    if (rc < 0)
        return err_set(e, rc, "container %s was deleted while it was made", k->id);
    k->made = true;
    rc = save_config(k, e);
    if (rc == 0 && waits) {
        l->start = unix_listen(l->state_dir, "start.new", e);
        rc = l->start < 0 ? l->start : 0;
    }
    return rc < 0 ? rc : make_cgroup(k, e);
}

/* With the state locked, or after its process has ended. */
static void undo(struct creation *k, pid_t pid)
{
    if (pid > 0)
        spawn_bury(pid);
    if (!k->made || state_lock(k->l.state_dir, 10000) < 0) /* somebody else deletes it */
        return;
    if (k->scope)
        scope_stop(k->scope);
    (void)cgroup_remove(&k->l.cgroup, true, NULL);
    rdt_leave(&k->l.state.rdt);
    if (k->l.state.pid)
        hooks_run_all(&k->c, HOOK_POSTSTOP, &k->l.state, STATUS_STOPPED);
    (void)state_remove(k->root, k->id, NULL);
}

static int launch(struct creation *k, bool waits, struct spawned *ret, struct err *e)
{
    int rc = make_folders(k, waits, e);
    fill_state(k);
    if (rc == 0)
        rc = check_terminal(k, e);
    if (rc == 0)
        rc = k->o->criu ? restore_init(&k->l, k->o->criu, ret, e) : spawn_init(&k->l, ret, e);
    scope_release(k->holder);
    if (rc == 0 && k->o->pid_file)
        rc = pid_file_write(k->o->pid_file, ret->pid, e);
    if (rc == 0 && waits && renameat(k->l.state_dir, "start.new", k->l.state_dir, "start") < 0)
        rc = err_sys(e, "let container %s be started", k->id);
    return rc;
}

static int create(struct creation *k, bool waits, struct spawned *ret, struct err *e)
{
    creation_init(k);
    k->l.preserve_fds = k->o->preserve_fds;
    k->l.no_pivot = k->o->no_pivot;
    k->l.no_new_keyring = k->o->no_new_keyring;
    k->l.landlock = k->o->extras.landlock;
    k->l.landlock_abstract = k->o->extras.landlock_abstract;
    int rc = state_check_id(k->id, e);
    if (rc == 0)
        rc = load(k, e);
    if (rc == 0)
        rc = choose_isolation(k, e);
    if (rc == 0)
        rc = check_host(k, e);
    k->l.set_groups = rc == 0 && ns_may_set_groups(&k->c);
    if (rc == 0)
        rc = open_all(k, e);
    if (rc == 0 && k->o->extras.init)
        rc = k->l.init = program_file(k->o->extras.init, e);
    if (rc < 0)
        return rc;
    rc = launch(k, waits, ret, e);
    if (rc < 0)
        undo(k, ret->pid);
    else
        state_unlock(k->l.state_dir);
    return rc;
}

int container_create(const char *root, const char *id, const struct create_options *o, struct err *e)
{
    OWN_CREATION k = {.root = root, .id = id, .o = o};
    struct spawned s = {.master = -1};
    return create(&k, true, &s, e);
}

int container_run(const char *root, const char *id, const struct create_options *o, struct err *e)
{
    OWN_CREATION k = {.root = root, .id = id, .o = o};
    struct spawned s = {.master = -1};
    if (!o->detach)
        foreground_hold_signals();
    int rc = create(&k, false, &s, e);
    if (rc < 0)
        return rc;
    if (!o->criu) /* it was started long ago */
        hooks_run_all(&k.c, HOOK_POSTSTART, &k.l.state, STATUS_RUNNING);
    if (o->detach)
        return 0;
    int status = foreground_wait(s.pid, s.master, e);
    own_fd(&s.master);
    if (!o->keep)
        undo(&k, 0);
    return status;
}

int container_restore(const char *root, const char *id, const struct create_options *o, struct err *e)
{
    if (geteuid() != 0)
        return err_set(e, -EPERM, "it takes root");
    return container_run(root, id, o, e);
}
