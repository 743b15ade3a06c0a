// SPDX-License-Identifier: GPL-2.0-or-later
/* image ls: the images that are there. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "store/image.h"
#include "store/sweep.h"

struct image_ls_args {
    bool json, quiet;
};

struct listing {
    const struct image_ls_args *args;
    struct usage *usage;
    struct table table;
    json_t *list;
};

/* What would go with it, and what others use as well. */
static void measure(const struct listing *l, const struct image *i, uint64_t *ret_own, uint64_t *ret_shared)
{
    usage_bytes(l->usage, i, ret_own, ret_shared);
    *ret_own += image_used_bytes(i);
}

static json_t *to_json(const struct listing *l, const char *name, const struct image *i,
                       const struct err *trouble)
{
    uint64_t own, shared;
    if (!i)
        return json_pack("{s:s, s:s}", "name", name, "trouble", trouble->text);
    measure(l, i, &own, &shared);
    return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I, s:I, s:I, s:s?, s:s?}", "name", name, "source",
                     i->source, "ref", i->ref, "created", i->created, "layers", (json_int_t)i->nr_layers,
                     "disk_bytes", (json_int_t)i->disk_bytes, "used_bytes", (json_int_t)own, "shared_bytes",
                     (json_int_t)shared, "fs", i->fs, "kernel", i->kernel_version);
}

static void add_row(struct listing *l, const char *name, const struct image *i, const struct err *trouble)
{
    char layers[16], disk[32], own[32], shared[32];
    uint64_t own_bytes, shared_bytes;
    if (!i) {
        table_add(&l->table, (const char *[]){name, "-", "-", "-", "-", "-", "-", trouble->text});
        return;
    }
    measure(l, i, &own_bytes, &shared_bytes);
    snprintf(layers, sizeof(layers), "%u", i->nr_layers);
    table_add(&l->table,
              (const char *[]){name, i->nr_layers ? layers : "-",
                               i->path_disk ? table_bytes(i->disk_bytes, disk, sizeof(disk)) : "-",
                               table_bytes(own_bytes, own, sizeof(own)),
                               shared_bytes ? table_bytes(shared_bytes, shared, sizeof(shared)) : "-",
                               i->kernel_version ? i->kernel_version : "-", i->created, i->source});
}

static void each(void *ctx, const char *name, const struct image *i, const struct err *trouble)
{
    struct listing *l = ctx;
    if (l->args->json)
        json_array_append_new(l->list, to_json(l, name, i, trouble));
    else if (l->args->quiet)
        puts(name);
    else
        add_row(l, name, i, trouble);
}

static int image_ls_run(const void *args, int argc, char **argv, struct err *e)
{
    static const char *const heads[] = {"NAME",   "LAYERS",  "DISK",   "USED", "SHARED",
                                        "KERNEL", "CREATED", "SOURCE", NULL};
    (void)argc, (void)argv;
    OWN(json_t) list = json_array();
    OWN(usage) usage = usage_new();
    struct listing l = {.args = args, .usage = usage, .list = list};
    if (!usage)
        return err_code(e, -ENOMEM, "images");
    table_init(&l.table, heads);
    int rc = image_list(each, &l, e);
    if (rc == 0 && l.args->json)
        print_json(list);
    else if (rc == 0 && !l.args->quiet)
        table_print(&l.table, stdout);
    table_fini(&l.table);
    return rc;
}

static const struct opt image_ls_opts[] = {
    OPT(image_ls_args, json, OPT_FLAG, 0, NULL, "print JSON"),
    OPT(image_ls_args, quiet, OPT_FLAG, 'q', NULL, "print names only"),
};
const struct verb verb_image_ls = {
    .name = "image ls",
    .help = "list the images",
    .about = "USED is what would go with the image, SHARED what other images use as well. DISK is as large "
             "as machines "
             "see it; an image of layers has none before the first machine asks.",
    VERB_OPTS(image_ls_opts),
    .args_size = sizeof(struct image_ls_args),
    .run = image_ls_run,
};
