// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_bundle: see oci_bundle.h. Source: OCI runtime-spec 1.2, config.md, config-linux.md, config-vm.md. */
#include "monitor/oci_bundle.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/proc.h"
#include "container/exec_machine.h"
#include "monitor/oci_place.h"

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif

void oci_bundle_fini(struct oci_bundle *b)
{
    for (unsigned i = 0; i < b->nr; i++)
        own_fd(&b->exports[i].fd);
    b->nr = 0;
}

/* fd becomes the bundle's. */
static int add(struct oci_bundle *b, const char *name, int fd, bool read_only, struct err *e)
{
    if (b->nr == SHARE_EXPORTS) {
        close(fd);
        return err_set(e, -ENOSPC, "more than %d mounts", SHARE_EXPORTS);
    }
    snprintf(b->names[b->nr], sizeof(b->names[0]), "%s", name);
    b->exports[b->nr] = (struct share_export){.name = b->names[b->nr], .fd = fd, .read_only = read_only};
    b->nr++;
    return 0;
}

/* ---- mounts ---- */

/* The kernel's own file systems are those of the guest's kernel. NULL: it is none. */
static const char *kernels_own(int fd)
{
    static const struct {
        long magic;
        const char *type;
    } own[] = {
        {PROC_SUPER_MAGIC, "proc"},      {SYSFS_MAGIC, "sysfs"},   {CGROUP_SUPER_MAGIC, "cgroup"},
        {CGROUP2_SUPER_MAGIC, "cgroup"}, {MQUEUE_MAGIC, "mqueue"},
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return NULL;
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if ((long)fs.f_type == own[i].magic)
            return own[i].type;
    return NULL;
}

static void become_kernels_own(json_t *mount, const char *type)
{
    json_t *options = json_object_get(mount, "options");
    size_t i = 0;
    json_object_set_new(mount, "type", json_string(type));
    json_object_set_new(mount, "source", json_string(type));
    while (i < json_array_size(options)) {
        const char *o = json_string_value(json_array_get(options, i));
        if (o && (strcmp(o, "bind") == 0 || strcmp(o, "rbind") == 0))
            json_array_remove(options, i);
        else
            i++;
    }
}

static int check_source(int fd, unsigned index, const struct mount_config *m, struct err *e)
{
    struct stat st;
    if (m->idmap || m->rec_idmap || m->uid_maps.nr)
        return err_set(e, -EOPNOTSUPP, "config.json: mounts[%u]: idmap: cannot be done in a machine", index);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "config.json: mounts[%u].source: %s", index, m->source);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(
            e, -EOPNOTSUPP,
            "config.json: mounts[%u].source: %s: a machine can be given folders and regular files only",
            index, m->source);
    return 0;
}

static int add_bind(struct oci_bundle *b, const struct launch *l, unsigned index, json_t *mount,
                    struct err *e)
{
    const struct mount_config *m = &l->c->mounts[index];
    OWN_MEM char *path =
        m->source[0] == '/' ? strdup(m->source) : path_make("%s/%s", l->state.bundle, m->source);
    OWN_FD fd = open(path, O_PATH | O_CLOEXEC | (m->source_nofollow ? O_NOFOLLOW : 0));
    const char *own = fd < 0 ? NULL : kernels_own(fd);
    if (fd < 0)
        return err_sys(e, "config.json: mounts[%u].source: %s", index, m->source);
    if (own) {
        become_kernels_own(mount, own);
        return 0;
    }
    int rc = check_source(fd, index, m, e);
    char name[16], inside[32];
    snprintf(name, sizeof(name), "m%u", index);
    snprintf(inside, sizeof(inside), MACHINE_BUNDLE "/%s", name);
    json_object_set_new(mount, "source", json_string(inside));
    bool read_only = (m->attr_set | m->rec_attr_set) & MOUNT_ATTR_RDONLY;
    return rc < 0 ? rc : add(b, name, take_fd(&fd), read_only, e);
}

static int add_mounts(struct oci_bundle *b, const struct launch *l, json_t *mounts, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; i < l->c->nr_mounts && rc == 0; i++)
        if (l->c->mounts[i].bind)
            rc = add_bind(b, l, i, json_array_get(mounts, i), e);
    return rc;
}

/* ---- what is left for the runtime inside ---- */

/* All are new there, but for the network, which is the machine's. */
static json_t *namespaces(const struct config *c)
{
    json_t *list = json_array();
    for (int i = 0; i < NS_KINDS; i++) {
        if (!c->ns[i].there || (i == NS_USER && !c->uid_maps.nr))
            continue;
        json_t *ns = json_pack("{s:s}", "type", ns_name((enum ns_kind)i));
        if (i == NS_NET)
            json_object_set_new(ns, "path", json_string("/proc/1/ns/net"));
        json_array_append_new(list, ns);
    }
    return list;
}

static void delete_all(json_t *j, const char *const *keys)
{
    for (; *keys; keys++)
        json_object_del(j, *keys);
}

/* The network is the machine's, and so are its settings: the kernel gets them at its start. */
static void delete_network(json_t *sysctl)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(sysctl, next, name, value) if (oci_place_is_networks(name))
        json_object_del(sysctl, name);
}

static void reduce_linux(json_t *linux_, const struct config *c)
{
    static const char *const hosts[] = {"cgroupsPath", "mountLabel", "intelRdt", NULL};
    static const char *const machines[] = {"cpu",     "blockIO", "hugepageLimits", "network", "rdma",
                                           "unified", NULL};
    static const char *const v1[] = {"kernel",           "kernelTCP",    "swappiness",
                                     "disableOOMKiller", "useHierarchy", NULL};
    json_t *resources = json_object_get(linux_, "resources");
    delete_all(linux_, hosts);
    delete_all(resources, machines);
    delete_all(json_object_get(resources, "memory"), v1); /* the guest's cgroups are v2's */
    delete_network(json_object_get(linux_, "sysctl"));
    json_object_set_new(linux_, "namespaces", namespaces(c));
}

static void reduce(json_t *j, const struct config *c)
{
    static const char *const hosts[] = {"vm", "annotations", NULL};
    static const char *const labels[] = {"apparmorProfile", "selinuxLabel", "execCPUAffinity", NULL};
    static const char *const hooks[] = {"prestart",  "createRuntime", "createContainer",
                                        "poststart", "poststop",      NULL};
    json_t *root = json_object_get(j, "root");
    delete_all(j, hosts);
    delete_all(json_object_get(j, "process"), labels);
    delete_all(json_object_get(j, "hooks"), hooks);
    json_object_set_new(root, "path", json_string("root"));
    reduce_linux(json_object_get(j, "linux"), c);
}

static int check(const struct config *c, const json_t *j, struct err *e)
{
    const json_t *seccomp = json_object_get(json_object_get(j, "linux"), "seccomp");
    if (c->hooks[HOOK_CREATE_CONTAINER].nr)
        return err_set(e, -EOPNOTSUPP,
                       "config.json: hooks.createContainer: cannot be run in a machine, where the host's "
                       "programs are not");
    if (json_object_get(seccomp, "listenerPath"))
        return err_set(e, -EOPNOTSUPP,
                       "config.json: linux.seccomp.listenerPath: a machine cannot reach that socket");
    return 0;
}

static int write_config(const struct launch *l, struct oci_bundle *b, const json_t *j, struct err *e)
{
    OWN_FD fd = openat(l->state_dir, "guest.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || json_dumpfd(j, fd, JSON_COMPACT) < 0)
        return err_sys(e, "write the configuration inside");
    int path = openat(l->state_dir, "guest.json", O_PATH | O_CLOEXEC);
    return path < 0 ? err_sys(e, "guest.json") : add(b, "config.json", path, true, e);
}

static int add_config(struct oci_bundle *b, const struct launch *l, struct err *e)
{
    OWN(json_t) j = config_document(l->c);
    if (!j)
        return err_code(e, -ENOMEM, "config.json");
    int rc = check(l->c, j, e);
    if (rc == 0)
        rc = add_mounts(b, l, json_object_get(j, "mounts"), e);
    if (rc < 0)
        return rc;
    reduce(j, l->c);
    return write_config(l, b, j, e);
}

/* ---- the rest ---- */

static int add_path(struct oci_bundle *b, const char *name, const char *path, bool read_only, struct err *e)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "%s", path) : add(b, name, fd, read_only, e);
}

/* Beside us, or where it is installed. */
static int add_runtime(struct oci_bundle *b, struct err *e)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    OWN_MEM char *beside = slash ? path_make("%.*s/hospes-oci", (int)(slash - self), self) : NULL;
    if (beside && access(beside, X_OK) == 0)
        return add_path(b, "oci", beside, true, e);
    OWN_MEM char *found = proc_find("hospes-oci");
    if (!found)
        return err_set(e, -ENOENT,
                       "hospes-oci, which a machine needs inside, is neither beside %s nor in PATH", self);
    return add_path(b, "oci", found, true, e);
}

static int add_out(struct oci_bundle *b, const struct launch *l, struct err *e)
{
    if (mkdirat(l->state_dir, "out", 0700) < 0)
        return err_sys(e, "make the folder out");
    int fd = openat(l->state_dir, "out", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? err_sys(e, "folder out") : add(b, "out", fd, false, e);
    if (rc == 0)
        b->exports[b->nr - 1].small = true; /* it is in the host's memory */
    return rc;
}

int oci_bundle_make(const struct launch *l, struct oci_bundle *ret, struct err *e)
{
    OWN_OCI_BUNDLE b = {0};
    /* Mount points may have to be made in it, also where it becomes read-only then. */
    int rc = add_path(&b, "root", l->rootfs, false, e);
    if (rc == 0)
        rc = add_config(&b, l, e);
    if (rc == 0)
        rc = add_runtime(&b, e);
    if (rc == 0)
        rc = add_out(&b, l, e);
    if (rc < 0)
        return rc;
    *ret = b;
    for (unsigned i = 0; i < b.nr; i++)
        ret->exports[i].name = ret->names[i];
    b.nr = 0;
    return 0;
}
