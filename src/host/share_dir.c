// SPDX-License-Identifier: GPL-2.0-or-later
/* share_dir: open folders. The place in one is the host file system's own cookie. Source: as share.c. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "host/share_impl.h"

#define ENTRIES 32768 /* bytes of a folder read at a time */

struct listing {
    uint8_t *at;
    size_t len, room;
};

/* False: it has no room. */
static bool add(struct listing *l, uint64_t ino, uint64_t next, unsigned type, const char *name)
{
    size_t len = strlen(name), whole = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len);
    if (whole > l->room - l->len)
        return false;
    const struct fuse_dirent d = {.ino = ino, .off = next, .namelen = (uint32_t)len, .type = type};
    memset(l->at + l->len, 0, whole);
    memcpy(l->at + l->len, &d, FUSE_NAME_OFFSET);
    memcpy(l->at + l->len + FUSE_NAME_OFFSET, name, len);
    l->len += whole;
    return true;
}

static int list_exports(const struct share *s, uint64_t from, struct listing *l)
{
    for (uint64_t i = from; i < s->nr_exports; i++) {
        struct stat st;
        bool dir = fstat(s->exports[i].fd, &st) == 0 && S_ISDIR(st.st_mode);
        if (!add(l, i + 2, i + 1, dir ? DT_DIR : DT_REG, s->exports[i].name))
            break;
    }
    return (int)l->len;
}

/* What did not fit is read again, from the place behind the last that did. */
static int list_folder(int fd, uint64_t from, struct listing *l)
{
    _Alignas(8) uint8_t raw[ENTRIES];
    if (lseek(fd, (off_t)from, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        ssize_t n = syscall(SYS_getdents64, fd, raw, sizeof(raw));
        if (n < 0 && l->len == 0)
            return -errno;
        if (n <= 0)
            return (int)l->len;
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *d = (const struct dirent64 *)(raw + at);
            if (!add(l, d->d_ino, (uint64_t)d->d_off, d->d_type, d->d_name))
                return (int)l->len;
            at += d->d_reclen;
        }
    }
}

int share_opendir(struct share_call *c)
{
    struct fuse_open_out *out = (struct fuse_open_out *)c->answer;
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n && c->head.nodeid != FUSE_ROOT_ID)
        return -ESTALE;
    int fd = n ? share_reopen(c->share, n, O_RDONLY | O_DIRECTORY)
               : open("/dev/null", O_RDONLY | O_CLOEXEC); /* the made-up root is read from the table */
    int h = fd < 0 ? fd : share_handle_new(c->share, fd, true, n);
    if (h < 0)
        return n ? h : -ENFILE;
    *out = (struct fuse_open_out){.fh = (uint64_t)h};
    return sizeof(*out);
}

int share_readdir(struct share_call *c)
{
    const struct fuse_read_in *in = (const struct fuse_read_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, true);
    struct listing l = {.at = c->answer, .room = in->size < SHARE_BYTES ? in->size : SHARE_BYTES};
    if (!h)
        return -EBADF;
    l.room = l.room < c->room ? l.room : c->room;
    if (c->head.nodeid == FUSE_ROOT_ID)
        return list_exports(c->share, in->offset, &l);
    return list_folder(h->fd, in->offset, &l);
}
