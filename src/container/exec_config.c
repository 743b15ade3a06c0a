// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_config: see exec.h: the container's own process section, changed by options, or one from a file. */
#include <stdlib.h>
#include <string.h>

#include "container/exec.h"

void exec_job_fini(struct exec_job *j)
{
    config_fini(&j->container);
    config_fini(&j->own);
}

static int user(const char *text, struct process_config *p, struct err *e)
{
    char *end;
    unsigned long uid = strtoul(text, &end, 10), gid = 0;
    bool bad = end == text;
    if (!bad && *end == ':') {
        const char *second = end + 1;
        gid = strtoul(second, &end, 10);
        bad = end == second;
    }
    if (bad || *end || uid >= UINT32_MAX || gid >= UINT32_MAX || text[0] == '-')
        return err_set(e, -EINVAL, "--user: \"%s\" is not UID or UID:GID", text);
    p->uid = (uint32_t)uid;
    p->gid = (uint32_t)gid;
    p->nr_groups = 0;
    return 0;
}

static struct strings append(struct arena *a, struct strings to, const char *const *more, unsigned nr)
{
    struct strings s = {.item = arena_alloc(a, (to.nr + nr + 1) * sizeof(*s.item)), .nr = to.nr + nr};
    if (to.nr)
        memcpy(s.item, to.item, to.nr * sizeof(*s.item));
    if (nr)
        memcpy(s.item + to.nr, more, nr * sizeof(*s.item));
    return s;
}

/* Not to what is inherited: a program with file capabilities would get them back as another user. */
static int add_caps(const struct exec_options *o, struct process_config *p, struct err *e)
{
    for (unsigned i = 0; i < o->nr_caps; i++) {
        int n = cap_number(o->caps[i]);
        if (n < 0)
            return err_set(e, -EINVAL, "--cap: \"%s\" is no capability", o->caps[i]);
        for (unsigned k = 0; k < CAP_SETS; k++)
            if (k != CAPS_AMBIENT && k != CAPS_INHERITABLE)
                p->caps[k] |= 1ull << n;
    }
    return 0;
}

static int add_groups(struct arena *a, const struct exec_options *o, struct process_config *p)
{
    uint32_t *all = arena_alloc(a, (p->nr_groups + o->nr_groups) * sizeof(*all));
    if (p->nr_groups)
        memcpy(all, p->groups, p->nr_groups * sizeof(*all));
    if (o->nr_groups)
        memcpy(all + p->nr_groups, o->groups, o->nr_groups * sizeof(*all));
    p->groups = all;
    p->nr_groups += o->nr_groups;
    return 0;
}

static int from_options(struct exec_job *j, const struct exec_options *o, struct err *e)
{
    struct arena *a = &j->container.arena;
    struct process_config *p = &j->p;
    *p = j->container.process;
    p->terminal = o->terminal;
    p->rows = p->cols = 0;
    p->args = append(a, (struct strings){0}, o->args, o->nr_args);
    p->env = append(a, p->env, o->env, o->nr_env);
    p->cwd = o->cwd ? o->cwd : p->cwd;
    p->apparmor = o->apparmor ? o->apparmor : p->apparmor;
    p->selinux = o->selinux ? o->selinux : p->selinux;
    p->no_new_privileges |= o->no_new_privileges;
    if (p->cwd[0] != '/')
        return err_set(e, -EINVAL, "--cwd: \"%s\" is not an absolute path", p->cwd);
    int rc = o->user ? user(o->user, p, e) : 0;
    if (rc == 0)
        rc = add_caps(o, p, e);
    return rc < 0 ? rc : add_groups(a, o, p);
}

int exec_job_load(const char *root, const char *id, const struct exec_options *o, struct exec_job *j,
                  struct err *e)
{
    char *file = state_file(root, id, "config.json");
    int rc = config_load(file, "config.json", &j->container, e);
    free(file);
    if (rc < 0)
        return rc;
    if (o->nr_args)
        return from_options(j, o, e);
    rc = config_load_process(o->process_file, &j->own, e);
    j->p = j->own.process;
    j->p.terminal |= o->terminal;
    return rc;
}
