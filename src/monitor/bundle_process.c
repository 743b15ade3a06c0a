// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_process: see bundle_process.h. Source: OCI runtime-spec 1.2, config.md, "Process". */
#include "monitor/bundle_process.h"

#include <string.h>

#include "base/json.h"
#include "container/config.h"
#include "monitor/bundle_caps.h"
#include "monitor/guest_option.h"

const char *bundle_hostname(const struct guest_config *c)
{
    return c->hostname ? c->hostname : c->name;
}

static json_t *cap_list(uint64_t caps)
{
    json_t *a = json_array();
    for (int i = 0; i < CAPS_NR && cap_name(i); i++)
        if (caps >> i & 1)
            json_array_append_new(a, json_sprintf("CAP_%s", cap_name(i)));
    return a;
}

static json_t *capabilities(const struct bundle *b)
{
    uint64_t all = bundle_caps(&b->guest->container), has = b->user->uid == 0 ? all : 0;
    return json_pack("{s:o, s:o, s:o, s:[], s:[]}", "bounding", cap_list(all), "effective", cap_list(has),
                     "permitted", cap_list(has), "inheritable", "ambient");
}

/* Of two with one name programs take the first or the last: what was said stands alone. */
static json_t *environment(const struct bundle *b)
{
    const struct guest_config *c = b->guest;
    static const char *const ours[] = {"PATH=", "HOSTNAME=", "HOME="};
    const char *value[] = {"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bundle_hostname(c),
                           b->user->home};
    json_t *a = json_array();
    for (size_t i = 0; i < 3; i++) {
        bool said = false;
        for (const char *const *v = c->env; v && *v; v++)
            said |= strncmp(*v, ours[i], strlen(ours[i])) == 0;
        if (!said)
            json_array_append_new(a, json_sprintf("%s%s", ours[i], value[i]));
    }
    for (const char *const *v = c->env; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    return a;
}

static json_t *arguments(const struct bundle *b)
{
    const char *entry = b->guest->container.entrypoint;
    json_t *a = json_array();
    if (entry && *entry)
        json_array_append_new(a, json_string(entry));
    for (const char *const *v = b->guest->argv; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    if (json_array_size(a) == 0)
        json_array_append_new(a, json_string(b->shell));
    return a;
}

static json_t *user(const struct bundle_user *u)
{
    json_t *groups = json_array();
    for (unsigned i = 0; i < u->nr_groups; i++)
        json_array_append_new(groups, json_integer(u->groups[i]));
    return json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
                     "additionalGids", groups);
}

static json_t *rlimits(const struct guest_container *k)
{
    json_t *a = json_array();
    for (const char *const *t = k->ulimits; t && *t; t++) {
        struct guest_ulimit u;
        if (guest_ulimit_parse(*t, &u, NULL) == 0)
            json_array_append_new(a, json_pack("{s:s, s:I, s:I}", "type", u.name, "soft", (json_int_t)u.soft,
                                               "hard", (json_int_t)u.hard));
    }
    return a;
}

json_t *bundle_process(const struct bundle *b, const struct guest_security *s)
{
    const char *score = b->guest->container.oom_score;
    json_t *p = json_pack("{s:b, s:o, s:o, s:o, s:s, s:b, s:o}", "terminal", b->guest->container.tty, "user",
                          user(b->user), "args", arguments(b), "env", environment(b), "cwd",
                          b->guest->cwd ? b->guest->cwd : "/", "noNewPrivileges", !s->new_privileges,
                          "capabilities", capabilities(b));
    if (p && b->guest->container.ulimits)
        json_object_set_new(p, "rlimits", rlimits(&b->guest->container));
    if (p && score)
        json_object_set_new(p, "oomScoreAdj", json_integer(strtol(score, NULL, 10)));
    if (p && s->apparmor)
        json_object_set_new(p, "apparmorProfile", json_string(s->apparmor));
    if (p && s->label)
        json_object_set_new(p, "selinuxLabel", json_string(s->label));
    return p;
}
