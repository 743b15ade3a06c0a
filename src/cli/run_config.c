// SPDX-License-Identifier: GPL-2.0-or-later
/* run_config: from the options of `run` to what a guest is made of. */
#include <string.h>

#include "cli/publish.h"
#include "cli/run.h"
#include "cli/words.h"

static int forwards(const struct run_args *a, struct guest_config *c, struct err *e)
{
    if (a->publish.nr > GUEST_FORWARDS)
        return err_set(e, -EINVAL, "--publish: more than %d ports", GUEST_FORWARDS);
    for (unsigned i = 0; i < a->publish.nr; i++) {
        int rc = publish_parse(a->publish.item[i], &c->forwards[i], e);
        if (rc < 0)
            return err_wrap(e, "--publish");
        c->nr_forwards++;
    }
    return 0;
}

static enum guest_engine engine(const char *name)
{
    if (strcmp(name, "kvm") == 0)
        return GUEST_ENGINE_KVM;
    return strcmp(name, "soft") == 0 ? GUEST_ENGINE_SOFT : GUEST_ENGINE_AUTO;
}

/* What cannot be meant. */
static int check(const struct run_args *a, int argc, struct err *e)
{
    if (!a->vm)
        return err_set(e, -EINVAL, "containers are not built yet: hospes run --vm makes a machine");
    if (argc == 0 && !a->kernel)
        return err_set(e, -EINVAL, "an IMAGE or a --kernel is missing (see hospes run --help)");
    if (argc > 0 && a->console)
        return err_set(e, -EINVAL,
                       "--console stdio is for a kernel without an image; hospes console joins a guest's");
    if (a->console && a->detach)
        return err_set(e, -EINVAL, "--detach and --console stdio exclude each other");
    if (a->detach && (a->interactive || a->tty))
        return err_set(e, -EINVAL, "--detach leaves nothing for --interactive or --tty to join");
    if (a->publish.nr && strcmp(a->net, "none") == 0)
        return err_set(e, -EINVAL, "--publish needs a network, and --net none gives none");
    return 0;
}

int run_config(const struct run_args *a, int argc, char **argv, struct guest_config *c, struct err *e)
{
    int rc = check(a, argc, e);
    if (rc < 0)
        return rc;
    guest_defaults(c);
    c->name = a->name;
    c->image = argc > 0 ? argv[0] : NULL;
    c->argv = argc > 1 ? (const char *const *)argv + 1 : NULL;
    c->hostname = a->hostname;
    c->cpus = a->cpus;
    c->memory = a->memory;
    c->disk = a->disk;
    c->engine = engine(a->engine);
    c->net = strcmp(a->net, "none") == 0 ? GUEST_NET_NONE : GUEST_NET_USER;
    c->kernel = a->kernel;
    c->initrd = a->initrd;
    c->append = a->append;
    c->cwd = a->workdir;
    c->user = a->user;
    c->detach = a->detach;
    c->rm = a->rm;
    if (a->engine_debug)
        rc = word_debug_bits(a->engine_debug, &c->engine_debug, e);
    return rc < 0 ? rc : forwards(a, c, e);
}
