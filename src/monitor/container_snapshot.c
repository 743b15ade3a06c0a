// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_snapshot: the part of client_container.h that makes an image of a container's files.
 *
 * What it would run as a container is what the container ran. Source: OCI image-spec 1.1, config.md,
 * "config".
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_strings.h"
#include "base/proc.h"
#include "commit/commit.h"
#include "monitor/client_container.h"
#include "monitor/container_changes.h"
#include "monitor/guest_image.h"

/* ---- what it is called ---- */

struct numbers {
    const char *name;
    unsigned long last;
};

static void look(void *ctx, const char *name, const struct image *image, const struct err *trouble)
{
    struct numbers *n = ctx;
    size_t len = strlen(n->name);
    char *end;
    (void)image, (void)trouble;
    if (strncmp(name, n->name, len) != 0 || name[len] != ':')
        return;
    unsigned long number = strtoul(name + len + 1, &end, 10);
    if (*end == 0 && number > n->last)
        n->last = number;
}

static int make_ref(const struct container_snapshot *s, char **ret, struct err *e)
{
    struct numbers n = {.name = s->name};
    if (!s->ref) {
        int rc = image_list(look, &n, e);
        if (rc < 0)
            return rc;
    }
    *ret = s->ref ? strdup(s->ref) : path_make("%s:%lu", s->name, n.last + 1);
    return *ret ? 0 : err_code(e, -ENOMEM, "snapshot");
}

/* ---- what it says of the command ---- */

static json_t *command_json(const struct guest_config *c)
{
    json_t *a = json_array();
    const char *entry = c->container.entrypoint;
    if (entry && *entry)
        json_array_append_new(a, json_string(entry));
    for (const char *const *v = c->argv; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    return a;
}

/* What the image says and the container did not is in c by now. */
static json_t *config_json(const struct guest_config *c)
{
    json_t *j = json_pack("{s:n, s:o, s:o}", "Entrypoint", "Cmd", command_json(c), "Env",
                          c->env ? strings_json(c->env) : json_array());
    if (c->cwd)
        json_object_set_new(j, "WorkingDir", json_string(c->cwd));
    if (c->user)
        json_object_set_new(j, "User", json_string(c->user));
    return j;
}

/* ---- making it ---- */

struct making {
    const struct container_snapshot *s;
    struct container_changes changes;
    struct draft *draft;
    struct progress *p;
    char *copy;    /* or NULL: the folder itself, which nobody writes to */
    int copy_lock; /* one at a time */
    uint64_t pause_ns;
};

/* In the guest's own folder, with which all goes that a killed client leaves; or with its next snapshot. */
static int take_place(struct making *m, struct err *e)
{
    OWN_MEM char *lock = guest_dir_file(m->changes.dir, "copy.lock");
    OWN_MEM char *copy = guest_dir_file(m->changes.dir, "copy");
    int rc =
        lock && copy ? file_lock(lock, false, false, &m->copy_lock, e) : err_code(e, -ENOMEM, "snapshot");
    if (rc == -EBUSY || rc == -EAGAIN)
        return err_set(e, -EBUSY, "another snapshot of it is being made just now");
    if (rc < 0 || (rc = container_changes_remove(copy, e)) < 0)
        return rc;
    m->copy = take(copy);
    return 0;
}

static int take_changes(struct making *m, struct err *e)
{
    if (m->changes.locked && m->changes.path)
        return 0;
    int rc = take_place(m, e);
    return rc < 0 ? rc : container_changes_copy(&m->changes, m->copy, m->p, &m->pause_ns, e);
}

static int commit(struct making *m, const struct image *image, const json_t *config, struct image **ret,
                  struct err *e)
{
    OWN_MEM char *source = path_make("snapshot of %s", m->s->name);
    const struct commit c = {.image = image,
                             .changes = m->copy ? m->copy : m->changes.path,
                             .whole = m->changes.whole,
                             .config = config,
                             .source = source,
                             .message = m->s->message,
                             .author = m->s->author,
                             .write = container_changes_write};
    return source ? commit_image(m->draft, &c, m->p, ret, e) : err_code(e, -ENOMEM, "snapshot");
}

static json_t *report(const struct making *m, const struct image *i)
{
    const struct image_layer *last = &i->layers[i->nr_layers - 1];
    return json_pack("{s:s, s:o, s:s, s:I, s:I}", "ref", i->name, "id",
                     json_sprintf("sha256:%s", i->manifest.hex), "image", m->changes.config.image, "bytes",
                     (json_int_t)last->blob_bytes, "pause_ns", (json_int_t)m->pause_ns);
}

static int make(struct making *m, json_t **ret, struct err *e)
{
    OWN_MEM char *ref = NULL;
    OWN(image) base = NULL;
    OWN(image) made = NULL;
    OWN_GUEST_IMAGE from = {0};
    struct guest_config said;
    OWN_FD hold = -1;
    int rc;
    if ((rc = make_ref(m->s, &ref, e)) < 0 || (rc = image_check_name(ref, e)) < 0 ||
        (rc = container_changes_open(m->s->name, &m->changes, e)) < 0)
        return rc;
    said = m->changes.config;
    if ((rc = image_open(said.image, &base, e)) < 0 || (rc = image_hold(base, &hold, e)) < 0 ||
        (rc = guest_image_take(&said, &from, e)) < 0 || (rc = draft_begin(ref, &m->draft, e)) < 0 ||
        (rc = take_changes(m, e)) < 0)
        return rc;
    OWN(json_t) config = config_json(&said);
    rc = config ? commit(m, base, config, &made, e) : err_code(e, -ENOMEM, "snapshot");
    if (rc == 0 && !(*ret = report(m, made)))
        rc = err_code(e, -ENOMEM, "snapshot");
    return rc;
}

int client_container_snapshot(const struct container_snapshot *s, struct progress *p, json_t **ret,
                              struct err *e)
{
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    struct making m = {.s = s, .p = p, .copy_lock = -1};
    int rc = make(&m, ret, e);
    if (m.copy)
        container_changes_remove(m.copy, NULL);
    draft_free(m.draft);
    own_fd(&m.copy_lock);
    container_changes_close(&m.changes);
    free(m.copy);
    return rc < 0 ? err_wrap(e, "snapshot of %s", s->name) : 0;
}
