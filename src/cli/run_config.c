// SPDX-License-Identifier: GPL-2.0-or-later
/* run_config: from the options of `run` to what a guest is made of. */
#include <stdlib.h>
#include <string.h>

#include "cli/publish.h"
#include "cli/run.h"
#include "cli/run_container.h"
#include "cli/volume.h"
#include "cli/words.h"

static int forwards(const struct run_args *a, struct guest_config *c, struct err *e)
{
    int rc = publish_list(&a->publish, publish_parse, c->forwards, &c->nr_forwards, e);
    return rc < 0 ? err_wrap(e, "--publish") : 0;
}

static enum guest_engine engine(const char *name)
{
    if (strcmp(name, "kvm") == 0)
        return GUEST_ENGINE_KVM;
    return strcmp(name, "soft") == 0 ? GUEST_ENGINE_SOFT : GUEST_ENGINE_AUTO;
}

void run_lists_fini(struct run_lists *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        free(l->copy[i]);
    volume_list_free(l->mounts);
    volume_list_free(l->made);
}

int run_cpus(const char *text, uint64_t *ret_milli, struct err *e)
{
    char *end = NULL;
    double n = text ? strtod(text, &end) : 0;
    if (text && (!*text || *end || !(n >= 0.01 && n <= 4096)))
        return err_set(e, -EINVAL, "--cpus: not a number of processors: %.40s", text);
    *ret_milli = (uint64_t)(n * 1000 + 0.5);
    return 0;
}

/* ---- network ---- */

static const char *net_text(const struct run_args *a)
{
    return a->network ? a->network : a->net;
}

static bool net_is_for_containers(const struct run_args *a)
{
    const char *text = net_text(a);
    return text &&
           (strcmp(text, "bridge") == 0 || strcmp(text, "host") == 0 || strncmp(text, "container:", 10) == 0);
}

static int net(const struct run_args *a, struct guest_config *c, struct err *e)
{
    static const enum guest_net nets[] = {GUEST_NET_USER, GUEST_NET_NONE, GUEST_NET_HOST, GUEST_NET_AUTO,
                                          GUEST_NET_BRIDGE};
    const char *text = net_text(a) ? net_text(a) : a->vm ? "user" : "auto";
    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (strcmp(text, guest_net_name(nets[i])) == 0) {
            c->net = nets[i];
            return 0;
        }
    if (strncmp(text, "container:", 10) != 0)
        return err_set(e, -EINVAL, "--net: one of auto, bridge, user, none, host, container:NAME, not %.40s",
                       text);
    c->net = GUEST_NET_CONTAINER;
    c->net_of = text + 10;
    return 0;
}

/* ---- what cannot be meant ---- */

struct misuse {
    bool given;
    const char *option;
};

static int refuse(const struct misuse *list, size_t nr, const char *why, struct err *e)
{
    for (size_t i = 0; i < nr; i++)
        if (list[i].given)
            return err_set(e, -EINVAL, "%s %s", list[i].option, why);
    return 0;
}

static int check_machine(const struct run_args *a, struct err *e)
{
    char name[64];
    const char *only = net_is_for_containers(a) ? "--net bridge, host or container:NAME"
                                                : run_container_only(a, name, sizeof(name));
    return only ? err_set(e, -EINVAL, "%s is for containers: a machine has a kernel of its own", only) : 0;
}

static int check_container(const struct run_args *a, struct err *e)
{
    const struct misuse only_machines[] = {{a->kernel, "--kernel"},
                                           {a->initrd, "--initrd"},
                                           {a->append, "--append"},
                                           {a->console, "--console"},
                                           {a->disk, "--disk"},
                                           {strcmp(a->engine, "auto") != 0, "--engine"},
                                           {a->engine_debug, "--engine-debug"}};
    return refuse(only_machines, sizeof(only_machines) / sizeof(only_machines[0]),
                  "needs --vm: a container has none of it", e);
}

static int check(const struct run_args *a, int argc, struct err *e)
{
    int rc = a->vm ? check_machine(a, e) : check_container(a, e);
    if (rc < 0)
        return rc;
    if (argc == 0 && !a->kernel)
        return err_set(e, -EINVAL,
                       a->vm ? "an IMAGE or a --kernel is missing (see hospes run --help)"
                             : "an IMAGE is missing (see hospes run --help)");
    if (argc > 0 && a->console)
        return err_set(e, -EINVAL,
                       "--console stdio is for a kernel without an image; hospes console joins a guest's");
    if (a->console && a->detach)
        return err_set(e, -EINVAL, "--detach and --console stdio exclude each other");
    if (a->detach && a->vm && (a->interactive || a->tty))
        return err_set(e, -EINVAL, "--detach leaves nothing for --interactive or --tty to join");
    if (a->restart && strcmp(a->restart, "no") != 0 && !a->detach)
        return err_set(e, -EINVAL, "--restart needs --detach: a command in the foreground ends once");
    return 0;
}

/* ---- filling in ---- */

static int set_machine(const struct run_args *a, struct guest_config *c, struct err *e)
{
    unsigned cpus = 1;
    int rc = a->cpus ? opt_number(a->cpus, &cpus, e) : 0;
    if (rc < 0)
        return err_wrap(e, "--cpus");
    c->cpus = cpus;
    if (a->memory)
        c->memory = a->memory;
    return a->engine_debug ? word_debug_bits(a->engine_debug, &c->engine_debug, e) : 0;
}

int run_config(const struct run_args *a, int argc, char **argv, struct run_lists *l, struct guest_config *c,
               struct err *e)
{
    int rc = check(a, argc, e);
    if (rc < 0)
        return rc;
    guest_defaults(c);
    c->name = a->name;
    c->image = argc > 0 ? argv[0] : NULL;
    c->argv = argc > 1 ? (const char *const *)argv + 1 : NULL;
    c->hostname = a->hostname;
    c->disk = a->disk;
    c->engine = engine(a->engine);
    c->kernel = a->kernel;
    c->initrd = a->initrd;
    c->append = a->append;
    c->cwd = a->workdir;
    c->user = a->user;
    c->detach = a->detach;
    c->rm = a->rm;
    rc = a->vm ? set_machine(a, c, e) : run_container(a, l, c, e);
    if (rc < 0 || (rc = net(a, c, e)) < 0)
        return rc;
    return forwards(a, c, e);
}
