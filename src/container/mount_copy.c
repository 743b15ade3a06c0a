// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_copy: see mount_copy.h. Links are copied as links, nothing is followed; depth is bounded. */
#include "container/mount_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define DEPTH_MAX 64

static int copy_dir(int from, int to, unsigned depth);

static int copy_file(int from, const char *name, int to, const struct stat *st)
{
    OWN_FD in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    OWN_FD out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0)
        return -errno;
    ssize_t n;
    while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
        ;
    if (n < 0 || fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
        return -errno;
    return 0;
}

static int copy_link(int from, const char *name, int to)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    text[n] = 0;
    return symlinkat(text, to, name) < 0 ? -errno : 0;
}

static int copy_subdir(int from, const char *name, int to, unsigned depth)
{
    if (mkdirat(to, name, 0700) < 0)
        return -errno;
    OWN_FD in = openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    OWN_FD out = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return in < 0 || out < 0 ? -errno : copy_dir(in, out, depth + 1);
}

static int copy_one(int from, const char *name, int to, unsigned depth)
{
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return copy_subdir(from, name, to, depth);
    if (S_ISREG(st.st_mode))
        return copy_file(from, name, to, &st);
    if (S_ISLNK(st.st_mode))
        return copy_link(from, name, to);
    return mknodat(to, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
}

static int copy_entries(DIR *d, int to, unsigned depth)
{
    const struct dirent *entry;
    int rc = 0;
    while (rc == 0 && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = copy_one(dirfd(d), entry->d_name, to, depth);
    return rc;
}

static int copy_dir(int from, int to, unsigned depth)
{
    struct stat st;
    if (depth > DEPTH_MAX)
        return -ELOOP;
    if (fstat(from, &st) < 0)
        return -errno;
    OWN_FD in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = in < 0 ? NULL : fdopendir(in);
    if (!d)
        return -errno;
    in = -1; /* d's now */
    int rc = copy_entries(d, to, depth);
    closedir(d);
    if (rc == 0 && (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0))
        rc = -errno;
    return rc;
}

int mount_copy_up(int from, int to)
{
    OWN_FD out = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return out < 0 ? -errno : copy_dir(from, out, 0);
}
