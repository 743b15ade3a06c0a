// SPDX-License-Identifier: GPL-2.0-or-later
/* image_machine: see image_machine.h. */
#include "store/image_machine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/finish.h"
#include "store/tree_ext4.h"

#define LEAST_BYTES (1ull << 30) /* room to work in */

struct sources {
    struct tree_source *list;
    char **paths;
    unsigned nr;
};

static void sources_fini(struct sources *s)
{
    for (unsigned i = 0; i < s->nr; i++)
        free(s->paths[i]);
    free(s->paths);
    free(s->list);
}

static int list_sources(const struct image *i, struct sources *s, struct err *e)
{
    s->list = calloc(i->nr_layers, sizeof(*s->list));
    s->paths = calloc(i->nr_layers, sizeof(*s->paths));
    for (unsigned k = 0; s->list && s->paths && k < i->nr_layers; k++) {
        if (!(s->paths[k] = blob_path(&i->layers[k].blob)))
            break;
        s->list[k] = (struct tree_source){.path = s->paths[k], .layer = true};
        s->nr++;
    }
    return s->nr == i->nr_layers ? 0 : err_code(e, -ENOMEM, "image %s", i->name);
}

static int make_disk(const struct image *i, const char *file, const struct image_machine *c,
                     struct progress *p, uint64_t *ret_bytes, struct err *e)
{
    __attribute__((cleanup(sources_fini))) struct sources s = {0};
    int rc = list_sources(i, &s, e);
    if (rc < 0)
        return rc;
    const struct tree_ext4 t = {.sources = s.list,
                                .nr_sources = s.nr,
                                .name = i->name,
                                .file = file,
                                .bytes = c->bytes,
                                .least_bytes = LEAST_BYTES};
    return tree_to_ext4(&t, p, ret_bytes, e);
}

/* All in a folder of another name first. */
static int make(const struct image *i, struct draft *d, const struct image_machine *c, const char *final,
                struct progress *p, struct err *e)
{
    struct finish f = {.kernel = c->kernel, .bytes = c->bytes, .layout = {.fs = "ext4"}};
    OWN(json_t) about = NULL;
    OWN_MEM char *json = path_make("%s/machine.json", d->dir);
    int rc = json ? dir_remove(d->dir, e) : err_code(e, -ENOMEM, "image %s", i->name);
    if (rc < 0 || (rc = dir_make(d->dir, 0755, e)) < 0 ||
        (rc = make_disk(i, d->disk, c, p, &f.layout.bytes, e)) < 0 ||
        (rc = finish_machine(d, &f, p, &about, e)) < 0 || (rc = json_store(json, about, e)) < 0)
        return rc;
    OWN_FD fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || syncfs(fd) < 0 || rename(d->dir, final) < 0 ? err_sys(e, "%s", final) : 0;
}

static int make_once(const struct image *i, const struct image_machine *c, struct progress *p, struct err *e)
{
    OWN_MEM char *dir = image_dir(i->name);
    OWN_MEM char *tmp = dir ? path_make("%s/.machine", dir) : NULL;
    OWN_MEM char *final = dir ? path_make("%s/machine", dir) : NULL;
    OWN_MEM char *lock = dir ? path_make("%s/.machine.lock", dir) : NULL;
    OWN(draft) d = tmp ? draft_at(i->name, tmp) : NULL;
    OWN_FD held = -1;
    if (!final || !lock || !d)
        return err_code(e, -ENOMEM, "image %s", i->name);
    int rc = file_lock(lock, false, true, &held, e);
    if (rc < 0 || access(final, F_OK) == 0)
        return rc;
    log_info("image %s: making its disk for machines", i->name);
    rc = make(i, d, c, final, p, e);
    if (rc < 0)
        (void)dir_remove(tmp, NULL);
    return rc;
}

int image_need_machine(struct image **i, const struct image_machine *c, struct progress *p, struct err *e)
{
    static const struct image_machine any = {0};
    struct image *again = NULL;
    if ((*i)->path_disk)
        return 0;
    int rc = make_once(*i, c ? c : &any, p, e);
    progress_done(p);
    if (rc < 0)
        return err_wrap(e, "image %s", (*i)->name);
    rc = image_open((*i)->name, &again, e);
    if (rc < 0)
        return rc;
    image_free(*i);
    *i = again;
    return 0;
}
