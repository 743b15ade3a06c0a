// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * draft: see draft.h.
 *
 * images/.lock is held while names appear and vanish, for moments; .tmp-NAME/lock while an image is made. So
 * a sweeper never meets a folder that has no lock yet, nor two makers each other.
 */
#include "store/draft.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "store/image.h"

#define TMP     ".tmp-"
#define SCRATCH "scratch" /* a link to the folder outside, so that a sweeper finds it */

static int lock_names(const char *images, int *ret_fd, struct err *e)
{
    OWN_MEM char *path = path_make("%s/.lock", images);
    return path ? file_lock(path, false, true, ret_fd, e) : err_code(e, -ENOMEM, "images");
}

/* ---- removing ---- */

/*
 * mmdebstrap of an ordinary user works under other user ids. It tidies up itself unless it was killed; then
 * its files can be removed only from within the same user namespace.
 */
static void remove_foreign(const char *dir)
{
    const char *argv[] = {"mmdebstrap", "--unshare-helper", "find", dir, "-mindepth", "2", "-delete", NULL};
    (void)proc_run(&(struct proc_config){.argv = argv, .dir = "/", .stubborn = true}, NULL);
}

static int remove_scratch(const char *dir)
{
    OWN_MEM char *link = path_make("%s/" SCRATCH, dir);
    char target[512];
    ssize_t n = link ? readlink(link, target, sizeof(target) - 1) : -1;
    if (n < 0)
        return 0;
    target[n] = 0;
    int rc = dir_remove(target, NULL);
    if (rc < 0 && geteuid() != 0) {
        remove_foreign(target);
        rc = dir_remove(target, NULL);
    }
    return rc;
}

/* The draft stays as long as its scratch folder cannot be removed, so that a later sweeper still finds both.
 */
static int remove_draft(const char *dir, struct err *e)
{
    int rc = remove_scratch(dir);
    return rc < 0 ? err_code(e, rc, "remove %s", dir) : dir_remove(dir, e);
}

/* What nobody's process holds any more. Trouble with one is not the next maker's. */
static void sweep(const char *images)
{
    DIR *d = opendir(images);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (strncmp(entry->d_name, TMP, strlen(TMP)) != 0)
            continue;
        OWN_MEM char *dir = path_make("%s/%s", images, entry->d_name);
        OWN_MEM char *lock = dir ? path_make("%s/lock", dir) : NULL;
        OWN_FD fd = -1;
        if (lock && file_lock(lock, false, false, &fd, NULL) == 0)
            (void)remove_draft(dir, NULL);
    }
    if (d)
        closedir(d);
}

/* ---- making ---- */

static int tell_busy(const struct draft *d, const char *lock, struct err *e)
{
    OWN_FD fd = -1;
    if (file_lock(lock, false, false, &fd, NULL) == 0)
        return err_set(e, -EBUSY, "image %s: what a killed process left in %s cannot be removed yet", d->name,
                       d->dir);
    return err_set(e, -EBUSY, "image %s is being made by another process just now", d->name);
}

static int claim(struct draft *d, const char *images, struct err *e)
{
    OWN_FD names = -1;
    OWN_MEM char *final = path_make("%s/%s", images, d->name);
    OWN_MEM char *lock = path_make("%s/lock", d->dir);
    int rc = final && lock ? lock_names(images, &names, e) : err_code(e, -ENOMEM, "image %s", d->name);
    if (rc < 0)
        return rc;
    sweep(images);
    if (access(final, F_OK) == 0)
        return err_set(e, -EEXIST, "image %s exists already (`hospes image rm %s` removes it)", d->name,
                       d->name);
    if (mkdir(d->dir, 0755) < 0)
        return errno == EEXIST ? tell_busy(d, lock, e) : err_sys(e, "create folder %s", d->dir);
    rc = file_lock(lock, false, false, &d->lock, e);
    if (rc < 0)
        (void)dir_remove(d->dir, NULL);
    return rc;
}

struct draft *draft_at(const char *name, const char *dir)
{
    OWN(draft) d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->lock = -1;
    d->name = strdup(name);
    d->dir = strdup(dir);
    d->disk = path_make("%s/disk.raw", dir);
    d->kernel = path_make("%s/vmlinuz", dir);
    d->modules = path_make("%s/modules", dir);
    return d->name && d->dir && d->disk && d->kernel && d->modules ? take(d) : NULL;
}

int draft_begin(const char *name, struct draft **ret, struct err *e)
{
    int rc = image_check_name(name, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *images = image_dir(NULL);
    OWN_MEM char *dir = images ? path_make("%s/" TMP "%s", images, name) : NULL;
    OWN(draft) d = dir ? draft_at(name, dir) : NULL;
    if (!d)
        return err_code(e, -ENOMEM, "image %s", name);
    if ((rc = dir_make_private(images, e)) < 0 || (rc = claim(d, images, e)) < 0)
        return rc;
    *ret = take(d);
    return 0;
}

int draft_scratch(struct draft *d, char **ret, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    OWN_MEM char *dir = path_make("%s/hospes.XXXXXX", tmp && tmp[0] == '/' ? tmp : "/var/tmp");
    OWN_MEM char *link = path_make("%s/" SCRATCH, d->dir);
    if (!dir || !link)
        return err_code(e, -ENOMEM, "temporary folder");
    if (!mkdtemp(dir))
        return err_sys(e, "create folder %s", dir);
    if (chmod(dir, 0755) < 0 || symlink(dir, link) < 0) {
        int rc = err_sys(e, "%s", link);
        rmdir(dir);
        return rc;
    }
    *ret = take(dir);
    return 0;
}

/* An image of layers has no disk yet. */
static int sync_disk(const char *path, struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    return fd < 0 || fsync(fd) < 0 ? err_sys(e, "write %s", path) : 0;
}

static int publish(struct draft *d, const char *images, struct err *e)
{
    OWN_FD names = -1;
    OWN_MEM char *final = path_make("%s/%s", images, d->name);
    OWN_MEM char *lock = path_make("%s/lock", d->dir);
    int rc = final && lock ? lock_names(images, &names, e) : err_code(e, -ENOMEM, "image %s", d->name);
    if (rc < 0)
        return rc;
    unlink(lock);
    if (renameat2(AT_FDCWD, d->dir, AT_FDCWD, final, RENAME_NOREPLACE) < 0)
        return err_sys(e, "rename %s to %s", d->dir, final);
    own_fd(&d->lock);
    d->lock = -1;
    return dir_sync(images, e);
}

int draft_commit(struct draft *d, const json_t *about, struct err *e)
{
    OWN_MEM char *images = image_dir(NULL);
    OWN_MEM char *json = path_make("%s/image.json", d->dir);
    OWN_MEM char *scratch = path_make("%s/" SCRATCH, d->dir);
    if (!images || !json || !scratch)
        return err_code(e, -ENOMEM, "image %s", d->name);
    int rc = remove_scratch(d->dir);
    if (rc < 0)
        return err_code(e, rc, "remove %s", scratch);
    unlink(scratch);
    rc = sync_disk(d->disk, e);
    if (rc < 0 || (rc = json_store(json, about, e)) < 0)
        return rc;
    return publish(d, images, e);
}

void draft_free(struct draft *d)
{
    if (!d)
        return;
    if (d->lock >= 0) { /* not published */
        (void)remove_draft(d->dir, NULL);
        close(d->lock);
    }
    free(d->name);
    free(d->dir);
    free(d->disk);
    free(d->kernel);
    free(d->modules);
    free(d);
}

int draft_discard(const char *name, struct err *e)
{
    OWN_MEM char *images = image_dir(NULL);
    OWN_MEM char *from = image_dir(name);
    OWN_MEM char *to = images ? path_make("%s/" TMP "%s", images, name) : NULL;
    OWN_FD names = -1;
    int rc = from && to ? lock_names(images, &names, e) : err_code(e, -ENOMEM, "image %s", name);
    if (rc < 0)
        return rc;
    sweep(images);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
        return err_sys(e, "remove image %s", name);
    return remove_draft(to, e);
}
