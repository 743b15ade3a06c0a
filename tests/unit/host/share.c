// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared folders, spoken to as a guest's kernel does, and as one that wants out. */
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "bed.h"
#include "host/share.h"

#define ROOM 8192

struct guest {
    struct bed *bed;
    struct share *share;
    int rw, ro, few;
    _Alignas(8) uint8_t message[ROOM], answer[ROOM];
    uint32_t got; /* bytes of the answer behind its header */
};

static void done(struct share_req *req, uint32_t bytes)
{
    struct guest *g = req->ctx;
    g->got = bytes;
    loop_stop(g->bed->loop);
}

/* A message cut into many pieces, as a chain may be. Its answer's error; what follows is in g->answer. */
static int send_raw(struct guest *g, size_t len, uint32_t room)
{
    struct iovec out[ROOM / 7 + 1], in[2] = {{g->answer, 5}, {g->answer + 5, room - 5}};
    unsigned nr = 0;
    for (size_t at = 0; at < len; at += 7, nr++)
        out[nr] = (struct iovec){g->message + at, len - at < 7 ? len - at : 7};
    struct share_req req = {.out = out,
                            .nr_out = nr,
                            .out_bytes = (uint32_t)len,
                            .in = in,
                            .nr_in = 2,
                            .in_bytes = room,
                            .done = done,
                            .ctx = g};
    share_port(g->share)->submit(share_port(g->share)->ctx, &req);
    struct err e;
    assert_int_equal(loop_run(g->bed->loop, &e), 0);
    if (g->got == 0)
        return 1;
    struct fuse_out_header h;
    memcpy(&h, g->answer, sizeof(h));
    assert_int_equal(h.len, g->got);
    assert_int_equal(h.unique, 77);
    g->got -= (uint32_t)sizeof(h);
    memmove(g->answer, g->answer + sizeof(h), g->got);
    return h.error;
}

static int ask(struct guest *g, uint32_t op, uint64_t node, const void *a, size_t a_len, const void *b,
               size_t b_len)
{
    struct fuse_in_header h = {.len = (uint32_t)(sizeof(h) + a_len + b_len),
                               .opcode = op,
                               .unique = 77,
                               .nodeid = node,
                               .uid = 5,
                               .gid = 6};
    memcpy(g->message, &h, sizeof(h));
    memcpy(g->message + sizeof(h), a, a_len);
    memcpy(g->message + sizeof(h) + a_len, b, b_len);
    return send_raw(g, h.len, ROOM);
}

static int name_op(struct guest *g, uint32_t op, uint64_t node, const char *name)
{
    return ask(g, op, node, name, strlen(name) + 1, "", 0);
}

static uint64_t entry(struct guest *g)
{
    assert_true(g->got >= sizeof(struct fuse_entry_out));
    return ((struct fuse_entry_out *)g->answer)->nodeid;
}

static uint64_t look_up(struct guest *g, uint64_t node, const char *name)
{
    assert_int_equal(name_op(g, FUSE_LOOKUP, node, name), 0);
    return entry(g);
}

static int opened(struct guest *g, uint32_t op, uint64_t node, uint32_t flags, uint64_t *ret_fh)
{
    const struct fuse_open_in in = {.flags = flags};
    int rc = ask(g, op, node, &in, sizeof(in), "", 0);
    if (rc == 0)
        *ret_fh = ((struct fuse_open_out *)g->answer)->fh;
    return rc;
}

static int written(struct guest *g, uint64_t node, uint64_t fh, const char *text)
{
    const struct fuse_write_in in = {.fh = fh, .size = (uint32_t)strlen(text)};
    return ask(g, FUSE_WRITE, node, &in, sizeof(in), text, strlen(text));
}

static int made(struct guest *g, uint64_t node, const char *name, uint32_t flags)
{
    const struct fuse_create_in in = {.flags = flags, .mode = S_IFREG | 0640};
    return ask(g, FUSE_CREATE, node, &in, sizeof(in), name, strlen(name) + 1);
}

static void put(const char *path, const char *text)
{
    OWN_FD fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static int up(void **state)
{
    struct bed *b;
    struct err e;
    if (bed_up((void **)&b) < 0)
        return -1;
    struct guest *g = calloc(1, sizeof(*g));
    g->bed = b;
    mkdir("rw", 0755), mkdir("ro", 0755), mkdir("rw/sub", 0755), mkdir("few", 0755);
    put("secret", "outside"), put("ro/file", "fixed"), put("rw/file", "hello");
    g->rw = open("rw", O_PATH), g->ro = open("ro", O_PATH), g->few = open("few", O_PATH);
    const struct share_export exports[] = {{.name = "rw", .fd = g->rw},
                                           {.name = "ro", .fd = g->ro, .read_only = true},
                                           {.name = "few", .fd = g->few, .small = true}};
    const struct fuse_init_in init = {.major = FUSE_KERNEL_VERSION, .minor = 38, .flags = ~0u};
    if (share_new("tag", exports, 3, b->loop, &g->share, &e) < 0 ||
        ask(g, FUSE_INIT, 0, &init, 16, "", 0) != 0)
        return -1;
    *state = g;
    return 0;
}

static int down(void **state)
{
    struct guest *g = *state;
    void *b = g->bed;
    share_free(g->share);
    close(g->rw), close(g->ro), close(g->few);
    free(g);
    return bed_down(&b);
}

/* ---- what works ---- */

static void a_file_is_read_and_written(void **state)
{
    struct guest *g = *state;
    uint64_t file = look_up(g, look_up(g, 1, "rw"), "file"), fh = 0;
    assert_int_equal(opened(g, FUSE_OPEN, file, O_RDWR, &fh), 0);
    const struct fuse_read_in read = {.fh = fh, .size = 100};
    assert_int_equal(ask(g, FUSE_READ, file, &read, sizeof(read), "", 0), 0);
    assert_int_equal(g->got, 5);
    assert_memory_equal(g->answer, "hello", 5);
    assert_int_equal(written(g, file, fh, "HELLO, more"), 0);
    OWN_MEM char *text = NULL;
    struct err e;
    assert_int_equal(file_read("rw/file", 100, &text, NULL, &e), 0);
    assert_string_equal(text, "HELLO, more");
    const struct fuse_release_in close = {.fh = fh};
    assert_int_equal(ask(g, FUSE_RELEASE, file, &close, sizeof(close), "", 0), 0);
    assert_int_equal(written(g, file, fh, "x"), -EBADF);
}

static void what_is_made_belongs_to_who_made_it(void **state)
{
    struct guest *g = *state;
    struct stat st;
    uint64_t dir = look_up(g, 1, "rw");
    if (geteuid() != 0)
        skip();
    assert_int_equal(made(g, dir, "new", O_WRONLY), 0);
    assert_int_equal(stat("rw/new", &st), 0);
    assert_int_equal(st.st_uid, 5);
    assert_int_equal(st.st_gid, 6);
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    const struct fuse_mkdir_in mk = {.mode = 01777};
    assert_int_equal(ask(g, FUSE_MKDIR, dir, &mk, sizeof(mk), "d", 2), 0);
    assert_int_equal(stat("rw/d", &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 01777);
    assert_int_equal(ask(g, FUSE_SYMLINK, dir, "link", 5, "../secret", 10), 0);
    uint64_t link = entry(g);
    assert_int_equal(ask(g, FUSE_READLINK, link, "", 0, "", 0), 0);
    assert_memory_equal(g->answer, "../secret", 9);
}

static void names_are_moved_and_removed(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), sub = look_up(g, dir, "sub");
    const struct fuse_rename_in mv = {.newdir = sub};
    assert_int_equal(ask(g, FUSE_RENAME, dir, &mv, sizeof(mv), "file\0moved", 11), 0);
    assert_int_equal(access("rw/sub/moved", F_OK), 0);
    assert_int_equal(name_op(g, FUSE_RMDIR, dir, "sub"), -ENOTEMPTY);
    assert_int_equal(name_op(g, FUSE_UNLINK, sub, "moved"), 0);
    assert_int_equal(name_op(g, FUSE_RMDIR, dir, "sub"), 0);
    assert_int_equal(access("rw/sub", F_OK), -1);
}

static void attributes_are_changed(void **state)
{
    struct guest *g = *state;
    struct stat st;
    uint64_t file = look_up(g, look_up(g, 1, "rw"), "file");
    const struct fuse_setattr_in in = {
        .valid = FATTR_MODE | FATTR_SIZE | FATTR_MTIME, .mode = 0600, .size = 2, .mtime = 1000};
    assert_int_equal(ask(g, FUSE_SETATTR, file, &in, sizeof(in), "", 0), 0);
    assert_int_equal(stat("rw/file", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 2);
    assert_int_equal(st.st_mtime, 1000);
    assert_int_equal(((struct fuse_attr_out *)g->answer)->attr.size, 2);
}

static void folders_are_listed_from_any_place(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), fh = 0, off = 0;
    unsigned seen = 0;
    assert_int_equal(opened(g, FUSE_OPENDIR, dir, O_RDONLY, &fh), 0);
    for (;;) {
        const struct fuse_read_in in = {.fh = fh, .offset = off, .size = 40}; /* one at a time */
        assert_int_equal(ask(g, FUSE_READDIR, dir, &in, sizeof(in), "", 0), 0);
        if (g->got == 0)
            break;
        const struct fuse_dirent *d = (const struct fuse_dirent *)g->answer;
        off = d->off;
        seen++;
    }
    assert_int_equal(seen, 4); /* . .. file sub */
    assert_int_equal(opened(g, FUSE_OPENDIR, 1, O_RDONLY, &fh), 0);
    const struct fuse_read_in in = {.fh = fh, .size = 4000};
    assert_int_equal(ask(g, FUSE_READDIR, 1, &in, sizeof(in), "", 0), 0);
    assert_memory_equal(((const struct fuse_dirent *)g->answer)->name, "rw", 2);
}

static void a_node_lives_until_it_is_forgotten(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), file = look_up(g, dir, "file");
    assert_int_equal(look_up(g, dir, "file"), file);
    unlink("rw/file");
    assert_int_equal(ask(g, FUSE_GETATTR, file, "", 0, "", 0), 0);
    const struct fuse_forget_in twice = {.nlookup = 2};
    assert_int_equal(ask(g, FUSE_FORGET, file, &twice, sizeof(twice), "", 0), 1); /* no answer */
    assert_int_equal(ask(g, FUSE_GETATTR, file, "", 0, "", 0), -ESTALE);
}

/* ---- what must not ---- */

static void a_read_only_export_stays_as_it_is(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "ro"), file = look_up(g, dir, "file"), fh = 0, rw = look_up(g, 1, "rw");
    const struct fuse_setattr_in attr = {.valid = FATTR_SIZE};
    const struct fuse_rename_in to_rw = {.newdir = rw}, to_ro = {.newdir = dir};
    const struct fuse_link_in link = {.oldnodeid = file};
    assert_int_equal(opened(g, FUSE_OPEN, file, O_WRONLY, &fh), -EROFS);
    assert_int_equal(made(g, dir, "new", O_WRONLY), -EROFS);
    assert_int_equal(name_op(g, FUSE_UNLINK, dir, "file"), -EROFS);
    assert_int_equal(ask(g, FUSE_SETATTR, file, &attr, sizeof(attr), "", 0), -EROFS);
    assert_int_equal(ask(g, FUSE_RENAME, dir, &to_rw, sizeof(to_rw), "file\0f", 7), -EROFS);
    assert_int_equal(ask(g, FUSE_RENAME, rw, &to_ro, sizeof(to_ro), "file\0f", 7), -EROFS);
    assert_int_equal(ask(g, FUSE_LINK, rw, &link, sizeof(link), "f", 2), -EXDEV);
    assert_int_equal(opened(g, FUSE_OPEN, file, O_RDONLY, &fh), 0);
    assert_int_equal(written(g, file, fh, "x"), -EBADF);
    assert_int_equal(made(g, 1, "new", O_WRONLY), -EROFS);
    assert_int_equal(name_op(g, FUSE_RMDIR, 1, "rw"), -EROFS);
}

static void a_folder_of_few_small_files_stays_one(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "few"), rw = look_up(g, 1, "rw"), fh = 0;
    char name[16];
    const struct fuse_rename_in mv = {.newdir = dir};
    const struct fuse_mkdir_in mk = {.mode = 0755};
    assert_int_equal(ask(g, FUSE_RENAME, rw, &mv, sizeof(mv), "file\0f", 7), -EXDEV);
    assert_int_equal(ask(g, FUSE_MKDIR, dir, &mk, sizeof(mk), "d", 2), -EPERM);
    assert_int_equal(ask(g, FUSE_SYMLINK, dir, "l\0x", 4, "", 0), -EPERM);
    assert_int_equal(made(g, dir, "big", O_WRONLY), 0);
    uint64_t big = look_up(g, dir, "big");
    assert_int_equal(opened(g, FUSE_OPEN, big, O_WRONLY, &fh), 0);
    const struct fuse_write_in end = {.fh = fh, .offset = SHARE_FILE_BYTES, .size = 1};
    const struct fuse_write_in wrap = {.fh = fh, .offset = ~0ull, .size = 1};
    const struct fuse_setattr_in grow = {.valid = FATTR_SIZE, .size = SHARE_FILE_BYTES + 1};
    assert_int_equal(ask(g, FUSE_WRITE, big, &end, sizeof(end), "x", 1), -EFBIG);
    assert_int_equal(ask(g, FUSE_WRITE, big, &wrap, sizeof(wrap), "x", 1), -EFBIG);
    assert_int_equal(ask(g, FUSE_SETATTR, big, &grow, sizeof(grow), "", 0), -EFBIG);
    assert_int_equal(written(g, big, fh, "fits"), 0);
    int rc = 0;
    for (unsigned i = 0; i < 2 * SHARE_FILES && rc == 0; i++) {
        snprintf(name, sizeof(name), "%u", i);
        rc = made(g, dir, name, O_WRONLY);
    }
    assert_int_equal(rc, -ENOSPC);
}

static void no_name_leads_out(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), fh = 0;
    static const char *const bad[] = {"..", ".", "../secret", "sub/../../secret", "/etc/passwd", ""};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(name_op(g, FUSE_LOOKUP, dir, bad[i]) < 0);
    assert_int_equal(name_op(g, FUSE_UNLINK, dir, "../secret"), -EINVAL);
    assert_int_equal(made(g, dir, "../x", O_WRONLY), -EINVAL);
    const struct fuse_rename_in mv = {.newdir = dir};
    assert_int_equal(ask(g, FUSE_RENAME, dir, &mv, sizeof(mv), "file\0../f", 10), -EINVAL);
    assert_int_equal(ask(g, FUSE_LOOKUP, dir, "file", 4, "", 0), -EINVAL); /* no end */
    assert_int_equal(symlink("../secret", "rw/link"), 0);
    uint64_t link = look_up(g, dir, "link");
    assert_int_equal(opened(g, FUSE_OPEN, link, O_RDONLY, &fh), -EACCES);
    assert_int_equal(opened(g, FUSE_OPENDIR, link, O_RDONLY, &fh), -EACCES);
    assert_int_equal(name_op(g, FUSE_LOOKUP, link, "x"), -ENOTDIR);
    assert_int_equal(made(g, dir, "link", O_WRONLY), -EACCES); /* what is behind it is not written to */
    OWN_MEM char *text = NULL;
    struct err e;
    assert_int_equal(file_read("secret", 100, &text, NULL, &e), 0);
    assert_string_equal(text, "outside");
}

static void devices_and_pipes_are_never_opened_nor_made(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), fh = 0;
    const struct fuse_mknod_in disk = {.mode = S_IFBLK | 0600, .rdev = 0x800},
                               pipe = {.mode = S_IFIFO | 0600};
    assert_int_equal(ask(g, FUSE_MKNOD, dir, &disk, sizeof(disk), "sda", 4), -EPERM);
    assert_int_equal(mkfifo("rw/fifo", 0600), 0);
    assert_int_equal(opened(g, FUSE_OPEN, look_up(g, dir, "fifo"), O_RDONLY, &fh), -EACCES);
    assert_int_equal(made(g, dir, "fifo", O_RDONLY), -EACCES);
    if (geteuid() == 0)
        assert_int_equal(ask(g, FUSE_MKNOD, dir, &pipe, sizeof(pipe), "p", 2), 0);
}

static void attributes_that_mean_something_to_the_host_are_not_there(void **state)
{
    struct guest *g = *state;
    uint64_t file = look_up(g, look_up(g, 1, "rw"), "file");
    const struct fuse_getxattr_in get = {.size = 100};
    const struct fuse_setxattr_in set = {.size = 1};
    assert_int_equal(ask(g, FUSE_GETXATTR, file, &get, sizeof(get), "trusted.overlay.opaque", 23), -ENODATA);
    memcpy(g->message + 40, &set, 8);
    assert_int_equal(
        ask(g, FUSE_SETXATTR, file, &set, FUSE_COMPAT_SETXATTR_IN_SIZE, "trusted.overlay.opaque\0y", 24),
        -EOPNOTSUPP);
    const struct fuse_setxattr_in lie = {.size = 50000};
    assert_int_equal(ask(g, FUSE_SETXATTR, file, &lie, FUSE_COMPAT_SETXATTR_IN_SIZE, "user.a\0y", 8),
                     -EINVAL);
}

static void nonsense_is_answered_with_errors(void **state)
{
    struct guest *g = *state;
    uint64_t dir = look_up(g, 1, "rw"), file = look_up(g, dir, "file"), fh = 0;
    assert_int_equal(ask(g, 9999, 1, "", 0, "", 0), -ENOSYS);
    assert_int_equal(ask(g, FUSE_GETATTR, 123456789, "", 0, "", 0), -ESTALE);
    assert_int_equal(name_op(g, FUSE_LOOKUP, 123456789, "x"), -ESTALE);
    assert_int_equal(ask(g, FUSE_OPEN, file, "", 0, "", 0), -EINVAL); /* too short */
    assert_int_equal(opened(g, FUSE_OPEN, file, O_RDWR, &fh), 0);
    const struct fuse_write_in lie = {.fh = fh, .size = 1 << 20};
    assert_int_equal(ask(g, FUSE_WRITE, file, &lie, sizeof(lie), "x", 1), -EINVAL);
    assert_int_equal(written(g, file, 99999, "x"), -EBADF);
    memset(g->message, 0xff, 10);
    assert_int_equal(send_raw(g, 10, ROOM), 1); /* not even a header: nothing to answer */
    const struct fuse_batch_forget_in many = {.count = ~0u};
    assert_int_equal(ask(g, FUSE_BATCH_FORGET, 0, &many, sizeof(many), "", 0), 1);
    const struct fuse_rename_in mv = {.newdir = dir};
    assert_int_equal(ask(g, FUSE_RENAME, dir, &mv, sizeof(mv), "file", 5), -EINVAL); /* one name only */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_and_written),
        TEST(what_is_made_belongs_to_who_made_it),
        TEST(names_are_moved_and_removed),
        TEST(attributes_are_changed),
        TEST(folders_are_listed_from_any_place),
        TEST(a_node_lives_until_it_is_forgotten),
        TEST(a_read_only_export_stays_as_it_is),
        TEST(a_folder_of_few_small_files_stays_one),
        TEST(no_name_leads_out),
        TEST(devices_and_pipes_are_never_opened_nor_made),
        TEST(attributes_that_mean_something_to_the_host_are_not_there),
        TEST(nonsense_is_answered_with_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
