// SPDX-License-Identifier: GPL-2.0-or-later
/* outside: see outside.h. Source: CRIU, criu(8), "--external", "--inherit-fd", "--join-ns". */
#include "container/outside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/inroot.h"
#include "container/criu.h"
#include "container/device.h"
#include "container/wire.h"

/* Names that runc and crun give them, too, so that images can be exchanged. */
#define NET_KEY     "extRootNetNS"
#define PID_KEY     "extRootPidNS"
#define NULL_DEVICE "/dev/null"

static void external_mount(struct buf *opts, const char *key, const char *value)
{
    OWN_BUF b = {0};
    wire_text(&b, 1, key);
    wire_text(&b, 2, value);
    wire_part(opts, CRIU_EXT_MNT, &b);
}

void outside_inherit(struct buf *opts, const char *name, int fd)
{
    OWN_BUF b = {0};
    wire_text(&b, 1, name);
    wire_number(&b, 2, fd);
    wire_part(opts, CRIU_INHERIT_FD, &b);
}

/* ---- mounts of a running container ---- */

struct looker {
    int root;     /* the container's, with its mounts */
    char *mounts; /* its mountinfo */
    struct buf *opts;
};

static void looker_fini(struct looker *l)
{
    own_fd(&l->root);
    free(l->mounts);
}

static int looker_init(struct looker *l, pid_t pid, struct err *e)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/%d/root", pid);
    l->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (l->root < 0)
        return err_sys(e, "%s", path);
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
    return file_read(path, 16 << 20, &l->mounts, NULL, e);
}

/* "\040" is a blank. */
static void unescape(char *text)
{
    char *to = text;
    unsigned n;
    for (const char *from = text; *from;) {
        if (*from == '\\' && sscanf(from + 1, "%3o", &n) == 1 && strlen(from) >= 4) {
            *to++ = (char)n;
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
}

char *outside_mountpoint(const char *mounts, uint64_t id)
{
    for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        unsigned long long this;
        char *found = NULL;
        if (sscanf(line, "%llu %*u %*u:%*u %*s %ms", &this, &found) == 2 && this == id) {
            unescape(found);
            return found;
        }
        free(found);
    }
    return NULL;
}

/* The mountpoint of what stands at path, which links of the container may lead elsewhere; NULL: no mount
 * does. */
static char *mount_at(const struct looker *l, const char *path)
{
    struct statx x;
    OWN_FD fd = inroot_open(l->root, path, O_PATH, 0);
    if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 || !(x.stx_mask & STATX_MNT_ID) ||
        !(x.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return NULL;
    return outside_mountpoint(l->mounts, x.stx_mnt_id);
}

static void look(const struct looker *l, const char *path, const char *key)
{
    OWN_MEM char *at = mount_at(l, path);
    if (at)
        external_mount(l->opts, at, key);
}

/* A masked folder has a file system of the container's own. */
static void look_at_mask(const struct looker *l, const char *path)
{
    struct stat st;
    OWN_FD fd = inroot_open(l->root, path, O_PATH, 0);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
        look(l, path, NULL_DEVICE);
}

static bool is_cgroup(const struct mount_config *m)
{
    return !m->bind && (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0);
}

/* Without a cgroup namespace its hierarchies are bound from the host. fn gets mountpoint and source. */
static void cgroup_mounts(const struct config *c, const struct cgroup *g, const struct mount_config *m,
                          void (*fn)(void *ctx, const char *at, const char *from), void *ctx)
{
    if (c->ns[NS_CGROUP].there)
        return;
    for (unsigned i = 0; i < g->nr; i++) {
        const struct cgroup_dir *d = &g->dir[i];
        OWN_MEM char *at =
            g->pure_v2 ? strdup(m->target) : path_make("%s%s", m->target, d->top + strlen("/sys/fs/cgroup"));
        if (d->there)
            fn(ctx, at, d->path);
    }
}

static void look_at_cgroup(void *ctx, const char *at, const char *from)
{
    (void)from;
    look(ctx, at, at);
}

static void running_mounts(const struct config *c, const struct cgroup *g, struct looker *l)
{
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        const struct mount_config *m = &c->mounts[i];
        if (m->bind)
            look(l, m->target, m->target);
        else if (is_cgroup(m))
            cgroup_mounts(c, g, m, look_at_cgroup, l);
    }
    for (unsigned i = 0; i < c->masked_paths.nr; i++)
        look_at_mask(l, c->masked_paths.item[i]);
    const char *path;
    for (unsigned i = 0; (path = device_path(c, i)); i++)
        look(l, path, path);
}

/* ---- namespaces ---- */

static int running_ns(const struct config *c, enum ns_kind kind, const char *key, pid_t pid, struct buf *opts,
                      struct err *e)
{
    char path[40], text[64];
    struct stat st;
    if (!c->ns[kind].path)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns_proc_name(kind));
    if (stat(path, &st) < 0)
        return err_sys(e, "%s", path);
    snprintf(text, sizeof(text), "%s[%llu]:%s", ns_proc_name(kind), (unsigned long long)st.st_ino, key);
    wire_text(opts, CRIU_EXTERNAL, text);
    return 0;
}

int outside_of_running(const struct config *c, const struct cgroup *g, pid_t pid, struct buf *opts,
                       struct err *e)
{
    __attribute__((cleanup(looker_fini))) struct looker l = {.root = -1, .opts = opts};
    int rc = looker_init(&l, pid, e);
    if (rc < 0)
        return rc;
    running_mounts(c, g, &l);
    rc = running_ns(c, NS_NET, NET_KEY, pid, opts, e);
    return rc < 0 ? rc : running_ns(c, NS_PID, PID_KEY, pid, opts, e);
}

/* ---- the same for one that is made again ---- */

static void restore_cgroup(void *ctx, const char *at, const char *from)
{
    external_mount(ctx, at, from);
}

static void restored_mounts(const struct config *c, const struct cgroup *g, const char *bundle,
                            struct buf *opts)
{
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        const struct mount_config *m = &c->mounts[i];
        if (is_cgroup(m))
            cgroup_mounts(c, g, m, restore_cgroup, opts);
        if (!m->bind)
            continue;
        OWN_MEM char *from = m->source[0] == '/' ? strdup(m->source) : path_make("%s/%s", bundle, m->source);
        external_mount(opts, m->target, from);
    }
    if (c->masked_paths.nr)
        external_mount(opts, NULL_DEVICE, NULL_DEVICE);
    const char *path;
    for (unsigned i = 0; (path = device_path(c, i)); i++)
        external_mount(opts, path, path);
}

static void join(struct buf *opts, const char *name, const char *path)
{
    OWN_BUF b = {0};
    wire_text(&b, 1, name);
    wire_text(&b, 2, path);
    wire_part(opts, CRIU_JOIN_NS, &b);
}

int outside_of_restored(const struct config *c, const struct cgroup *g, const char *bundle,
                        const int ns[NS_KINDS], struct buf *opts, int *keep, unsigned *nr_keep, struct err *e)
{
    restored_mounts(c, g, bundle, opts);
    for (int i = 0; i < NS_KINDS; i++) {
        if (!c->ns[i].path)
            continue;
        if (i == NS_CGROUP)
            return err_set(e, -EOPNOTSUPP, "linux.namespaces: criu cannot join a cgroup namespace");
        if (i == NS_NET || i == NS_PID) {
            outside_inherit(opts, i == NS_NET ? NET_KEY : PID_KEY, ns[i]);
            keep[(*nr_keep)++] = ns[i];
        } else {
            join(opts, ns_proc_name((enum ns_kind)i), c->ns[i].path);
        }
    }
    return 0;
}
