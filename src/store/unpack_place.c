// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unpack_place: where an entry goes. Folders are entered one by one and never through a link, each name below
 * a descriptor, so that nothing in an archive leads out.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/unpack_impl.h"

int unpack_clean(const char *path, char **ret, struct err *e)
{
    OWN_MEM char *out = malloc(strlen(path) + 1);
    char *to = out;
    if (!out)
        return err_code(e, -ENOMEM, "%.80s", path);
    if (strlen(path) >= PATH_MAX)
        return err_code(e, -ENAMETOOLONG, "%.80s...", path);
    if (*path == '/')
        return err_set(e, -EINVAL, "%.200s: an absolute name", path);
    for (const char *from = path; *from;) {
        size_t n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.')
            return err_set(e, -EINVAL, "%.200s: a name with \"..\"", path);
        if (n && !(n == 1 && from[0] == '.')) {
            if (to != out)
                *to++ = '/';
            memcpy(to, from, n);
            to += n;
        }
        from += n + (from[n] == '/');
    }
    *to = 0;
    *ret = take(out);
    return 0;
}

int unpack_remove(int dir, const char *name)
{
    OWN_MEM char *path = NULL;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    path = path_make("/proc/self/fd/%d/%s", dir, name);
    return path ? dir_remove(path, NULL) : -ENOMEM;
}

void unpack_forget_parent(struct unpacking *u)
{
    own_fd(&u->parent_fd);
    free(take(u->parent));
    u->parent_fd = -1;
}

/* A new folder; was_gone: it hides the one below. */
static int make_folder(struct unpacking *u, int dir, const char *name, bool was_gone)
{
    if (mkdirat(dir, name, 0755) < 0)
        return -errno;
    OWN_FD fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 ? -errno : was_gone ? unpack_opaque(u, fd) : 0;
    return rc < 0 ? rc : take_fd(&fd);
}

/* One folder further; made if it is missing. What else is in the way goes only if it is another layer's. */
static int enter(struct unpacking *u, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int why = fd < 0 ? errno : 0;
    if (fd >= 0 || (why != ENOENT && why != ENOTDIR && why != ELOOP))
        return fd < 0 ? -why : fd;
    bool was_gone = unpack_unmark(u, dir, name);
    if (why != ENOENT && !was_gone && u->c->layer)
        return -ENOTDIR;
    if (why != ENOENT && !was_gone && unlinkat(dir, name, 0) < 0)
        return -errno;
    return make_folder(u, dir, name, was_gone);
}

static int walk(struct unpacking *u, char *path)
{
    OWN_FD at = fcntl(u->top, F_DUPFD_CLOEXEC, 0);
    for (char *rest, *name = strtok_r(path, "/", &rest); name && at >= 0; name = strtok_r(NULL, "/", &rest)) {
        int next = enter(u, at, name);
        close(at);
        at = next;
    }
    return take_fd(&at);
}

int unpack_parent(struct unpacking *u, const char *path, const char **ret_name, int *ret_fd, struct err *e)
{
    const char *slash = strrchr(path, '/');
    OWN_MEM char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
    *ret_name = slash ? slash + 1 : path;
    if (!dir)
        return err_code(e, -ENOMEM, "%s", path);
    if (!u->parent || strcmp(u->parent, dir) != 0) {
        OWN_MEM char *parts = strdup(dir);
        unpack_forget_parent(u);
        int fd = parts ? walk(u, parts) : -ENOMEM;
        if (fd == -ENOTDIR)
            return err_set(e, -EINVAL, "%.200s: its way goes through something that is no folder", path);
        if (fd < 0)
            return err_code(e, fd, "%.200s", path);
        u->parent_fd = fd;
        u->parent = take(dir);
    }
    *ret_fd = u->parent_fd;
    return 0;
}
