// SPDX-License-Identifier: GPL-2.0-or-later
/* config_process: the section `process`. Source: OCI runtime-spec 1.2, config.md, "Process". */
#include <string.h>
#include <sys/resource.h>

#include "container/config.h"
#include "container/words.h"

/* ---- capabilities ---- */

static const char *const cap_keys[CAP_SETS] = {"bounding", "effective", "inheritable", "permitted",
                                               "ambient"};

/* A capability this program has never heard of is warned of when they are set, not an error. */
static uint64_t caps(struct strings *unknown, const struct field *up, const char *key)
{
    struct field list = field_array(up, key);
    uint64_t set = 0;
    for (unsigned i = 0; i < field_count(&list); i++) {
        struct field item = field_item(&list, i);
        const char *name = field_text(&item);
        int n = cap_number(name);
        if (n >= 0)
            set |= 1ull << n;
        else
            unknown->item[unknown->nr++] = name;
    }
    return set;
}

static void capabilities(struct process_config *p, const struct field *process)
{
    struct field f = field_object(process, "capabilities");
    size_t all = 0;
    p->has_caps = f.v != NULL;
    for (unsigned i = 0; i < CAP_SETS; i++)
        all += json_array_size(json_object_get(f.v, cap_keys[i]));
    p->unknown_caps.item = arena_alloc(f.doc->arena, all * sizeof(*p->unknown_caps.item));
    for (unsigned i = 0; i < CAP_SETS; i++)
        p->caps[i] = caps(&p->unknown_caps, &f, cap_keys[i]);
}

/* ---- limits ---- */

static uint64_t limit(const struct field *f, const char *key)
{
    int64_t n = field_must_int(f, key, -1, INT64_MAX);
    return n < 0 || n == INT64_MAX ? RLIM_INFINITY : (uint64_t)n;
}

static struct rlimit_config rlimit(const struct field *f)
{
    struct rlimit_config r = {.resource = -1};
    const char *type = field_must_string(f, "type");
    if (*type && (r.resource = word_number(rlimit_words, type)) < 0)
        field_bad_key(f, "type", "\"%s\" is no resource limit", type);
    r.soft = limit(f, "soft");
    r.hard = limit(f, "hard");
    if (r.soft > r.hard)
        field_bad_key(f, "soft", "is above hard");
    return r;
}

static void rlimits(struct config *c, struct process_config *p, const struct field *process)
{
    struct field list = field_array(process, "rlimits");
    p->nr_rlimits = field_count(&list);
    p->rlimits = arena_alloc(&c->arena, p->nr_rlimits * sizeof(*p->rlimits));
    for (unsigned i = 0; i < p->nr_rlimits; i++) {
        struct field f = field_item(&list, i);
        p->rlimits[i] = rlimit(&f);
        for (unsigned k = 0; k < i; k++)
            if (p->rlimits[k].resource == p->rlimits[i].resource)
                field_bad_key(&f, "type", "is there twice");
    }
}

/* ---- scheduling ---- */

static void scheduler(struct process_config *p, const struct field *process)
{
    struct field f = field_object(process, "scheduler");
    struct scheduler_config *s = &p->scheduler;
    s->there = f.v != NULL;
    if (!f.v)
        return;
    const char *policy = field_must_string(&f, "policy");
    int n = word_number(scheduler_words, policy);
    if (n < 0)
        field_bad_key(&f, "policy", "\"%s\" is no scheduling policy", policy);
    s->policy = (uint32_t)n;
    struct field flags = field_array(&f, "flags");
    for (unsigned i = 0; i < field_count(&flags); i++) {
        struct field item = field_item(&flags, i);
        n = word_number(scheduler_flag_words, field_text(&item));
        if (n < 0)
            field_bad(&item, "\"%s\" is no scheduler flag", field_text(&item));
        s->flags |= (uint64_t)n;
    }
    s->nice = (int32_t)field_int(&f, "nice", 0, -20, 19);
    s->priority = (uint32_t)field_int(&f, "priority", 0, 0, 99);
    s->runtime = (uint64_t)field_int(&f, "runtime", 0, 0, INT64_MAX);
    s->deadline = (uint64_t)field_int(&f, "deadline", 0, 0, INT64_MAX);
    s->period = (uint64_t)field_int(&f, "period", 0, 0, INT64_MAX);
}

static void io_priority(struct process_config *p, const struct field *process)
{
    struct field f = field_object(process, "ioPriority");
    p->io_class = p->io_priority = UNSET;
    if (!f.v)
        return;
    const char *name = field_must_string(&f, "class");
    p->io_class = word_number(io_class_words, name);
    if (p->io_class < 0)
        field_bad_key(&f, "class", "\"%s\" is no I/O class", name);
    p->io_priority = field_int(&f, "priority", 0, 0, 7);
}

/* ---- who and what ---- */

static void user(struct config *c, struct process_config *p, const struct field *process)
{
    struct field f = field_object(process, "user");
    p->uid = (uint32_t)field_int(&f, "uid", 0, 0, UINT32_MAX - 1);
    p->gid = (uint32_t)field_int(&f, "gid", 0, 0, UINT32_MAX - 1);
    p->umask = field_int(&f, "umask", UNSET, 0, 0777);
    struct field groups = field_array(&f, "additionalGids");
    p->nr_groups = field_count(&groups);
    p->groups = arena_alloc(&c->arena, p->nr_groups * sizeof(*p->groups));
    for (unsigned i = 0; i < p->nr_groups; i++) {
        struct field item = field_item(&groups, i);
        p->groups[i] = (uint32_t)field_item_int(&item, 0, UINT32_MAX - 1);
    }
}

static void environment(const struct process_config *p, const struct field *process)
{
    struct field list = field_array(process, "env");
    for (unsigned i = 0; i < p->env.nr; i++) {
        struct field item = field_item(&list, i);
        if (!strchr(p->env.item[i], '=') || p->env.item[i][0] == '=')
            field_bad(&item, "\"%s\" is not NAME=VALUE", p->env.item[i]);
    }
}

static void command(struct process_config *p, const struct field *process)
{
    p->args = field_strings(process, "args");
    p->env = field_strings(process, "env");
    environment(p, process);
    p->cwd = field_must_string(process, "cwd");
    if (*p->cwd && *p->cwd != '/')
        field_bad_key(process, "cwd", "\"%s\" is not an absolute path", p->cwd);
    if (p->args.nr == 0)
        field_bad_key(process, "args", field_has(process, "args") ? "is empty" : "is missing");
    else if (p->args.item[0][0] == 0)
        field_bad_key(process, "args", "names no program");
}

void config_process(struct config *c, const struct field *process)
{
    struct process_config *p = &c->process;
    p->there = process->v != NULL;
    p->umask = p->oom_score_adj = p->io_class = p->io_priority = UNSET;
    if (!p->there)
        return;
    p->terminal = field_bool(process, "terminal", false);
    struct field size = field_object(process, "consoleSize");
    if (size.v) {
        p->rows = (uint16_t)field_must_int(&size, "height", 0, UINT16_MAX);
        p->cols = (uint16_t)field_must_int(&size, "width", 0, UINT16_MAX);
    }
    command(p, process);
    user(c, p, process);
    capabilities(p, process);
    rlimits(c, p, process);
    scheduler(p, process);
    io_priority(p, process);
    p->no_new_privileges = field_bool(process, "noNewPrivileges", false);
    p->oom_score_adj = field_int(process, "oomScoreAdj", UNSET, -1000, 1000);
    p->apparmor = field_string(process, "apparmorProfile");
    p->selinux = field_string(process, "selinuxLabel");
    struct field affinity = field_object(process, "execCPUAffinity");
    p->cpu_affinity_initial = field_string(&affinity, "initial");
    p->cpu_affinity_final = field_string(&affinity, "final");
}
