// SPDX-License-Identifier: GPL-2.0-or-later
/* client_list: guests as JSON, from their record and, if one lives, from their monitor. */
#include <arpa/inet.h>
#include <string.h>

#include "monitor/call.h"
#include "monitor/client.h"
#include "monitor/client_impl.h"

#define LOOK_MS 2000 /* a monitor that does not answer holds a list up no longer */

static int ask_or_tell(const struct guest_dir *d, const char *word, json_t **ret, struct err *e)
{
    OWN_FD fd = -1;
    OWN(json_t) request = json_pack("{s:s}", "do", word);
    int rc = call_open(d, &fd, e);
    return rc < 0 ? rc : call_ask(fd, request, LOOK_MS, true, ret, e);
}

/* What the monitor says, or NULL. */
static json_t *ask(const struct guest_dir *d, const char *word)
{
    json_t *reply = NULL;
    return ask_or_tell(d, word, &reply, NULL) < 0 ? NULL : reply;
}

static json_t *ports_json(const struct guest_config *c)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < c->nr_forwards; i++) {
        const struct guest_forward *f = &c->forwards[i];
        char ip[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &f->host_ip, ip, sizeof(ip));
        json_array_append_new(
            a, json_sprintf("%s:%u->%u/%s", ip, f->host_port, f->guest_port, f->udp ? "udp" : "tcp"));
    }
    return a;
}

/* Copy a field, or null. */
static void copy(json_t *to, const json_t *from, const char *key)
{
    json_t *v = from ? json_object_get(from, key) : NULL;
    if (v)
        json_object_set(to, key, v);
    else
        json_object_set_new(to, key, json_null());
}

static const char *state_of(const json_t *about, bool alive, const json_t *told)
{
    const char *state;
    if (told && json_opt_string(told, "state", "running", &state, NULL) == 0)
        return state;
    if (alive || json_opt_string(about, "state", "stopped", &state, NULL) < 0)
        return "running"; /* it does not say more just now */
    return state;
}

/* A container has the host's, and perhaps limits. */
static void without_hardware(json_t *j, const struct guest_config *c)
{
    double cpus = (double)c->container.cpus_milli / 1000;
    json_object_set_new(j, "engine", json_null());
    json_object_set_new(j, "disk", json_null());
    json_object_set_new(j, "cpus", cpus > 0 ? json_real(cpus) : json_null());
    if (!c->memory)
        json_object_set_new(j, "memory", json_null());
}

static json_t *describe(const struct guest_config *c, const json_t *about, bool alive, const json_t *told)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:i, s:I}", "name", c->name, "kind",
                          guest_kind_name(c->kind), "state", state_of(about, alive, told), "image", c->image,
                          "kernel", c->kernel, "cpus", c->cpus, "memory", (json_int_t)c->memory);
    OWN(json_t) config = guest_json(c);
    copy(j, told ? told : config, "disk");
    copy(j, told ? told : config, "engine");
    if (c->kind == GUEST_CONTAINER)
        without_hardware(j, c);
    copy(j, told && json_object_get(told, "net") ? told : config, "net");
    copy(j, told, "address");
    json_object_set_new(j, "ports", ports_json(c));
    copy(j, told, "pid");
    copy(j, about, "created");
    copy(j, about, "started");
    copy(j, about, "origin");
    const json_t *last = alive ? NULL : json_object_get(about, "last");
    copy(j, last, "ended");
    copy(j, last, "why");
    copy(j, last, "status");
    return j;
}

static int load(const struct guest_dir *d, json_t **ret_about, struct guest_config *ret, struct err *e)
{
    int rc = guest_dir_load(d, ret_about, e);
    if (rc < 0 || (rc = guest_parse(*ret_about, ret, e)) < 0)
        return rc == -ENOENT ? rc : err_wrap(e, "guest %s is damaged", d->name);
    if (ret->name && strcmp(ret->name, d->name) == 0)
        return 0;
    guest_fini(ret);
    return err_set(e, -EINVAL, "guest %s is damaged: its guest.json has another name", d->name);
}

static json_t *damaged(const char *name, const struct err *e)
{
    static const char *const keys[] = {"kind", "image",   "kernel", "cpus",  "memory",  "disk",    "engine",
                                       "net",  "address", "pid",    "ended", "created", "started", "status"};
    json_t *j = json_pack("{s:s, s:s, s:s, s:[]}", "name", name, "state", "broken", "why", e->text, "ports");
    for (size_t i = 0; j && i < sizeof(keys) / sizeof(keys[0]); i++)
        json_object_set_new(j, keys[i], json_null());
    return j;
}

static void add(json_t *list, const char *name, bool all, bool stats)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) about = NULL;
    OWN(json_t) told = NULL;
    OWN_GUEST c = {0};
    struct err e;
    bool alive;
    if (client_find(name, &d, &alive, NULL) < 0 || (!alive && !all))
        return;
    int rc = load(d, &about, &c, &e);
    if (rc == -ENOENT)
        return; /* removed just now */
    if (rc == 0 && alive)
        told = ask(d, stats ? "stats" : "status");
    json_t *j = rc < 0 ? damaged(name, &e) : describe(&c, about, alive, told);
    if (stats)
        copy(j, told, "stats");
    json_array_append_new(list, j);
}

static int list_all(bool all, bool stats, json_t **ret, struct err *e)
{
    OWN(json_t) names = NULL;
    int rc = guest_dir_names(&names, e);
    if (rc < 0)
        return rc;
    json_t *list = json_array();
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) add(list, json_string_value(name), all, stats);
    *ret = list;
    return 0;
}

int client_list(bool all, json_t **ret, struct err *e)
{
    return list_all(all, false, ret, e);
}

int client_list_stats(json_t **ret, struct err *e)
{
    return list_all(false, true, ret, e);
}

int client_stats(const char *name, json_t **ret, struct err *e)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) about = NULL;
    OWN(json_t) told = NULL;
    OWN_GUEST c = {0};
    bool alive;
    int rc;
    if ((rc = client_find(name, &d, &alive, e)) < 0 || (rc = load(d, &about, &c, e)) < 0)
        return rc;
    if (!alive)
        return err_set(e, -ESRCH, "guest %s is not running", name);
    if ((rc = ask_or_tell(d, "inspect", &told, e)) < 0)
        return rc == -ESRCH ? rc : err_wrap(e, "guest %s", name);
    *ret = describe(&c, about, alive, told);
    copy(*ret, told, "stats");
    return 0;
}

int client_inspect(const char *name, json_t **ret, struct err *e)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) about = NULL;
    OWN(json_t) told = NULL;
    OWN_GUEST c = {0};
    bool alive;
    int rc;
    if ((rc = client_find(name, &d, &alive, e)) < 0 || (rc = load(d, &about, &c, e)) < 0)
        return rc;
    if (alive)
        told = ask(d, "inspect");
    json_t *j = describe(&c, about, alive, told);
    copy(j, told, "agent");
    copy(j, told, "init");
    copy(j, told, "restarts");
    copy(j, told, "stats");
    copy(j, about, "last");
    json_object_set_new(j, "config", guest_json(&c));
    *ret = j;
    return 0;
}
