// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share_impl: what the files share*.c share. All of it is the worker's thread alone.
 *
 * A node is an inode that the guest knows: it holds an O_PATH descriptor, so that its number stays its own,
 * until the guest forgot it as often as it was told of it. A handle is an open file or folder.
 */
#pragma once

#include <linux/fuse.h>
#include <sys/stat.h>

#include "host/share.h"
#include "host/workers.h"

#define SHARE_NODES   (1u << 20)
#define SHARE_HANDLES (1u << 16)
#define SHARE_BUCKETS 4096
#define SHARE_BYTES   (72u << 10) /* of a message or an answer without file contents */
#define SHARE_WRITE   (256u << 10)

struct share_node {
    struct share_node *next_id, *next_inode; /* in its buckets */
    uint64_t id, lookups;
    int fd;
    dev_t dev;
    ino_t ino;
    mode_t type;
    unsigned export;
    bool read_only, small; /* its export is */
};

struct share_handle {
    int fd; /* -1: free */
    bool dir, read_only, small;
};

struct share {
    struct share_port port;
    struct loop *loop;
    struct workers *workers;
    struct share_export exports[SHARE_EXPORTS];
    char names[SHARE_EXPORTS][64];
    unsigned nr_exports;
    int proc; /* /proc/self/fd, through which an O_PATH descriptor becomes an open file */
    bool settled;

    struct share_node *by_inode[SHARE_BUCKETS], *by_id[SHARE_BUCKETS];
    uint64_t next_id;
    unsigned nr_nodes;
    struct share_handle *handles;
    unsigned nr_handles;

    _Alignas(8) uint8_t message[SHARE_BYTES], answer[SHARE_BYTES];
};

/* One message of the guest's, checked for its size; arg[len] is behind its header. */
struct share_call {
    struct share *share;
    const struct share_req *req;
    struct fuse_in_header head;
    const uint8_t *arg;
    uint32_t len;
    uint8_t *answer; /* SHARE_BYTES */
    uint32_t room;   /* of the guest, for the answer without its header */
};

/* An operation returns the bytes of its answer, which may be 0, or -errno. */
typedef int share_op(struct share_call *c);
share_op share_lookup, share_readlink, share_symlink, share_mknod, share_mkdir, share_unlink, share_rmdir,
    share_rename, share_rename2, share_link;
share_op share_getattr, share_setattr, share_statfs;
share_op share_getxattr, share_setxattr, share_listxattr, share_removexattr;
share_op share_open, share_create, share_read, share_write, share_release, share_fsync, share_fallocate,
    share_lseek;
share_op share_opendir, share_readdir;

/* ---- share_node.c ---- */
struct share_node *share_find(struct share *s, uint64_t id); /* NULL: none, or the made-up root */
/* The node of what fd is, which it takes over; one more lookup. NULL and errno. */
struct share_node *share_node_get(struct share *s, int fd, unsigned export);
void share_forget(struct share *s, uint64_t id, uint64_t times);
void share_forget_all(struct share *s); /* nodes and handles */
/* The index of a handle that fd, taken over, has become; -errno. */
int share_handle_new(struct share *s, int fd, bool dir, const struct share_node *n); /* n NULL: the root */
struct share_handle *share_handle(struct share *s, uint64_t fh, bool dir);           /* NULL */
void share_handle_free(struct share_handle *h);
/* Open the node itself: a regular file or folder; the descriptor or -errno. */
int share_reopen(struct share *s, const struct share_node *n, int flags);
char *share_proc_name(const struct share_node *n, char ret[16]); /* below share->proc */

/* ---- share_attr.c ---- */
int share_fill_attr(const struct share_node *n, struct fuse_attr *ret); /* NULL: the made-up root */
int share_fill_entry(struct share *s, struct share_node *n, struct fuse_entry_out *ret);
void share_drop_suid(int fd);

/* ---- share_name.c ---- */
/* A name of one component at arg, whose end is within len; NULL: it is none. */
const char *share_name(const uint8_t *arg, uint32_t len);
int share_own(int dir, int fd, const struct fuse_in_header *h); /* give what was made to the caller */
/* The child of a node by name; *ret one lookup more. */
int share_child(struct share *s, const struct share_node *dir, const char *name, struct share_node **ret);
