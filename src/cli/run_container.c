// SPDX-License-Identifier: GPL-2.0-or-later
/* run_container: see run_container.h. */
#include "cli/run_container.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/mount_option.h"
#include "cli/verbs.h"
#include "cli/volume.h"

/* ---- what goes over as it is ---- */

#define ROW(option_, field_) {offsetof(struct run_args, option_), offsetof(struct guest_container, field_)}
struct row {
    size_t from, to;
};
static const struct row lists[] =
    {
        ROW(cap_add, cap_add), ROW(cap_drop, cap_drop), ROW(security_opt, security),  ROW(device, devices),
        ROW(ulimit, ulimits),  ROW(group_add, groups),  ROW(add_host, hosts),         ROW(dns, dns),
        ROW(sysctl, sysctls),  ROW(label, labels),      ROW(annotation, annotations),
},
                        texts[] =
                            {
                                ROW(entrypoint, entrypoint),   ROW(cpuset_cpus, cpuset),
                                ROW(oom_score_adj, oom_score), ROW(stop_signal, stop_signal),
                                ROW(restart, restart),
},
                        flags[] = {
                            ROW(tty, tty),   ROW(interactive, input),     ROW(read_only, read_only),
                            ROW(init, init), ROW(privileged, privileged),
};
#define NR(table_) (sizeof(table_) / sizeof((table_)[0]))

/* NULL-ended. */
static const char **copy_list(const struct opt_list *l)
{
    const char **list = calloc(l->nr + 1, sizeof(*list));
    for (unsigned i = 0; list && i < l->nr; i++)
        list[i] = l->item[i];
    return list;
}

static int copy_all(const struct run_args *a, struct run_lists *l, struct guest_container *k, struct err *e)
{
    const char *from = (const char *)a;
    char *to = (char *)k;
    for (size_t i = 0; i < NR(lists); i++) {
        const char **list = copy_list((const struct opt_list *)(from + lists[i].from));
        if (!list)
            return err_code(e, -ENOMEM, "options");
        l->copy[l->nr++] = list;
        *(const char *const **)(to + lists[i].to) = list[0] ? list : NULL;
    }
    for (size_t i = 0; i < NR(texts); i++)
        *(const char **)(to + texts[i].to) = *(const char *const *)(from + texts[i].from);
    for (size_t i = 0; i < NR(flags); i++)
        *(bool *)(to + flags[i].to) = *(const bool *)(from + flags[i].from);
    return 0;
}

/* ---- mounts ---- */

/* --volume and --tmpfs, and to them what --mount says. */
static int set_mounts(const struct run_args *a, struct run_lists *l, struct guest_container *k, struct err *e)
{
    struct opt_list volumes = {.item = calloc(a->volume.nr + a->mount.nr + 1, sizeof(char *))},
                    tmpfs = {.item = calloc(a->tmpfs.nr + a->mount.nr + 1, sizeof(char *))};
    l->copy[l->nr++] = volumes.item;
    l->copy[l->nr++] = tmpfs.item;
    l->made = calloc(a->mount.nr + 1, sizeof(*l->made));
    if (!volumes.item || !tmpfs.item || !l->made)
        return err_code(e, -ENOMEM, "--mount");
    for (unsigned i = 0; i < a->volume.nr; i++)
        volumes.item[volumes.nr++] = a->volume.item[i];
    for (unsigned i = 0; i < a->tmpfs.nr; i++)
        tmpfs.item[tmpfs.nr++] = a->tmpfs.item[i];
    for (unsigned i = 0; i < a->mount.nr; i++) {
        bool is_tmpfs;
        if (mount_option_parse(a->mount.item[i], &is_tmpfs, &l->made[i], e) < 0)
            return err_wrap(e, "--mount");
        struct opt_list *to = is_tmpfs ? &tmpfs : &volumes;
        to->item[to->nr++] = l->made[i];
    }
    k->tmpfs = tmpfs.nr ? tmpfs.item : NULL;
    if (volume_list(&volumes, &l->mounts, e) < 0)
        return err_wrap(e, "--volume");
    k->mounts = (const char *const *)l->mounts;
    return 0;
}

/* ---- numbers ---- */

static int swap(const char *text, uint64_t *ret, struct err *e)
{
    *ret = 0;
    if (text && (strcmp(text, "-1") == 0 || strcmp(text, "none") == 0))
        *ret = GUEST_NO_LIMIT;
    else if (text && opt_size(text, ret, e) < 0)
        return err_wrap(e, "--memory-swap");
    return 0;
}

static bool is_host(const char *choice)
{
    return choice && strcmp(choice, "host") == 0;
}

int run_container(const struct run_args *a, struct run_lists *l, struct guest_config *c, struct err *e)
{
    struct guest_container *k = &c->container;
    int rc;
    c->kind = GUEST_CONTAINER;
    c->memory = a->memory;
    k->pids = a->pids;
    k->shm_size = a->shm_size;
    k->stop_timeout_ms = a->stop_timeout.ms;
    k->host_pid = is_host(a->pid);
    k->host_ipc = is_host(a->ipc);
    k->host_uts = is_host(a->uts);
    if ((rc = copy_all(a, l, k, e)) < 0 || (rc = set_mounts(a, l, k, e)) < 0 ||
        (rc = swap(a->memory_swap, &k->memory_swap, e)) < 0)
        return rc;
    return run_cpus(a->cpus, &k->cpus_milli, e);
}

/* ---- machines have none of it ---- */

static const struct opt *option_at(size_t offset)
{
    for (unsigned i = 0; i < verb_run.nr_opts; i++)
        if (verb_run.opts[i].offset == offset)
            return &verb_run.opts[i];
    return NULL;
}

static bool is_given(const struct run_args *a, const struct opt *o)
{
    const char *at = (const char *)a + o->offset;
    switch (o->kind) {
    case OPT_FLAG:
        return *(const bool *)at;
    case OPT_NUMBER:
        return *(const unsigned *)at;
    case OPT_SIZE:
    case OPT_SECONDS:
        return *(const uint64_t *)at;
    case OPT_REPEATED:
        return ((const struct opt_list *)at)->nr;
    default:
        return *(const char *const *)at;
    }
}

const char *run_container_only(const struct run_args *a, char *buf, size_t size)
{
#define ONLY(option_) offsetof(struct run_args, option_)
    static const size_t only[] = {
        ONLY(volume),     ONLY(mount),       ONLY(tmpfs),         ONLY(read_only),   ONLY(init),
        ONLY(privileged), ONLY(pids),        ONLY(cap_add),       ONLY(cap_drop),    ONLY(security_opt),
        ONLY(device),     ONLY(ulimit),      ONLY(group_add),     ONLY(add_host),    ONLY(dns),
        ONLY(sysctl),     ONLY(label),       ONLY(annotation),    ONLY(entrypoint),  ONLY(cpuset_cpus),
        ONLY(restart),    ONLY(stop_signal), ONLY(oom_score_adj), ONLY(memory_swap), ONLY(stop_timeout),
        ONLY(shm_size),   ONLY(pid),         ONLY(ipc),           ONLY(uts)};
    for (size_t i = 0; i < NR(only); i++) {
        const struct opt *o = option_at(only[i]);
        char name[40];
        if (!o || !is_given(a, o))
            continue;
        opt_spell(o, name, sizeof(name));
        snprintf(buf, size, "--%s", name);
        return buf;
    }
    return NULL;
}
