// SPDX-License-Identifier: GPL-2.0-or-later
/* image inspect: all that is known about images, as JSON. */
#include "base/json.h"
#include "cli/print_json.h"
#include "cli/verbs.h"
#include "store/image.h"
#include "store/sweep.h"

struct inspection {
    json_t *list;
    struct usage *usage;
};

static json_t *sizes(const struct image *i, const struct usage *u)
{
    uint64_t own, shared;
    usage_bytes(u, i, &own, &shared);
    return json_pack("{s:I, s:I}", "own_bytes", (json_int_t)(own + image_used_bytes(i)), "shared_bytes",
                     (json_int_t)shared);
}

/* What machines get, of an image of layers, too, once it is made. */
static json_t *machine(const struct image *i)
{
    if (!i->path_disk)
        return json_null();
    return json_pack("{s:s, s:I, s:s?, s:s, s:s?, s:s?}", "disk", i->path_disk, "disk_bytes",
                     (json_int_t)i->disk_bytes, "fs", i->fs, "root", i->root_device, "kernel", i->path_kernel,
                     "kernel_version", i->kernel_version);
}

static int inspect(const char *name, const void *ctx, struct err *e)
{
    const struct inspection *n = ctx;
    OWN(image) i = NULL;
    int rc = image_open(name, &i, e);
    if (rc < 0)
        return rc;
    OWN(json_t) j = json_copy(i->about);
    if (!j || json_object_set_new(j, "machine", machine(i)) < 0 ||
        json_object_set_new(j, "sizes", sizes(i, n->usage)) < 0)
        return err_code(e, -ENOMEM, "image %s", name);
    return json_array_append(n->list, j) < 0 ? err_code(e, -ENOMEM, "image %s", name) : 0;
}

static int image_inspect_run(const void *args, int argc, char **argv, struct err *e)
{
    OWN(json_t) list = json_array();
    OWN(usage) usage = usage_new();
    const struct inspection n = {list, usage};
    (void)args;
    if (!list || !usage)
        return err_code(e, -ENOMEM, "images");
    int rc = verb_each("image inspect", argc, argv, inspect, &n, e);
    if (rc == 0 || json_array_size(list))
        print_json(list);
    return rc;
}

const struct verb verb_image_inspect = {
    .name = "image inspect",
    .operands = "IMAGE...",
    .help = "print all about images, as JSON",
    .about = "An array with an object for each image: where it is from, its layers, what it says of its "
             "command, what "
             "it takes on the disk alone and together with other images.",
    .min_operands = 1,
    .max_operands = -1,
    .run = image_inspect_run,
};
