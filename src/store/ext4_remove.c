// SPDX-License-Identifier: GPL-2.0-or-later
/* ext4_remove: taking things away again; see ext4.h. Source: libext2fs (e2fsprogs), as its own debugfs uses
 * it. */
#include <string.h>
#include <time.h>

#include "store/ext4_impl.h"

static errcode_t free_inode(struct ext4 *f, ext2_ino_t ino, struct ext2_inode *i, bool folder)
{
    errcode_t rc;
    i->i_links_count = 0;
    i->i_dtime = (uint32_t)time(NULL);
    if (ext2fs_inode_has_valid_blocks2(f->fs, i) && (rc = ext2fs_punch(f->fs, ino, i, NULL, 0, ~0ull)))
        return rc;
    ext2fs_free_ext_attr(f->fs, ino, (struct ext2_inode_large *)NULL);
    ext2fs_inode_alloc_stats2(f->fs, ino, -1, folder);
    return ext2fs_write_inode(f->fs, ino, i);
}

struct clearing {
    struct ext4 *f;
    errcode_t rc;
    unsigned folders; /* that were in it: each of them counted as a link to it */
};

static errcode_t release(struct ext4 *f, ext2_ino_t ino, bool *ret_folder);

static int drop_entry(struct ext2_dir_entry *d, int offset, int blocksize, char *buf, void *ctx)
{
    (void)offset, (void)blocksize, (void)buf;
    struct clearing *c = ctx;
    int len = ext2fs_dirent_name_len(d);
    bool folder = false;
    if ((len == 1 && d->name[0] == '.') || (len == 2 && memcmp(d->name, "..", 2) == 0))
        return 0;
    c->rc = release(c->f, d->inode, &folder);
    c->folders += folder;
    d->inode = 0;
    return DIRENT_CHANGED | (c->rc ? DIRENT_ABORT : 0);
}

/* Everything in a folder; *ret_folders of that were folders. */
static errcode_t clear(struct ext4 *f, ext2_ino_t dir, unsigned *ret_folders)
{
    struct clearing c = {.f = f};
    errcode_t rc = ext2fs_dir_iterate(f->fs, dir, 0, NULL, drop_entry, &c);
    *ret_folders = c.folders;
    return rc ? rc : c.rc;
}

/* One name of an inode is gone. */
static errcode_t release(struct ext4 *f, ext2_ino_t ino, bool *ret_folder)
{
    struct ext2_inode i;
    unsigned folders;
    errcode_t rc = ext2fs_read_inode(f->fs, ino, &i);
    if (rc)
        return rc;
    *ret_folder = LINUX_S_ISDIR(i.i_mode);
    if (*ret_folder && (rc = clear(f, ino, &folders)))
        return rc;
    if (*ret_folder || i.i_links_count <= 1)
        return free_inode(f, ino, &i, *ret_folder);
    i.i_links_count--;
    return ext2fs_write_inode(f->fs, ino, &i);
}

static errcode_t lose_folders(struct ext4 *f, ext2_ino_t dir, unsigned folders)
{
    struct ext2_inode i;
    errcode_t rc = folders ? ext2fs_read_inode(f->fs, dir, &i) : 0;
    if (rc || !folders)
        return rc;
    i.i_links_count = (uint16_t)(i.i_links_count - folders);
    return ext2fs_write_inode(f->fs, dir, &i);
}

/* The place that was written to last may have gone. */
static void forget_place(struct ext4 *f)
{
    free(f->parent);
    f->parent = NULL;
    f->ino = 0;
}

errcode_t ext4_drop(struct ext4 *f, ext2_ino_t dir, const char *name, ext2_ino_t ino)
{
    bool folder = false;
    errcode_t rc = ext2fs_unlink(f->fs, dir, name, ino, 0);
    if (rc || (rc = release(f, ino, &folder)))
        return rc;
    if (folder)
        forget_place(f);
    return lose_folders(f, dir, folder);
}

/* The inode at a path, and the folder that holds it; links are not followed. */
static errcode_t find(struct ext4 *f, char *path, ext2_ino_t *ret_dir, ext2_ino_t *ret, const char **ret_name)
{
    *ret = *ret_dir = EXT2_ROOT_INO;
    for (char *rest, *name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        *ret_dir = *ret;
        *ret_name = name;
        if (ext2fs_check_directory(f->fs, *ret_dir))
            return EXT2_ET_FILE_NOT_FOUND;
        errcode_t rc = ext2fs_lookup(f->fs, *ret_dir, name, (int)strlen(name), NULL, ret);
        if (rc)
            return rc;
    }
    return 0;
}

static errcode_t remove_content(struct ext4 *f, ext2_ino_t dir)
{
    unsigned folders = 0;
    if (ext2fs_check_directory(f->fs, dir))
        return 0;
    errcode_t rc = clear(f, dir, &folders);
    forget_place(f);
    return rc ? rc : lose_folders(f, dir, folders);
}

int ext4_remove(struct ext4 *f, const char *path, bool only_content, struct err *e)
{
    OWN_MEM char *at = ext4_clean(path);
    const char *name = NULL;
    ext2_ino_t dir, ino;
    if (!at)
        return err_set(e, -EINVAL, "%s: not a path for a file system", path);
    errcode_t rc = find(f, at, &dir, &ino, &name);
    if (rc == EXT2_ET_FILE_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = only_content || !name ? remove_content(f, ino) : ext4_drop(f, dir, name, ino);
    return rc ? ext4_err(e, rc, "remove %s", path) : 0;
}

void ext4_be_exact(struct ext4 *f)
{
    f->exact = true;
}
