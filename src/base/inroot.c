// SPDX-License-Identifier: GPL-2.0-or-later
/* inroot: see inroot.h. */
#include "base/inroot.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

#define LINKS_MAX 16

static int open_how(int root, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve};
    if (flags & (O_CREAT | O_TMPFILE))
        how.mode = mode;
    for (unsigned tries = 0; tries < 64; tries++) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: something was renamed meanwhile */
            return -errno;
    }
    return -EAGAIN;
}

int inroot_open(int root, const char *path, int flags, mode_t mode)
{
    return open_how(root, *path ? path : ".", flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int inroot_open_plain(int root, const char *path, int flags, mode_t mode)
{
    return open_how(root, *path ? path : ".", flags, mode,
                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* The end of the next part of a path, and where its name starts. */
static const char *next_part(const char *at, const char **ret_name)
{
    at += strspn(at, "/");
    *ret_name = at;
    return at + strcspn(at, "/");
}

static int make_dirs(int root, const char *path, size_t len, mode_t mode, unsigned links);

/* A link whose target is missing: make that, below root as always. upto names the link, dir holds it. */
static int make_target(int root, int dir, const char *upto, const char *name, mode_t mode, unsigned links)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
    if (n <= 0 || links == 0)
        return n <= 0 ? -ENOENT : -ELOOP;
    target[n] = 0;
    if (target[0] == '/')
        return make_dirs(root, target, (size_t)n, mode, links - 1);
    OWN_MEM char *whole = path_make("%.*s%s", (int)(name - upto), upto, target);
    return whole ? make_dirs(root, whole, strlen(whole), mode, links - 1) : -ENOMEM;
}

/* The folder upto, whose last part is name in dir; made if it is missing. */
static int enter(int root, int dir, const char *upto, const char *name, mode_t mode, unsigned links)
{
    int fd = inroot_open(root, upto, O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT || strcmp(name, "..") == 0)
        return fd;
    if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
        return -errno;
    fd = inroot_open(root, upto, O_PATH | O_DIRECTORY, 0);
    return fd == -ENOENT ? make_target(root, dir, upto, name, mode, links) : fd;
}

/* Folders one after the other, each named by its whole path so far, as links and ".." may be among them. */
static int make_dirs(int root, const char *path, size_t len, mode_t mode, unsigned links)
{
    char upto[PATH_MAX];
    const char *name, *end = path;
    if (len >= sizeof(upto))
        return -ENAMETOOLONG;
    OWN_FD dir = inroot_open(root, ".", O_PATH | O_DIRECTORY, 0);
    while (dir >= 0 && (end = next_part(end, &name)) > name && (size_t)(name - path) < len) {
        memcpy(upto, path, (size_t)(end - path));
        upto[end - path] = 0;
        int next = enter(root, dir, upto, upto + (name - path), mode, links);
        close(dir);
        dir = next;
    }
    return take_fd(&dir);
}

int inroot_make_dir(int root, const char *path, mode_t mode)
{
    int fd = inroot_open(root, path, O_PATH, 0);
    return fd != -ENOENT ? fd : make_dirs(root, path, strlen(path), mode, LINKS_MAX);
}

int inroot_parent(int root, const char *path, const char **ret_name)
{
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    size_t start = len;
    while (start && path[start - 1] != '/')
        start--;
    *ret_name = path + start;
    if (start == len)
        return -EINVAL;
    return make_dirs(root, path, start, 0755, LINKS_MAX);
}

int inroot_make_file(int root, const char *path, mode_t mode)
{
    const char *name;
    int fd = inroot_open(root, path, O_PATH, 0);
    if (fd != -ENOENT)
        return fd;
    OWN_FD dir = inroot_parent(root, path, &name);
    if (dir < 0)
        return dir;
    OWN_FD made = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (made < 0 && errno != EEXIST)
        return -errno;
    return inroot_open(root, path, O_PATH, 0);
}

int inroot_write_plain(int root, const char *path, const char *text)
{
    OWN_FD fd = inroot_open_plain(root, path, O_WRONLY, 0);
    return fd < 0 ? fd : file_write_all(fd, text, strlen(text));
}
