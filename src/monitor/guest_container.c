// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_container: see guest_container.h. */
#include "monitor/guest_container.h"

#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "container/config.h"

#define LIST_MAX       256
#define MEMORY_MIN     (1u << 20)
#define CPUS_MILLI_MIN 10

/* ---- mounts ---- */

void guest_mount_fini(struct guest_mount *m)
{
    free(m->from);
    free(m->to);
}

static int mount_options(char *list, struct guest_mount *m)
{
    for (char *rest, *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strcmp(word, "ro") == 0)
            m->read_only = true;
        else if (strcmp(word, "nosuid") == 0)
            m->nosuid = true;
        else if (strcmp(word, "nodev") == 0)
            m->nodev = true;
        else if (strcmp(word, "noexec") == 0)
            m->noexec = true;
        else if (strcmp(word, "rw") != 0)
            return -EINVAL;
    }
    return 0;
}

static bool leaves(const char *path)
{
    for (const char *p = strstr(path, "/.."); p; p = strstr(p + 1, "/.."))
        if (p[3] == '/' || p[3] == 0)
            return true;
    return false;
}

int guest_mount_parse(const char *text, struct guest_mount *ret, struct err *e)
{
    OWN_MEM char *copy = strdup(text);
    OWN_MOUNT m = {0};
    char *to = copy ? strchr(copy, ':') : NULL;
    if (to)
        *to++ = 0;
    char *options = to ? strchr(to, ':') : NULL;
    if (options)
        *options++ = 0;
    if (!to || copy[0] != '/' || to[0] != '/' || to[1] == 0 || leaves(to) ||
        (options && mount_options(options, &m) < 0))
        return err_set(e, -EINVAL, "not a mount: %.200s (like /srv/data:/data or /srv/data:/data:ro)", text);
    m.from = strdup(copy);
    m.to = strdup(to);
    if (!m.from || !m.to)
        return err_code(e, -ENOMEM, "mount");
    *ret = m;
    m = (struct guest_mount){0};
    return 0;
}

/* ---- security ---- */

static bool is(const char *option, const char *a, const char *b)
{
    return strcmp(option, a) == 0 || strcmp(option, b) == 0;
}

static const char *value(const char *option, const char *key)
{
    size_t n = strlen(key);
    return strncmp(option, key, n) == 0 ? option + n : NULL;
}

static int security_option(const char *o, struct guest_security *s, struct err *e)
{
    const char *v;
    if (is(o, "new-privileges", "no-new-privileges=false") || strcmp(o, "no-new-privileges:false") == 0)
        s->new_privileges = true;
    else if (is(o, "no-new-privileges", "no-new-privileges=true"))
        s->new_privileges = false;
    else if (is(o, "unmask=ALL", "systempaths=unconfined"))
        s->unmasked = true;
    else if (is(o, "seccomp=unconfined", "seccomp:unconfined"))
        s->seccomp_off = true;
    else if ((v = value(o, "seccomp=")) && *v == '/')
        s->seccomp = v;
    else if ((v = value(o, "apparmor=")) && *v)
        s->apparmor = v;
    else if ((v = value(o, "label=")) && *v)
        s->label = v;
    else
        return err_set(e, -EINVAL,
                       "\"%.80s\" is no security option: new-privileges, seccomp=unconfined, seccomp=/FILE, "
                       "unmask=ALL, apparmor=PROFILE, label=CONTEXT",
                       o);
    return 0;
}

int guest_security_parse(const char *const *options, struct guest_security *ret, struct err *e)
{
    struct guest_security s = {0};
    for (; options && *options; options++) {
        int rc = security_option(*options, &s, e);
        if (rc < 0)
            return rc;
    }
    *ret = s;
    return 0;
}

/* ---- checks ---- */

static int check_caps(const char *const *list, struct err *e)
{
    for (; list && *list; list++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%s", strncmp(*list, "CAP_", 4) == 0 ? "" : "CAP_", *list);
        if (strcmp(*list, "ALL") != 0 && cap_number(name) < 0)
            return err_set(e, -EINVAL, "\"%.40s\" is no capability", *list);
    }
    return 0;
}

static int check_mounts(const char *const *list, struct err *e)
{
    for (; list && *list; list++) {
        OWN_MOUNT m = {0};
        int rc = guest_mount_parse(*list, &m, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_limits(const struct guest_config *c, struct err *e)
{
    const struct guest_container *k = &c->container;
    if (c->memory && c->memory < MEMORY_MIN)
        return err_set(e, -EINVAL, "%llu bytes of memory: at least 1 MiB is needed",
                       (unsigned long long)c->memory);
    if (c->memory > 1ull << 46)
        return err_set(e, -EINVAL, "%llu bytes of memory: at most 64 TiB are possible",
                       (unsigned long long)c->memory);
    if (k->cpus_milli && (k->cpus_milli < CPUS_MILLI_MIN || k->cpus_milli > 4096 * 1000))
        return err_set(e, -EINVAL, "%g cpus: between 0.01 and 4096 are possible",
                       (double)k->cpus_milli / 1000);
    if (k->pids > GUEST_PIDS_MAX)
        return err_set(e, -EINVAL, "%u processes: at most %d are possible", k->pids, GUEST_PIDS_MAX);
    return 0;
}

int guest_container_check(const struct guest_config *c, struct err *e)
{
    struct guest_security s;
    int rc;
    if (!c->image)
        return err_set(e, -EINVAL, "a container needs an image");
    if (c->kernel || c->initrd || c->append || c->disk || c->engine != GUEST_ENGINE_AUTO || c->engine_debug)
        return err_set(e, -EINVAL, "a container has no kernel, engine or disk of its own: that takes --vm");
    if ((rc = check_limits(c, e)) < 0 || (rc = check_mounts(c->container.mounts, e)) < 0 ||
        (rc = check_caps(c->container.cap_add, e)) < 0 || (rc = check_caps(c->container.cap_drop, e)) < 0)
        return rc;
    return guest_security_parse(c->container.security, &s, e);
}

/* ---- JSON ---- */

json_t *guest_container_json(const struct guest_container *c)
{
    return json_pack("{s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o}", "tty", c->tty, "input", c->input,
                     "read_only", c->read_only, "pids", (json_int_t)c->pids, "cpus_milli",
                     (json_int_t)c->cpus_milli, "mounts", strings_json(c->mounts), "cap_add",
                     strings_json(c->cap_add), "cap_drop", strings_json(c->cap_drop), "security",
                     strings_json(c->security));
}

int guest_container_parse(const json_t *guest, struct guest_config *c, struct err *e)
{
    struct guest_container *k = &c->container;
    json_t *j;
    uint64_t pids;
    int rc = json_get_object(guest, "container", &j, e);
    if (rc < 0 || (rc = json_opt_bool(j, "tty", false, &k->tty, e)) < 0 ||
        (rc = json_opt_bool(j, "input", false, &k->input, e)) < 0 ||
        (rc = json_opt_bool(j, "read_only", false, &k->read_only, e)) < 0 ||
        (rc = json_opt_uint(j, "pids", 0, 0, GUEST_PIDS_MAX, &pids, e)) < 0 ||
        (rc = json_opt_uint(j, "cpus_milli", 0, 0, INT64_MAX, &k->cpus_milli, e)) < 0 ||
        (rc = strings_parse(j, "mounts", LIST_MAX, &c->lists[2], e)) < 0 ||
        (rc = strings_parse(j, "cap_add", LIST_MAX, &c->lists[3], e)) < 0 ||
        (rc = strings_parse(j, "cap_drop", LIST_MAX, &c->lists[4], e)) < 0 ||
        (rc = strings_parse(j, "security", LIST_MAX, &c->lists[5], e)) < 0)
        return rc;
    k->pids = (unsigned)pids;
    k->mounts = c->lists[2];
    k->cap_add = c->lists[3];
    k->cap_drop = c->lists[4];
    k->security = c->lists[5];
    return 0;
}
