// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_overlay: see container_overlay.h. Source: Linux, Documentation/filesystems/overlayfs.rst.
 *
 * mount(2) takes one page of options, too little for a hundred paths, and its successor 256 bytes for each.
 * So the folders are opened, and their names are "5:6:7", as seen from /proc/self/fd.
 */
#include "monitor/container_overlay.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/file.h"
#include "store/unpack.h"

#define OPTIONS_MAX 4000

struct folders {
    int *fd;
    unsigned nr;
};

static void close_all(struct folders *f)
{
    for (unsigned i = 0; i < f->nr; i++)
        close(f->fd[i]);
    free(f->fd);
}

static int open_folder(struct folders *f, const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    f->fd[f->nr++] = fd;
    return 0;
}

/* The layers, then upper, then work. */
static int open_all(const struct overlay *o, struct folders *f)
{
    f->fd = calloc(o->lower->nr + 2, sizeof(*f->fd));
    int rc = f->fd ? 0 : -ENOMEM;
    for (unsigned i = 0; rc == 0 && i < o->lower->nr; i++)
        rc = open_folder(f, o->lower->roots[i]);
    if (rc == 0)
        rc = open_folder(f, o->upper);
    return rc < 0 ? rc : open_folder(f, o->work);
}

static int write_options(const struct folders *f, bool trusted, bool fleeting, char *text)
{
    size_t at = 0;
    for (unsigned i = 0; i < f->nr && at < OPTIONS_MAX; i++) {
        const char *key = i == 0           ? "lowerdir="
                          : i == f->nr - 2 ? ",upperdir="
                          : i == f->nr - 1 ? ",workdir="
                                           : ":";
        at += (size_t)snprintf(text + at, OPTIONS_MAX - at, "%s%d", key, f->fd[i]);
    }
    if (at < OPTIONS_MAX)
        at += (size_t)snprintf(text + at, OPTIONS_MAX - at, "%s%s", trusted ? "" : ",userxattr",
                               fleeting ? ",volatile" : "");
    return at < OPTIONS_MAX ? 0 : -E2BIG;
}

static int mount_at(const char *at, const char *options)
{
    OWN_FD here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || chdir("/proc/self/fd") < 0)
        return -errno;
    int rc = mount("overlay", at, "overlay", MS_NODEV, options) < 0 ? -errno : 0;
    return fchdir(here) < 0 && rc == 0 ? -errno : rc;
}

int overlay_mount(const struct overlay *o)
{
    __attribute__((cleanup(close_all))) struct folders f = {0};
    char options[OPTIONS_MAX];
    bool trusted = unpack_marks_trusted(o->upper);
    int rc = o->lower->dotted ? -EOPNOTSUPP : open_all(o, &f);
    if (rc < 0 || (rc = write_options(&f, trusted, o->fleeting, options)) < 0)
        return rc;
    rc = mount_at(o->at, options);
    if (rc != -EINVAL || !o->fleeting || (rc = write_options(&f, trusted, false, options)) < 0)
        return rc;
    return mount_at(o->at, options); /* before Linux 5.10 nothing is volatile */
}
