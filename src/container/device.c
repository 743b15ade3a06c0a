// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device: see device.h. Where mknod(2) is not allowed (user namespaces) the host's node is bound instead,
 * after a check that it is that device. Somebody else may write to the folder meanwhile (a root shared with
 * a running container), so nothing is followed or opened by its name there.
 * Source: OCI runtime-spec 1.2, config-linux.md, "Default Devices".
 */
#include "container/device.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/mount.h"

static const struct device_config standard[] = {
    {"/dev/null", S_IFCHR, 1, 3, 0, 0, 0666},    {"/dev/zero", S_IFCHR, 1, 5, 0, 0, 0666},
    {"/dev/full", S_IFCHR, 1, 7, 0, 0, 0666},    {"/dev/random", S_IFCHR, 1, 8, 0, 0, 0666},
    {"/dev/urandom", S_IFCHR, 1, 9, 0, 0, 0666}, {"/dev/tty", S_IFCHR, 5, 0, 0, 0, 0666},
};
#define STANDARD (sizeof(standard) / sizeof(standard[0]))

static const struct {
    const char *name, *target;
} links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
             {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"}};

const char *device_path(const struct config *c, unsigned i)
{
    if (i < STANDARD)
        return standard[i].path;
    return i - STANDARD < c->nr_devices ? c->devices[i - STANDARD].path : NULL;
}

static bool is_device(const struct stat *st, const struct device_config *d)
{
    return (st->st_mode & S_IFMT) == d->type &&
           (d->type == S_IFIFO || st->st_rdev == makedev(d->major, d->minor));
}

static int bind_host(int dir, const char *name, const struct device_config *d, struct err *e)
{
    struct stat st;
    OWN_FD from = open(d->path, O_PATH | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) < 0)
        return err_sys(e, "device %s: it cannot be made here, and the host's", d->path);
    if (!is_device(&st, d))
        return err_set(e, -EPERM, "device %s: it cannot be made here, and the host's is another one",
                       d->path);
    int made = mknodat(dir, name, S_IFREG | 0644, 0);
    OWN_FD to = made < 0 && errno != EEXIST ? -1 : openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    OWN_FD tree = mount_clone(from, false);
    int rc = to < 0 ? -errno : tree < 0 ? tree : mount_attach(tree, to);
    return rc < 0 ? err_code(e, rc, "device %s", d->path) : 0;
}

/* The umask is 0: the mode is as it should be at once. */
static int make_node(int dir, const char *name, const struct device_config *d, struct err *e)
{
    if (mknodat(dir, name, d->type | d->mode, makedev(d->major, d->minor)) < 0) {
        struct stat st;
        if (errno == EEXIST && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_device(&st, d))
            return 0;
        if (errno == EPERM || errno == EACCES)
            return bind_host(dir, name, d, e);
        return err_sys(e, "device %s", d->path);
    }
    if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "device %s", d->path);
    return 0;
}

/* A multiplexer listed too (engines list the host's whole /dev for privileged containers) stays the link to
 * the container's own. */
static bool is_ptmx(const struct device_config *d)
{
    return strcmp(d->path, "/dev/ptmx") == 0 && d->type == S_IFCHR && d->major == 5 && d->minor == 2;
}

static int make_listed(int root, const struct device_config *d, struct err *e)
{
    const char *name;
    if (is_ptmx(d))
        return 0;
    OWN_FD dir = inroot_parent(root, d->path, &name);
    return dir < 0 ? err_code(e, dir, "device %s", d->path) : make_node(dir, name, d, e);
}

static bool listed(const struct config *c, const char *path)
{
    for (unsigned i = 0; i < c->nr_devices; i++)
        if (strcmp(c->devices[i].path, path) == 0)
            return true;
    return false;
}

/* A /dev bound from the host is left as it is. */
static bool bound(const struct config *c)
{
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        const char *target = c->mounts[i].target;
        if (c->mounts[i].bind && (strcmp(target, "/dev") == 0 || strcmp(target, "/dev/") == 0))
            return true;
    }
    return false;
}

static int make_standard(int dev, const struct config *c, struct err *e)
{
    for (unsigned i = 0; i < STANDARD; i++) {
        const struct device_config *d = &standard[i];
        int rc = listed(c, d->path) ? 0 : make_node(dev, d->path + strlen("/dev/"), d, e);
        if (rc < 0)
            return rc;
    }
    for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
            return err_sys(e, "link /dev/%s", links[i].name);
    return 0;
}

int device_make_all(int root, const struct config *c, struct err *e)
{
    mode_t mask = umask(0);
    OWN_FD dev = bound(c) ? -1 : inroot_make_dir(root, "/dev", 0755);
    int rc = bound(c) ? 0 : dev < 0 ? err_code(e, dev, "/dev") : make_standard(dev, c, e);
    for (unsigned i = 0; rc == 0 && !bound(c) && i < c->nr_devices; i++)
        rc = make_listed(root, &c->devices[i], e);
    umask(mask);
    return rc;
}
