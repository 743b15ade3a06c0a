// SPDX-License-Identifier: GPL-2.0-or-later
/* image ls: the images that are there. */
#include <string.h>

#include "base/json.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "store/image.h"

struct image_ls_args {
    bool json, quiet;
};

struct listing {
    const struct image_ls_args *args;
    struct table table;
    json_t *list;
};

static json_t *to_json(const char *name, const struct image *i, const struct err *trouble)
{
    if (!i)
        return json_pack("{s:s, s:s}", "name", name, "trouble", trouble->text);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s?, s:s?}", "name", name, "source", i->source, "created",
                     i->created, "disk_bytes", (json_int_t)i->disk_bytes, "used_bytes",
                     (json_int_t)image_used_bytes(i), "fs", i->fs, "kernel", i->kernel_version);
}

static void add_row(struct listing *l, const char *name, const struct image *i, const struct err *trouble)
{
    char disk[32], used[32];
    if (!i) {
        table_add(&l->table, (const char *[]){name, "-", "-", "-", "-", trouble->text});
        return;
    }
    table_add(&l->table,
              (const char *[]){name, table_bytes(i->disk_bytes, disk, sizeof(disk)),
                               table_bytes(image_used_bytes(i), used, sizeof(used)),
                               i->kernel_version ? i->kernel_version : "-", i->created, i->source});
}

static void each(void *ctx, const char *name, const struct image *i, const struct err *trouble)
{
    struct listing *l = ctx;
    if (l->args->json)
        json_array_append_new(l->list, to_json(name, i, trouble));
    else if (l->args->quiet)
        puts(name);
    else
        add_row(l, name, i, trouble);
}

static int image_ls_run(const void *args, int argc, char **argv, struct err *e)
{
    static const char *const heads[] = {"NAME", "DISK", "USED", "KERNEL", "CREATED", "SOURCE", NULL};
    (void)argc, (void)argv;
    OWN(json_t) list = json_array();
    struct listing l = {.args = args, .list = list};
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
    VERB_OPTS(image_ls_opts),
    .args_size = sizeof(struct image_ls_args),
    .run = image_ls_run,
};
