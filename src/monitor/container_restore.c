// SPDX-License-Identifier: GPL-2.0-or-later
/* container_restore: see container_restore.h. */
#include "monitor/container_restore.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "monitor/client.h"
#include "monitor/client_container.h"
#include "monitor/container_changes.h"
#include "store/image.h"

#define MARK     "restore"
#define MARK_MAX 4096

/* ---- what was begun ---- */

/* Names that are there at all, in an order that may be cut off anywhere: "copied" says that root is whole. */
static int clear(const struct guest_dir *d, struct err *e)
{
    static const char *const names[] = {"copied", "root", "upper", "work"};
    int rc = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == 0; i++) {
        OWN_MEM char *path = guest_dir_file(d, names[i]);
        rc = path ? container_changes_remove(path, e) : err_code(e, -ENOMEM, "restore");
    }
    return rc;
}

int container_restore_finish(const struct guest_dir *d, struct err *e)
{
    OWN_MEM char *mark = guest_dir_file(d, MARK);
    OWN_MEM char *image = NULL;
    if (!mark)
        return err_code(e, -ENOMEM, "restore");
    if (access(mark, F_OK) < 0)
        return 0;
    int rc = file_read(mark, MARK_MAX, &image, NULL, e);
    if (rc < 0 || (rc = image_check_name(image, e)) < 0 || (rc = clear(d, e)) < 0)
        return err_wrap(e, "restore guest %s", d->name);
    OWN(json_t) fields = json_pack("{s:s}", "image", image);
    if ((rc = guest_dir_record(d, fields, e)) < 0)
        return rc;
    return unlink(mark) < 0 ? err_sys(e, "%s", mark) : dir_sync(d->dir, e);
}

static int begin(const struct guest_dir *d, const char *image, struct err *e)
{
    OWN_MEM char *mark = guest_dir_file(d, MARK);
    return mark ? file_write_atomic(mark, image, strlen(image), 0600, e) : err_code(e, -ENOMEM, "restore");
}

/* ---- is it one of this container? ---- */

static bool same_start(const struct image *a, const struct image *b)
{
    return strcmp(a->name, b->name) == 0 ||
           (a->nr_layers && b->nr_layers && digest_same(&a->layers[0].diff_id, &b->layers[0].diff_id));
}

/* The layer that a disk image became when the first snapshot of one of its containers was made. */
static bool made_of(const struct image *disk, const struct image *layered)
{
    OWN_MEM char *dir = image_dir(disk->name);
    OWN_MEM char *path = dir ? path_make("%s/base.json", dir) : NULL;
    OWN(json_t) j = NULL;
    const char *diff_id;
    struct digest d;
    return !disk->nr_layers && layered->nr_layers && path && json_load(path, &j, NULL) == 0 &&
           json_get_string(j, "diff_id", &diff_id, NULL) == 0 && digest_parse(diff_id, &d, NULL) == 0 &&
           digest_same(&d, &layered->layers[0].diff_id);
}

static int check(const char *name, const char *now, const struct image *to, struct err *e)
{
    OWN(image) from = NULL;
    int rc = image_open(now, &from, e);
    if (rc < 0)
        return rc;
    if (same_start(from, to) || made_of(from, to) || made_of(to, from))
        return 0;
    return err_set(e, -EINVAL, "%s is no snapshot of guest %s, nor of another of its image", to->name, name);
}

/* ---- all of it ---- */

static int go_back(const char *name, const char *to, bool *ret_ran, struct err *e)
{
    OWN_CHANGES c = {0};
    OWN(image) image = NULL;
    OWN_FD hold = -1;
    int rc;
    *ret_ran = false;
    if ((rc = image_open(to, &image, e)) < 0 || (rc = image_hold(image, &hold, e)) < 0 ||
        (rc = container_changes_open(name, &c, e)) < 0 || (rc = check(name, c.config.image, image, e)) < 0)
        return rc;
    if (!c.locked && c.config.rm)
        return err_set(e, -EBUSY, "guest %s runs, and is removed at its end (--rm): it cannot go back", name);
    if (!c.locked) {
        *ret_ran = true;
        return 0;
    }
    rc = begin(c.dir, to, e);
    return rc < 0 ? rc : container_restore_finish(c.dir, e);
}

int client_container_restore(const char *name, const char *image, struct err *e)
{
    bool ran, started = false;
    int rc = go_back(name, image, &ran, e);
    if (rc < 0 || !ran)
        return rc;
    if ((rc = client_stop(name, CLIENT_OWN_TIMEOUT, NULL, e)) < 0 && rc != -ESRCH)
        return rc;
    if ((rc = go_back(name, image, &started, e)) < 0)
        return rc;
    if (started)
        return err_set(e, -EBUSY, "guest %s was started by somebody else meanwhile", name);
    return client_start(name, e);
}
