// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ext4: the writing half; see ext4.h.
 *
 * Source: libext2fs (e2fsprogs), as its own mke2fs -d uses it.
 * Left out: POSIX ACLs.
 */
#include "store/ext4.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "store/ext4_impl.h"

/* All that a kernel from 4.x on knows; said in full so that no mke2fs.conf adds what old kernels refuse. */
#define FEATURES                                                                                             \
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,"           \
    "large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

int ext4_err(struct err *e, errcode_t code, const char *fmt, ...)
{
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    switch (code) {
    case EXT2_ET_NO_MEMORY:
        return err_code(e, -ENOMEM, "%s", what);
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
        return err_set(e, -ENOSPC, "%s: the disk is too small for its content", what);
    case EXT2_ET_FILE_NOT_FOUND:
        return err_code(e, -ENOENT, "%s", what);
    case EXT2_ET_SHORT_WRITE:
        return err_code(e, -ENOSPC, "%s", what);
    default:
        if (code > 0 && code < 4096)
            return err_code(e, -(int)code, "%s", what);
        return err_set(e, -EINVAL, "%s: damaged file system (error %lu of libext2fs)", what,
                       (unsigned long)(code & 0xff));
    }
}

/* ---- opening and closing ---- */

static int open_fs(const char *path, const char *options, int flags, struct ext4 **ret, struct err *e)
{
    OWN(ext4) f = calloc(1, sizeof(*f));
    if (!f || !(f->path = strdup(path)))
        return err_code(e, -ENOMEM, "open %s", path);
    errcode_t rc = ext2fs_open2(path, options, flags | EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &f->fs);
    if (rc == 0 && (flags & EXT2_FLAG_RW))
        rc = ext2fs_read_bitmaps(f->fs);
    if (rc)
        return ext4_err(e, rc, "open %s", path);
    *ret = take(f);
    return 0;
}

int ext4_open(const char *path, uint64_t offset, struct ext4 **ret, struct err *e)
{
    char options[40];
    snprintf(options, sizeof(options), "offset=%llu", (unsigned long long)offset);
    return open_fs(path, offset ? options : NULL, 0, ret, e);
}

int ext4_create(const char *path, uint64_t bytes, uint64_t nr_inodes, struct ext4 **ret, struct err *e)
{
    OWN_FD fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return err_sys(e, "create %s", path);
    char inodes[24];
    snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)nr_inodes);
    /* A new sparse file reads as zeroes, so nothing is left for the guest to initialize. */
    const char *argv[] = {
        "mke2fs", "-q",   "-F",   "-O",  FEATURES,
        "-b",     "4096", "-I",   "256", "-m",
        "1",      "-N",   inodes, "-E",  "assume_storage_prezeroed=1,nodiscard,root_owner=0:0",
        path,     NULL};
    int rc = proc_run(&(struct proc_config){.argv = argv}, e);
    return rc < 0 ? rc : open_fs(path, NULL, EXT2_FLAG_RW, ret, e);
}

static errcode_t close_file(struct ext4 *f)
{
    if (!f->file)
        return 0;
    errcode_t rc = ext2fs_file_close(f->file);
    f->file = NULL;
    return rc;
}

int ext4_finish(struct ext4 **f, struct err *e)
{
    OWN(ext4) own = take(*f);
    errcode_t rc = close_file(own);
    if (rc == 0)
        rc = ext2fs_close(own->fs);
    if (rc)
        return ext4_err(e, rc, "write %s", own->path);
    own->fs = NULL;
    return 0;
}

void ext4_close(struct ext4 *f)
{
    if (!f)
        return;
    close_file(f);
    if (f->fs)
        ext2fs_free(f->fs);
    free(f->parent);
    free(f->path);
    free(f);
}

/* ---- paths ---- */

/* That is "./", "//", a "/" at either end. */
char *ext4_clean(const char *path)
{
    char *out = malloc(strlen(path) + 1), *to = out;
    if (!out)
        return NULL;
    for (const char *from = path; *from;) {
        size_t n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.') {
            free(out);
            return NULL;
        }
        if (n && !(n == 1 && from[0] == '.')) {
            if (to != out)
                *to++ = '/';
            memcpy(to, from, n);
            to += n;
        }
        from += n + (from[n] == '/');
    }
    *to = 0;
    return out;
}

static errcode_t link_in(struct ext4 *f, ext2_ino_t dir, const char *name, ext2_ino_t ino, int type)
{
    errcode_t rc = ext2fs_link(f->fs, dir, name, ino, type);
    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(f->fs, dir)) == 0)
        rc = ext2fs_link(f->fs, dir, name, ino, type);
    return rc;
}

static errcode_t make_dir(struct ext4 *f, ext2_ino_t dir, const char *name)
{
    errcode_t rc = ext2fs_mkdir(f->fs, dir, 0, name);
    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(f->fs, dir)) == 0)
        rc = ext2fs_mkdir(f->fs, dir, 0, name);
    return rc;
}

/* A folder's inode, made if it is missing; links are followed as tar would, or replaced as a layer does. */
static errcode_t enter(struct ext4 *f, ext2_ino_t at, const char *name, ext2_ino_t *ret)
{
    errcode_t rc = f->exact ? ext2fs_lookup(f->fs, at, name, (int)strlen(name), NULL, ret)
                            : ext2fs_namei_follow(f->fs, EXT2_ROOT_INO, at, name, ret);
    if (rc == 0 && f->exact && ext2fs_check_directory(f->fs, *ret) &&
        (rc = ext4_drop(f, at, name, *ret)) == 0)
        rc = EXT2_ET_FILE_NOT_FOUND;
    if (rc == EXT2_ET_FILE_NOT_FOUND && (rc = make_dir(f, at, name)) == 0)
        rc = ext2fs_lookup(f->fs, at, name, (int)strlen(name), NULL, ret);
    return rc;
}

/* The folder at this path. */
static errcode_t folder(struct ext4 *f, char *path, ext2_ino_t *ret)
{
    ext2_ino_t at = EXT2_ROOT_INO;
    for (char *name = path, *next; *name; name = next) {
        next = name + strcspn(name, "/");
        char cut = *next;
        *next = 0;
        ext2_ino_t sub;
        errcode_t rc = enter(f, at, name, &sub);
        *next = cut;
        if (rc)
            return rc;
        at = sub;
        next += cut == '/';
    }
    *ret = at;
    return ext2fs_check_directory(f->fs, at) ? ENOTDIR : 0;
}

/* Split path at its last "/": the folder's inode, and the name (part of path). */
static errcode_t locate(struct ext4 *f, char *path, ext2_ino_t *ret_dir, char **ret_name)
{
    char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    const char *dir = slash ? path : "";
    if (slash)
        *slash = 0;
    if (!f->parent || strcmp(f->parent, dir) != 0) {
        errcode_t rc = folder(f, slash ? path : *ret_name + strlen(*ret_name), &f->parent_ino);
        if (rc)
            return rc;
        free(f->parent);
        f->parent = strdup(dir);
    }
    *ret_dir = f->parent_ino;
    return strlen(*ret_name) > EXT2_NAME_LEN ? ENAMETOOLONG : 0;
}

/* ---- nodes ---- */

static void set_meta(struct ext2_inode *i, const struct ext4_node *n)
{
    i->i_mode = (uint16_t)n->mode;
    i->i_uid = (uint16_t)n->uid;
    i->osd2.linux2.l_i_uid_high = (uint16_t)(n->uid >> 16);
    i->i_gid = (uint16_t)n->gid;
    i->osd2.linux2.l_i_gid_high = (uint16_t)(n->gid >> 16);
    i->i_mtime = i->i_ctime = i->i_atime = (uint32_t)n->mtime;
}

static errcode_t store_meta(struct ext4 *f, const struct ext4_node *n)
{
    struct ext2_inode i;
    errcode_t rc = ext2fs_read_inode(f->fs, f->ino, &i);
    if (rc)
        return rc;
    set_meta(&i, n);
    return ext2fs_write_inode(f->fs, f->ino, &i);
}

/* EEXIST: a folder that may stay is there, in f->ino. */
static errcode_t make_room(struct ext4 *f, ext2_ino_t dir, const char *name, bool for_folder)
{
    ext2_ino_t old;
    errcode_t rc = ext2fs_lookup(f->fs, dir, name, (int)strlen(name), NULL, &old);
    if (rc == EXT2_ET_FILE_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    bool is_folder = ext2fs_check_directory(f->fs, old) == 0;
    if (is_folder && !for_folder && !f->exact)
        return EISDIR;
    ext2_ino_t target = old; /* a link to a folder may stay, too: /lib on a system with a merged /usr */
    if (for_folder && !is_folder && !f->exact &&
        ext2fs_namei_follow(f->fs, EXT2_ROOT_INO, dir, name, &target) == 0)
        is_folder = ext2fs_check_directory(f->fs, target) == 0;
    if (for_folder && is_folder) {
        f->ino = target;
        return EEXIST;
    }
    return ext4_drop(f, dir, name, old);
}

static errcode_t add_folder(struct ext4 *f, ext2_ino_t dir, const char *name)
{
    errcode_t rc = make_dir(f, dir, name);
    return rc ? rc : ext2fs_lookup(f->fs, dir, name, (int)strlen(name), NULL, &f->ino);
}

static errcode_t add_symlink(struct ext4 *f, ext2_ino_t dir, const char *name, const char *text)
{
    errcode_t rc = ext2fs_symlink(f->fs, dir, 0, name, text);
    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(f->fs, dir)) == 0)
        rc = ext2fs_symlink(f->fs, dir, 0, name, text);
    return rc ? rc : ext2fs_lookup(f->fs, dir, name, (int)strlen(name), NULL, &f->ino);
}

static int file_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFCHR:
        return EXT2_FT_CHRDEV;
    case S_IFBLK:
        return EXT2_FT_BLKDEV;
    case S_IFIFO:
        return EXT2_FT_FIFO;
    case S_IFSOCK:
        return EXT2_FT_SOCK;
    default:
        return EXT2_FT_REG_FILE;
    }
}

/* Regular files, devices, pipes, sockets. */
static errcode_t add_inode(struct ext4 *f, ext2_ino_t dir, const char *name, const struct ext4_node *n)
{
    errcode_t rc = ext2fs_new_inode(f->fs, dir, (int)n->mode, 0, &f->ino);
    if (rc || (rc = link_in(f, dir, name, f->ino, file_type(n->mode))))
        return rc;
    ext2fs_inode_alloc_stats2(f->fs, f->ino, +1, 0);
    struct ext2_inode i = {.i_links_count = 1};
    set_meta(&i, n);
    if (S_ISREG(n->mode)) {
        ext2_extent_handle_t h;
        i.i_flags |= EXT4_EXTENTS_FL;
        if ((rc = ext2fs_extent_open2(f->fs, f->ino, &i, &h)))
            return rc;
        ext2fs_extent_free(h);
    } else if (S_ISCHR(n->mode) || S_ISBLK(n->mode)) {
        i.i_block[1] = (n->minor & 0xff) | (n->major << 8) | ((n->minor & ~0xffu) << 12);
    }
    return ext2fs_write_new_inode(f->fs, f->ino, &i);
}

static errcode_t add(struct ext4 *f, char *path, const struct ext4_node *n)
{
    ext2_ino_t dir;
    char *name;
    if (*path == 0) { /* the root itself */
        f->ino = EXT2_ROOT_INO;
        return S_ISDIR(n->mode) ? store_meta(f, n) : EISDIR;
    }
    errcode_t rc = locate(f, path, &dir, &name);
    if (rc == 0)
        rc = make_room(f, dir, name, S_ISDIR(n->mode));
    if (rc == EEXIST)
        return store_meta(f, n);
    if (rc)
        return rc;
    if (S_ISDIR(n->mode))
        rc = add_folder(f, dir, name);
    else if (S_ISLNK(n->mode))
        rc = add_symlink(f, dir, name, n->link);
    else
        return add_inode(f, dir, name, n);
    return rc ? rc : store_meta(f, n);
}

int ext4_add(struct ext4 *f, const struct ext4_node *n, struct err *e)
{
    OWN_MEM char *path = ext4_clean(n->path);
    if (!path)
        return err_set(e, -EINVAL, "%s: not a path for a file system", n->path);
    errcode_t rc = close_file(f);
    if (rc == 0)
        rc = add(f, path, n);
    return rc ? ext4_err(e, rc, "%s", n->path) : 0;
}

static errcode_t add_link(struct ext4 *f, char *path, const char *existing)
{
    ext2_ino_t dir, ino;
    char *name;
    struct ext2_inode i;
    errcode_t rc = ext2fs_namei(f->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, existing, &ino);
    if (rc || (rc = locate(f, path, &dir, &name)) || (rc = make_room(f, dir, name, false)) ||
        (rc = ext2fs_read_inode(f->fs, ino, &i)))
        return rc;
    if (LINUX_S_ISDIR(i.i_mode) || i.i_links_count == 0 || i.i_links_count >= 65000)
        return EMLINK;
    if ((rc = link_in(f, dir, name, ino, file_type(i.i_mode))))
        return rc;
    i.i_links_count++;
    f->ino = ino;
    return ext2fs_write_inode(f->fs, ino, &i);
}

int ext4_link(struct ext4 *f, const char *path, const char *existing, struct err *e)
{
    OWN_MEM char *at = ext4_clean(path), *to = ext4_clean(existing);
    if (!at || !to || !*at || !*to)
        return err_set(e, -EINVAL, "%s: not a path for a file system", at ? existing : path);
    errcode_t rc = close_file(f);
    if (rc == 0)
        rc = add_link(f, at, to);
    return rc ? ext4_err(e, rc, "%s: link to %s", path, existing) : 0;
}

/* ---- content ---- */

static errcode_t open_file(struct ext4 *f)
{
    return f->file ? 0 : ext2fs_file_open(f->fs, f->ino, EXT2_FILE_WRITE, &f->file);
}

int ext4_write(struct ext4 *f, uint64_t offset, const void *data, size_t len, struct err *e)
{
    errcode_t rc = open_file(f);
    if (rc == 0)
        rc = ext2fs_file_llseek(f->file, offset, EXT2_SEEK_SET, NULL);
    const char *from = data;
    while (rc == 0 && len) {
        unsigned n = len < 1u << 20 ? (unsigned)len : 1u << 20, done = 0;
        rc = ext2fs_file_write(f->file, from, n, &done);
        from += done;
        len -= done;
    }
    return rc ? ext4_err(e, rc, "write %s", f->path) : 0;
}

int ext4_set_size(struct ext4 *f, uint64_t size, struct err *e)
{
    errcode_t rc = open_file(f);
    if (rc == 0)
        rc = ext2fs_file_set_size2(f->file, (ext2_off64_t)size);
    return rc ? ext4_err(e, rc, "write %s", f->path) : 0;
}

int ext4_set_xattr(struct ext4 *f, const char *name, const void *value, size_t len, struct err *e)
{
    struct ext2_xattr_handle *h;
    errcode_t rc = close_file(f); /* it would write its own copy of the inode over ours */
    if (rc == 0)
        rc = ext2fs_xattrs_open(f->fs, f->ino, &h);
    if (rc)
        return ext4_err(e, rc, "attribute %s", name);
    rc = ext2fs_xattrs_read(h);
    if (rc == 0)
        rc = ext2fs_xattr_set(h, name, value, len);
    ext2fs_xattrs_close(&h);
    return rc ? ext4_err(e, rc, "attribute %s", name) : 0;
}
