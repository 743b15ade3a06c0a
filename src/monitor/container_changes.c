// SPDX-License-Identifier: GPL-2.0-or-later
/* container_changes: see container_changes.h. */
#include "monitor/container_changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "commit/copy.h"
#include "monitor/client.h"
#include "monitor/container_ids.h"
#include "monitor/container_restore.h"

/* ---- opening ---- */

/* The folder that container_root.c has put them in. */
static int find(struct container_changes *c, struct err *e)
{
    OWN_MEM char *copied = guest_dir_file(c->dir, "copied");
    if (!copied)
        return err_code(e, -ENOMEM, "changes");
    c->whole = access(copied, F_OK) == 0;
    OWN_MEM char *path = guest_dir_file(c->dir, c->whole ? "root" : "upper");
    if (!path)
        return err_code(e, -ENOMEM, "changes");
    if (access(path, F_OK) == 0)
        c->path = take(path);
    return 0;
}

static int load(struct container_changes *c, struct err *e)
{
    OWN(json_t) about = NULL;
    int rc = guest_dir_load(c->dir, &about, e);
    if (rc < 0 || (rc = guest_parse(about, &c->config, e)) < 0)
        return rc;
    c->config.name = c->dir->name;
    if (c->config.kind != GUEST_CONTAINER)
        return err_set(e, -EOPNOTSUPP, "guest %s is a machine: this is for containers", c->dir->name);
    return 0;
}

int container_changes_open(const char *name, struct container_changes *ret, struct err *e)
{
    OWN_CHANGES c = {0};
    struct err trouble;
    int rc = guest_dir_open(name, &c.dir, e);
    if (rc < 0)
        return rc;
    rc = guest_dir_lock(c.dir, &trouble);
    c.locked = rc == 0;
    if (rc < 0 && rc != -EBUSY)
        return err_set(e, rc, "%s", trouble.text);
    if (c.locked && (rc = container_restore_finish(c.dir, e)) < 0)
        return rc;
    if ((rc = load(&c, e)) < 0 || (rc = find(&c, e)) < 0)
        return rc;
    *ret = c;
    c = (struct container_changes){0};
    return 0;
}

void container_changes_close(struct container_changes *c)
{
    if (c->dir && c->locked)
        guest_dir_unlock(c->dir);
    guest_fini(&c->config);
    guest_dir_free(c->dir);
    free(c->path);
    *c = (struct container_changes){0};
}

/* ---- as who may read it ---- */

struct copying {
    const struct container_changes *c;
    const char *to;
    struct progress *p;
    uint64_t pause_ns;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Two passes while it runs: the second has little to do, so that the last has next to nothing. */
static int copy_running(struct copying *k, struct copy *copy, struct err *e)
{
    OWN_FD held = -1;
    int rc;
    if ((rc = copy_pass(copy, false, e)) < 0 || (rc = copy_pass(copy, false, e)) < 0 ||
        (rc = client_hold(k->c->dir->name, &held, e)) < 0)
        return rc;
    uint64_t since = now_ns();
    rc = copy_pass(copy, true, e);
    own_fd(&held); /* it goes on */
    held = -1;
    k->pause_ns = now_ns() - since;
    return rc;
}

static int copy_all(void *ctx, struct err *e)
{
    struct copying *k = ctx;
    OWN(copy) copy = NULL;
    int rc = copy_new(k->c->path, k->to, k->p, &copy, e);
    if (rc == 0)
        rc = k->c->locked ? copy_pass(copy, true, e) : copy_running(k, copy, e);
    return rc < 0 ? rc : copy_finish(copy, e);
}

int container_changes_copy(const struct container_changes *c, const char *to, struct progress *p,
                           uint64_t *ret_pause_ns, struct err *e)
{
    *ret_pause_ns = 0;
    if (!c->path)
        return mkdir(to, 0755) < 0 ? err_sys(e, "%s", to) : 0;
    progress_start(p, "copying what has changed", 0, PROGRESS_BYTES);
    struct copying k = {.c = c, .to = to, .p = p};
    int rc = container_ids_call(copy_all, &k, sizeof(k), e);
    if (rc == 0)
        *ret_pause_ns = k.pause_ns;
    return rc;
}

struct writing {
    const char *folder;
    int file;
    struct progress *p;
    struct layer_written written;
};

static int write_all(void *ctx, struct err *e)
{
    struct writing *w = ctx;
    OWN_FD top = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top < 0 ? err_sys(e, "%s", w->folder) : layer_write(top, w->file, w->p, &w->written, e);
}

int container_changes_write(const char *folder, int file, struct progress *p, struct layer_written *ret,
                            struct err *e)
{
    struct writing w = {.folder = folder, .file = file, .p = p};
    int rc = container_ids_call(write_all, &w, sizeof(w), e);
    if (rc == 0)
        *ret = w.written;
    return rc;
}

int container_changes_remove(const char *path, struct err *e)
{
    struct err trouble;
    int rc = dir_remove(path, &trouble);
    if ((rc == -EACCES || rc == -EPERM) && geteuid() != 0)
        return container_ids_remove(path, e);
    return rc < 0 ? err_set(e, rc, "%s", trouble.text) : 0;
}
