// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share: see share.h. Messages come in, are read once, and are answered by the table below.
 *
 * Source: Linux include/uapi/linux/fuse.h and fs/fuse, protocol 7.31; virtio 1.2, 5.11.6 (a message is a
 * chain: its readable part, then the room for the answer). Left out: locks (the guest's own), ioctl, poll,
 * DAX, notifications. A message that makes no sense is answered with an error, as a file system does it.
 * Threads: `carry_out` and all below run on the one worker.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/loop.h"
#include "host/iov.h"
#include "host/share_impl.h"

#define MINOR 31 /* what we speak: newer kernels speak it too */

/* ---- the session ---- */

static int init(struct share_call *c)
{
    const struct fuse_init_in *in = (const struct fuse_init_in *)c->arg;
    struct fuse_init_out *out = (struct fuse_init_out *)c->answer;
    const uint32_t can =
        FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_HANDLE_KILLPRIV_V2;
    if (in->major != FUSE_KERNEL_VERSION || in->minor < MINOR)
        return -EPROTO;
    share_forget_all(c->share);
    *out = (struct fuse_init_out){
        .major = FUSE_KERNEL_VERSION,
        .minor = MINOR,
        .max_readahead = in->max_readahead,
        .flags = in->flags & can,
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = SHARE_WRITE,
        .time_gran = 1,
        .max_pages = SHARE_WRITE / 4096,
    };
    return sizeof(*out);
}

static int destroy(struct share_call *c)
{
    share_forget_all(c->share);
    return 0;
}

/* Neither of these has an answer. */
static int forget(struct share_call *c)
{
    share_forget(c->share, c->head.nodeid, ((const struct fuse_forget_in *)c->arg)->nlookup);
    return 0;
}

static int forget_many(struct share_call *c)
{
    const struct fuse_batch_forget_in *in = (const struct fuse_batch_forget_in *)c->arg;
    const struct fuse_forget_one *one = (const struct fuse_forget_one *)(in + 1);
    uint32_t there = (c->len - (uint32_t)sizeof(*in)) / (uint32_t)sizeof(*one);
    for (uint32_t i = 0; i < in->count && i < there; i++)
        share_forget(c->share, one[i].nodeid, one[i].nlookup);
    return 0;
}

/* ---- dispatch ---- */

#define OP(name, least, run) [FUSE_##name] = {least, run}
static const struct {
    uint32_t least; /* bytes behind the header */
    share_op *run;
} ops[] = {
    OP(INIT, 16, init),
    OP(DESTROY, 0, destroy),
    OP(FORGET, sizeof(struct fuse_forget_in), forget),
    OP(BATCH_FORGET, sizeof(struct fuse_batch_forget_in), forget_many),
    OP(LOOKUP, 2, share_lookup),
    OP(READLINK, 0, share_readlink),
    OP(SYMLINK, 4, share_symlink),
    OP(MKNOD, sizeof(struct fuse_mknod_in) + 2, share_mknod),
    OP(MKDIR, sizeof(struct fuse_mkdir_in) + 2, share_mkdir),
    OP(UNLINK, 2, share_unlink),
    OP(RMDIR, 2, share_rmdir),
    OP(RENAME, sizeof(struct fuse_rename_in) + 4, share_rename),
    OP(RENAME2, sizeof(struct fuse_rename2_in) + 4, share_rename2),
    OP(LINK, sizeof(struct fuse_link_in) + 2, share_link),
    OP(GETATTR, 0, share_getattr),
    OP(SETATTR, sizeof(struct fuse_setattr_in), share_setattr),
    OP(STATFS, 0, share_statfs),
    OP(GETXATTR, sizeof(struct fuse_getxattr_in) + 2, share_getxattr),
    OP(SETXATTR, FUSE_COMPAT_SETXATTR_IN_SIZE + 2, share_setxattr),
    OP(LISTXATTR, sizeof(struct fuse_getxattr_in), share_listxattr),
    OP(REMOVEXATTR, 2, share_removexattr),
    OP(OPEN, sizeof(struct fuse_open_in), share_open),
    OP(CREATE, sizeof(struct fuse_create_in) + 2, share_create),
    OP(READ, sizeof(struct fuse_read_in), share_read),
    OP(WRITE, sizeof(struct fuse_write_in), share_write),
    OP(RELEASE, sizeof(struct fuse_release_in), share_release),
    OP(FSYNC, sizeof(struct fuse_fsync_in), share_fsync),
    OP(FALLOCATE, sizeof(struct fuse_fallocate_in), share_fallocate),
    OP(LSEEK, sizeof(struct fuse_lseek_in), share_lseek),
    OP(OPENDIR, sizeof(struct fuse_open_in), share_opendir),
    OP(READDIR, sizeof(struct fuse_read_in), share_readdir),
    OP(RELEASEDIR, sizeof(struct fuse_release_in), share_release),
    OP(FSYNCDIR, sizeof(struct fuse_fsync_in), share_fsync),
};

static int run(struct share_call *c)
{
    if (c->head.opcode >= sizeof(ops) / sizeof(ops[0]) || !ops[c->head.opcode].run)
        return -ENOSYS;
    if (c->len < ops[c->head.opcode].least)
        return -EINVAL;
    return ops[c->head.opcode].run(c);
}

static bool has_answer(uint32_t opcode)
{
    return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET;
}

/* File contents are in their place already: then c->answer is NULL. */
static int answer(const struct share_call *c, int rc)
{
    const struct share_req *r = c->req;
    struct fuse_out_header head = {.unique = c->head.unique, .len = sizeof(head)};
    if (rc < 0)
        head.error = rc < -511 ? -EIO : rc;
    else if ((uint32_t)rc > c->room)
        head.error = -ERANGE;
    else
        head.len += (uint32_t)rc;
    if (r->in_bytes < sizeof(head))
        return 0;
    iov_scatter(r->in, r->nr_in, 0, &head, sizeof(head));
    if (c->answer && head.error == 0)
        iov_scatter(r->in, r->nr_in, sizeof(head), c->answer, head.len - sizeof(head));
    return (int)head.len;
}

/* Files that the guest makes get the mode that it says: its kernel knows its processes' masks. */
static void settle(struct share *s)
{
    if (!s->settled && unshare(CLONE_FS) == 0)
        umask(0);
    s->settled = true;
}

static int carry_out(void *ctx, struct work *work)
{
    struct share *s = ctx;
    const struct share_req *r = (const struct share_req *)work;
    const size_t head = sizeof(struct fuse_in_header);
    settle(s);
    size_t n = iov_gather(r->out, r->nr_out, s->message, sizeof(s->message));
    if (n < head)
        return 0;
    struct share_call c = {.share = s,
                           .req = r,
                           .arg = s->message + head,
                           .len = (uint32_t)(n - head),
                           .answer = s->answer,
                           .room = r->in_bytes < sizeof(struct fuse_out_header)
                                       ? 0
                                       : r->in_bytes - (uint32_t)sizeof(struct fuse_out_header)};
    memcpy(&c.head, s->message, head);
    int rc = run(&c);
    return has_answer(c.head.opcode) ? answer(&c, rc) : 0;
}

/* ---- the loop's side ---- */

static void deliver(void *ctx, struct work *work, int bytes)
{
    struct share_req *r = (struct share_req *)work;
    (void)ctx;
    r->done(r, bytes < 0 ? 0 : (uint32_t)bytes);
}

static void on_results(void *ctx, int fd, uint32_t events)
{
    struct share *s = ctx;
    (void)fd, (void)events;
    workers_results(s->workers, deliver);
}

static void submit(void *ctx, struct share_req *r)
{
    struct share *s = ctx;
    workers_submit(s->workers, &r->work);
}

static void drain(void *ctx)
{
    struct share *s = ctx;
    workers_settle(s->workers, deliver);
}

static void raise_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int take_exports(struct share *s, const struct share_export *exports, unsigned nr, struct err *e)
{
    struct stat st;
    if (nr > SHARE_EXPORTS)
        return err_set(e, -ENOSPC, "%u folders to share, at most %d are possible", nr, SHARE_EXPORTS);
    for (unsigned i = 0; i < nr; i++) {
        if (fstat(exports[i].fd, &st) < 0)
            return err_sys(e, "share %s", exports[i].name);
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
            return err_set(e, -EINVAL, "share %s: neither a folder nor a regular file", exports[i].name);
        snprintf(s->names[i], sizeof(s->names[i]), "%s", exports[i].name);
        s->exports[i] = exports[i];
        s->exports[i].name = s->names[i];
    }
    s->nr_exports = nr;
    return 0;
}

int share_new(const char *tag, const struct share_export *exports, unsigned nr, struct loop *loop,
              struct share **ret, struct err *e)
{
    OWN(share) s = calloc(1, sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "shared folders");
    s->port = (struct share_port){.submit = submit, .drain = drain, .ctx = s, .tag = tag};
    s->next_id = FUSE_ROOT_ID + 1;
    s->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->proc < 0)
        return err_sys(e, "/proc/self/fd");
    raise_limit();
    int rc = take_exports(s, exports, nr, e);
    if (rc == 0)
        rc = workers_new("share", 1, carry_out, s, &s->workers, e);
    if (rc == 0)
        rc = loop_watch(loop, workers_fd(s->workers), EPOLLIN, on_results, s, e);
    if (rc < 0)
        return rc;
    s->loop = loop;
    *ret = take(s);
    return 0;
}

void share_free(struct share *s)
{
    if (!s)
        return;
    if (s->loop)
        loop_unwatch(s->loop, workers_fd(s->workers));
    if (s->workers)
        workers_drain(s->workers, deliver);
    workers_free(s->workers);
    share_forget_all(s);
    free(s->handles);
    own_fd(&s->proc);
    free(s);
}

struct share_port *share_port(struct share *s)
{
    return &s->port;
}
