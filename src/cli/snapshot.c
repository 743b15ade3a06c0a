// SPDX-License-Identifier: GPL-2.0-or-later
/* snapshot: keeps a container's files as they are now, as an image. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/print_json.h"
#include "cli/verbs.h"
#include "monitor/client_container.h"

struct snapshot_args {
    const char *message, *author;
    bool json;
};

static int snapshot_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct snapshot_args *a = args;
    OWN(json_t) made = NULL;
    struct progress p;
    progress_init(&p, STDERR_FILENO);
    const struct container_snapshot s = {
        .name = argv[0], .ref = argc > 1 ? argv[1] : NULL, .message = a->message, .author = a->author};
    int rc = client_container_snapshot(&s, &p, &made, e);
    progress_done(&p);
    if (rc < 0)
        return rc;
    if (a->json)
        print_json(made);
    else
        printf("%s %s\n", json_string_value(json_object_get(made, "ref")),
               json_string_value(json_object_get(made, "id")));
    return 0;
}

static const struct opt snapshot_opts[] = {
    OPT(snapshot_args, message, OPT_TEXT, 'm', "TEXT", "why it was made; kept in the image's history"),
    OPT(snapshot_args, author, OPT_TEXT, 0, "TEXT", "who made it"),
    OPT(snapshot_args, json, OPT_FLAG, 0, NULL, "print all that is known of it, as JSON"),
};
const struct verb verb_snapshot = {
    .name = "snapshot",
    .operands = "CONTAINER [NAME:TAG]",
    .help = "keep a container's files as they are now, as an image",
    .about =
        "What the container has changed becomes one more layer over the image that it started from; what "
        "runs in it is kept as the image's command. A container that runs stands still for what changed "
        "while the rest was copied; its processes are not part of the snapshot, nor is what is mounted "
        "from the host.\n"
        "\n"
        "Prints what it is called and the digest of its manifest. Without NAME:TAG it is the container's "
        "name and the next number. It is an image like any other: for `hospes run`, `hospes image`, other "
        "programs.",
    .examples = "hospes snapshot web web:before-upgrade\tby this name\n"
                "hospes run --name web2 -d web:before-upgrade\tanother container, with these files\n"
                "hospes restore web web:before-upgrade\tgo back to it",
    VERB_OPTS(snapshot_opts),
    .args_size = sizeof(struct snapshot_args),
    .min_operands = 1,
    .max_operands = 2,
    .run = snapshot_run,
};
