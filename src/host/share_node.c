// SPDX-License-Identifier: GPL-2.0-or-later
/* share_node: see share_impl.h: what the guest knows (nodes, by number and by inode) and has open (handles).
 */
#include <fcntl.h>
#include <string.h>

#include "host/share_impl.h"

/* ---- nodes ---- */

static unsigned inode_bucket(dev_t dev, ino_t ino)
{
    return (unsigned)((ino * 0x9e3779b97f4a7c15u ^ dev * 31) >> 20) % SHARE_BUCKETS;
}

struct share_node *share_find(struct share *s, uint64_t id)
{
    struct share_node *n = s->by_id[id % SHARE_BUCKETS];
    while (n && n->id != id)
        n = n->next_id;
    return n;
}

static struct share_node *find_inode(const struct share *s, const struct stat *st, unsigned export)
{
    struct share_node *n = s->by_inode[inode_bucket(st->st_dev, st->st_ino)];
    while (n && (n->dev != st->st_dev || n->ino != st->st_ino || n->export != export))
        n = n->next_inode;
    return n;
}

static struct share_node *add(struct share *s, int fd, const struct stat *st)
{
    struct share_node *n = s->nr_nodes < SHARE_NODES ? calloc(1, sizeof(*n)) : NULL;
    if (!n) {
        errno = ENOMEM;
        return NULL;
    }
    *n = (struct share_node){
        .id = s->next_id++, .fd = fd, .dev = st->st_dev, .ino = st->st_ino, .type = st->st_mode & S_IFMT};
    struct share_node **inode = &s->by_inode[inode_bucket(n->dev, n->ino)],
                      **id = &s->by_id[n->id % SHARE_BUCKETS];
    n->next_inode = *inode;
    n->next_id = *id;
    *inode = *id = n;
    s->nr_nodes++;
    return n;
}

static void drop(struct share *s, struct share_node *n)
{
    struct share_node **p = &s->by_inode[inode_bucket(n->dev, n->ino)];
    while (*p != n)
        p = &(*p)->next_inode;
    *p = n->next_inode;
    for (p = &s->by_id[n->id % SHARE_BUCKETS]; *p != n;)
        p = &(*p)->next_id;
    *p = n->next_id;
    s->nr_nodes--;
    close(n->fd);
    free(n);
}

struct share_node *share_node_get(struct share *s, int fd, unsigned export)
{
    OWN_FD owned = fd;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    struct share_node *n = find_inode(s, &st, export);
    if (!n && (n = add(s, fd, &st)) != NULL) {
        n->export = export;
        n->read_only = s->exports[export].read_only;
        n->small = s->exports[export].small;
        owned = -1;
    }
    if (n)
        n->lookups++;
    return n;
}

void share_forget(struct share *s, uint64_t id, uint64_t times)
{
    struct share_node *n = share_find(s, id);
    if (!n)
        return;
    n->lookups -= times < n->lookups ? times : n->lookups;
    if (n->lookups == 0)
        drop(s, n);
}

void share_forget_all(struct share *s)
{
    for (unsigned i = 0; i < SHARE_BUCKETS; i++)
        while (s->by_id[i])
            drop(s, s->by_id[i]);
    for (unsigned i = 0; i < s->nr_handles; i++)
        share_handle_free(&s->handles[i]);
}

char *share_proc_name(const struct share_node *n, char ret[16])
{
    snprintf(ret, 16, "%d", n->fd);
    return ret;
}

/* Opening anything else would be the host's affair: a device, or a pipe that nobody writes to. */
int share_reopen(struct share *s, const struct share_node *n, int flags)
{
    char name[16];
    if (n->type != S_IFREG && n->type != S_IFDIR)
        return -EACCES;
    int fd = openat(s->proc, share_proc_name(n, name), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* ---- handles ---- */

static int grow(struct share *s)
{
    unsigned nr = s->nr_handles ? 2 * s->nr_handles : 64;
    struct share_handle *h = nr > SHARE_HANDLES ? NULL : reallocarray(s->handles, nr, sizeof(*s->handles));
    if (!h)
        return -ENFILE;
    for (unsigned i = s->nr_handles; i < nr; i++)
        h[i] = (struct share_handle){.fd = -1};
    s->handles = h;
    s->nr_handles = nr;
    return 0;
}

int share_handle_new(struct share *s, int fd, bool dir, const struct share_node *n)
{
    unsigned i = 0;
    while (i < s->nr_handles && s->handles[i].fd >= 0)
        i++;
    int rc = i < s->nr_handles ? 0 : grow(s);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    s->handles[i] =
        (struct share_handle){.fd = fd, .dir = dir, .read_only = !n || n->read_only, .small = n && n->small};
    return (int)i;
}

struct share_handle *share_handle(struct share *s, uint64_t fh, bool dir)
{
    struct share_handle *h = fh < s->nr_handles ? &s->handles[fh] : NULL;
    return h && h->fd >= 0 && h->dir == dir ? h : NULL;
}

void share_handle_free(struct share_handle *h)
{
    own_fd(&h->fd);
    h->fd = -1;
}
