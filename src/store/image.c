// SPDX-License-Identifier: GPL-2.0-or-later
/* image: see image.h. */
#include "store/image.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/paths.h"
#include "store/draft.h"
#include "store/image_parse.h"
#include "store/sweep.h"

#define NAME_MAX_LEN 64

void image_free(struct image *i)
{
    if (!i)
        return;
    free(i->name);
    free(i->source);
    free(i->created);
    free(i->ref);
    image_config_fini(&i->config);
    free(i->layers);
    json_decref(i->about);
    free(i->fs);
    free(i->root_device);
    free(i->path_disk);
    free(i->path_kernel);
    free(i->path_modules);
    free(i->kernel_version);
    free(i->cmdline);
    free(i);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(const char *text, size_t n)
{
    bool ok = n > 0 && n <= NAME_MAX_LEN && is_alnum(text[0]);
    for (size_t i = 1; ok && i < n; i++)
        ok = is_alnum(text[i]) || strchr("_.-", text[i]);
    return ok;
}

int image_check_name(const char *name, struct err *e)
{
    size_t n = strcspn(name, ":");
    if (is_word(name, n) && (!name[n] || is_word(name + n + 1, strlen(name + n + 1))))
        return 0;
    return err_set(e, -EINVAL,
                   "\"%.80s\" is no name for an image: letters, digits, \"_\", \".\", \"-\", at most %d, "
                   "not starting with one of \"_.-\"; a tag may follow, name:tag",
                   name, NAME_MAX_LEN);
}

char *image_dir(const char *name)
{
    OWN_MEM char *data = paths_data();
    if (!data)
        return NULL;
    return name ? path_make("%s/images/%s", data, name) : path_make("%s/images", data);
}

/* ---- opening ---- */

int image_open(const char *name, struct image **ret, struct err *e)
{
    int rc = image_check_name(name, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *dir = image_dir(name);
    OWN_MEM char *about = dir ? path_make("%s/image.json", dir) : NULL;
    OWN(image) i = calloc(1, sizeof(*i));
    if (!about || !i || !(i->name = strdup(name)))
        return err_code(e, -ENOMEM, "image %s", name);
    if (access(dir, F_OK) < 0 && errno == ENOENT)
        return err_set(e, -ENOENT, "no image called %s; `hospes image ls` lists them", name);
    if (json_load(about, &i->about, e) < 0 || image_parse(i, dir, e) < 0) {
        err_wrap(e, "image %s is damaged", name);
        return e && e->code == -ENOMEM ? -ENOMEM : -EINVAL;
    }
    *ret = take(i);
    return 0;
}

/* ---- listing ---- */

static int no_dot(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

int image_list(image_each_fn *each, void *ctx, struct err *e)
{
    OWN_MEM char *dir = image_dir(NULL);
    if (!dir)
        return err_code(e, -ENOMEM, "images");
    struct dirent **entries;
    int n = scandir(dir, &entries, no_dot, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s", dir);
    for (int k = 0; k < n; k++) {
        struct err trouble = {0};
        OWN(image) i = NULL;
        int rc = image_open(entries[k]->d_name, &i, &trouble);
        if (rc != -ENOENT) /* removed meanwhile */
            each(ctx, entries[k]->d_name, i, rc < 0 ? &trouble : NULL);
        free(entries[k]);
    }
    free(entries);
    return 0;
}

static uint64_t used_below(const char *dir)
{
    char *const roots[] = {(char *)dir, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t bytes = 0;
    const FTSENT *at;
    while (tree && (at = fts_read(tree)))
        if (at->fts_info == FTS_F || at->fts_info == FTS_D)
            bytes += (uint64_t)at->fts_statp->st_blocks * 512;
    if (tree)
        fts_close(tree);
    return bytes;
}

uint64_t image_used_bytes(const struct image *i)
{
    OWN_MEM char *dir = image_dir(i->name);
    return dir ? used_below(dir) : 0;
}

/* ---- in use ---- */

/* flock on the image's folder: shared by who is about to use it, exclusive to remove it. */
static int lock_folder(const char *name, bool shared, int *ret_fd, struct err *e)
{
    OWN_MEM char *dir = image_dir(name);
    if (!dir)
        return err_code(e, -ENOMEM, "image %s", name);
    OWN_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat locked, now;
    if (fd < 0 && errno != ENOENT)
        return err_sys(e, "image %s", name);
    if (fd >= 0 && flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
        return err_set(e, -EBUSY, "image %s is %s just now", name, shared ? "being removed" : "in use");
    if (fd < 0 || fstat(fd, &locked) < 0 || stat(dir, &now) < 0 || locked.st_ino != now.st_ino)
        return err_set(e, -ENOENT, "no image called %s; `hospes image ls` lists them", name);
    *ret_fd = take_fd(&fd);
    return 0;
}

int image_hold(const struct image *i, int *ret_fd, struct err *e)
{
    return lock_folder(i->name, true, ret_fd, e);
}

static bool guest_uses(const char *guests, const char *guest, const char *image)
{
    OWN_MEM char *about = path_make("%s/%s/guest.json", guests, guest);
    OWN(json_t) j = NULL;
    const char *its = NULL;
    return about && json_load(about, &j, NULL) == 0 && json_opt_string(j, "image", NULL, &its, NULL) == 0 &&
           its && strcmp(its, image) == 0;
}

/* The guest that uses it, malloc'd, or NULL: none. */
static char *user_of(const char *image)
{
    OWN_MEM char *data = paths_data();
    OWN_MEM char *guests = data ? path_make("%s/guests", data) : NULL;
    DIR *d = guests ? opendir(guests) : NULL;
    char *user = NULL;
    const struct dirent *entry;
    while (d && !user && (entry = readdir(d)))
        if (entry->d_name[0] != '.' && guest_uses(guests, entry->d_name, image))
            user = strdup(entry->d_name);
    if (d)
        closedir(d);
    return user;
}

int image_remove(const char *name, struct err *e)
{
    OWN_FD lock = -1;
    int rc = image_check_name(name, e);
    if (rc < 0 || (rc = lock_folder(name, false, &lock, e)) < 0)
        return rc;
    OWN_MEM char *user = user_of(name);
    if (user)
        return err_set(e, -EBUSY, "image %s is used by guest %s", name, user);
    rc = draft_discard(name, e);
    if (rc == 0)
        store_sweep();
    return rc;
}

/* ---- kernels ---- */

struct newest {
    char *kernel, *modules, *version;
};

static void consider(void *ctx, const char *name, const struct image *i, const struct err *trouble)
{
    struct newest *n = ctx;
    (void)name, (void)trouble;
    if (!i || !i->path_kernel)
        return;
    const char *version = i->kernel_version ? i->kernel_version : "";
    if (n->version && strverscmp(version, n->version) <= 0)
        return;
    free(n->kernel), free(n->modules), free(n->version);
    n->kernel = strdup(i->path_kernel);
    n->modules = i->path_modules ? strdup(i->path_modules) : NULL;
    n->version = strdup(version);
}

int image_default_kernel(char **ret_kernel, char **ret_modules, struct err *e)
{
    struct newest n = {0};
    int rc = image_list(consider, &n, e);
    if (rc == 0 && !n.kernel)
        rc = err_set(
            e, -ENOENT,
            "no image has a kernel; give one with --kernel or make one with `hospes image build debian`");
    free(n.version);
    if (rc < 0) {
        free(n.kernel), free(n.modules);
        return rc;
    }
    *ret_kernel = n.kernel;
    *ret_modules = n.modules;
    return 0;
}
