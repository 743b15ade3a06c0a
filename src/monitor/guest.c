// SPDX-License-Identifier: GPL-2.0-or-later
/* guest: see guest.h. guest.json may have been written by anybody: every value is checked. */
#include "monitor/guest.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/json_strings.h"
#include "monitor/guest_container.h"
#include "monitor/guest_ports.h"

#define TEXT_MAX 4096 /* bytes of a string in a configuration */
#define LIST_MAX 1024 /* of arguments, of variables */
#define DISK_MAX (1ull << 50)

void guest_defaults(struct guest_config *c)
{
    *c = (struct guest_config){.cpus = 1, .memory = 512u << 20};
}

void guest_fini(struct guest_config *c)
{
    for (size_t i = 0; i < sizeof(c->lists) / sizeof(c->lists[0]); i++)
        free(c->lists[i]);
    json_decref(c->json);
    *c = (struct guest_config){0};
}

/* ---- words ---- */

static const char *const engine_names[] = {
    [GUEST_ENGINE_AUTO] = "auto", [GUEST_ENGINE_KVM] = "kvm", [GUEST_ENGINE_SOFT] = "soft"};
static const char *const net_names[] = {
    [GUEST_NET_USER] = "user", [GUEST_NET_NONE] = "none",     [GUEST_NET_HOST] = "host",
    [GUEST_NET_AUTO] = "auto", [GUEST_NET_BRIDGE] = "bridge", [GUEST_NET_CONTAINER] = "container"};
#define NETS (sizeof(net_names) / sizeof(net_names[0]))
static const char *const kind_names[] = {[GUEST_MACHINE] = "machine", [GUEST_CONTAINER] = "container"};

const char *guest_kind_name(enum guest_kind kind)
{
    return kind_names[kind];
}

const char *guest_net_name(enum guest_net net)
{
    return net_names[net];
}

static int word_index(const json_t *j, const char *key, const char *const *words, int nr, int *ret,
                      struct err *e)
{
    const char *text;
    int rc = json_opt_string(j, key, words[0], &text, e);
    if (rc < 0)
        return rc;
    for (int i = 0; i < nr; i++)
        if (!strcmp(text, words[i])) {
            *ret = i;
            return 0;
        }
    return err_set(e, -EINVAL, "\"%s\" cannot be \"%.40s\"", key, text);
}

/* ---- checks ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *name, size_t max, const char *others)
{
    size_t n = strlen(name);
    bool ok = n > 0 && n <= max && is_alnum(name[0]);
    for (size_t i = 1; ok && i < n; i++)
        ok = is_alnum(name[i]) || strchr(others, name[i]);
    return ok;
}

int guest_check_name(const char *name, struct err *e)
{
    if (is_name(name, GUEST_NAME_MAX, "_.-"))
        return 0;
    return err_set(e, -EINVAL,
                   "\"%.80s\" is no name for a guest: letters, digits, \"_\", \".\", \"-\", at most %d, "
                   "not starting with one of \"_.-\"",
                   name, GUEST_NAME_MAX);
}

/* JSON, in which all of this is kept and asked for, holds UTF-8 only. */
static int check_utf8(const char *what, const char *text, struct err *e)
{
    OWN(json_t) j = json_string(text);
    return j ? 0 : err_set(e, -EINVAL, "%s: not UTF-8 text", what);
}

static int check_text(const char *what, const char *text, struct err *e)
{
    if (!text)
        return 0;
    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return err_set(e, -EINVAL, "%s: longer than %d bytes", what, TEXT_MAX);
    return check_utf8(what, text, e);
}

static int check_texts(const struct guest_config *c, struct err *e)
{
    const struct {
        const char *what, *text;
    } texts[] = {{"image", c->image},   {"kernel", c->kernel}, {"initrd", c->initrd},
                 {"directory", c->cwd}, {"user", c->user},     {"kernel command line", c->append}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int rc = check_text(texts[i].what, texts[i].text, e);
        if (rc < 0)
            return rc;
    }
    if (c->hostname && !is_name(c->hostname, GUEST_NAME_MAX, ".-"))
        return err_set(e, -EINVAL, "\"%.80s\" is no host name", c->hostname);
    return 0;
}

static int check_list(const char *what, const char *const *list, bool assignments, struct err *e)
{
    size_t nr = 0;
    for (; list && list[nr]; nr++) {
        if (nr == LIST_MAX)
            return err_set(e, -EINVAL, "%s: more than %d", what, LIST_MAX);
        const char *is = strchr(list[nr], '=');
        if (assignments && (!is || is == list[nr]))
            return err_set(e, -EINVAL, "%s: \"%.40s\" is not NAME=VALUE", what, list[nr]);
        int rc = check_utf8(what, list[nr], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_forwards(const struct guest_config *c, struct err *e)
{
    if (c->nr_forwards > GUEST_FORWARDS)
        return err_set(e, -EINVAL, "more than %d published ports", GUEST_FORWARDS);
    if (c->nr_forwards && c->net != GUEST_NET_USER && c->net != GUEST_NET_AUTO && c->net != GUEST_NET_BRIDGE)
        return err_set(e, -EINVAL, "ports cannot be published without a network of its own");
    for (unsigned i = 0; i < c->nr_forwards; i++) {
        const struct guest_forward *f = &c->forwards[i];
        if (f->host_port == 0 || f->guest_port == 0)
            return err_set(e, -EINVAL, "port 0 cannot be published");
        for (unsigned k = 0; k < i; k++)
            if (c->forwards[k].udp == f->udp && c->forwards[k].host_port == f->host_port &&
                c->forwards[k].host_ip.s_addr == f->host_ip.s_addr)
                return err_set(e, -EINVAL, "port %u is published twice", f->host_port);
    }
    return 0;
}

static int check_sizes(struct guest_config *c, struct err *e)
{
    if (c->cpus < 1 || c->cpus > GUEST_CPUS_MAX)
        return err_set(e, -EINVAL, "%u cpus: between 1 and %d are possible", c->cpus, GUEST_CPUS_MAX);
    if (c->memory > 1ull << 46)
        return err_set(e, -EINVAL, "%llu bytes of memory: at most 64 TiB are possible",
                       (unsigned long long)c->memory);
    if (c->memory < GUEST_MEMORY_MIN)
        return err_set(e, -EINVAL, "%llu bytes of memory: at least %u MiB are needed",
                       (unsigned long long)c->memory, GUEST_MEMORY_MIN >> 20);
    c->memory = (c->memory + GUEST_MEMORY_STEP - 1) / GUEST_MEMORY_STEP * GUEST_MEMORY_STEP;
    if (c->disk > DISK_MAX)
        return err_set(e, -EINVAL, "a disk of %llu bytes: at most 1 PiB is possible",
                       (unsigned long long)c->disk);
    c->disk = (c->disk + 511) / 512 * 512;
    return 0;
}

static int check_machine(struct guest_config *c, struct err *e)
{
    if (c->net != GUEST_NET_USER && c->net != GUEST_NET_NONE)
        return err_set(e, -EINVAL, "a machine has a network in user mode or none, not \"%s\"",
                       net_names[c->net]);
    if (!c->image && !c->kernel)
        return err_set(e, -EINVAL, "neither an image nor a kernel is given");
    if (!c->image && c->disk)
        return err_set(e, -EINVAL, "a disk needs an image");
    if (!c->image && c->argv)
        return err_set(e, -EINVAL, "a command needs an image");
    return check_sizes(c, e);
}

int guest_check(struct guest_config *c, struct err *e)
{
    int rc = c->name ? guest_check_name(c->name, e) : 0;
    if (rc < 0)
        return rc;
    rc = c->kind == GUEST_CONTAINER ? guest_container_check(c, e) : check_machine(c, e);
    if (rc < 0 || (rc = check_texts(c, e)) < 0 || (rc = check_list("arguments", c->argv, false, e)) < 0 ||
        (rc = check_list("environment", c->env, true, e)) < 0)
        return rc;
    return check_forwards(c, e);
}

/* ---- this host ---- */

/* A field of /proc/meminfo in bytes; 0: not there. */
static uint64_t meminfo(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

static bool overcommit_refused(void)
{
    OWN_MEM char *text = NULL;
    return file_read("/proc/sys/vm/overcommit_memory", 64, &text, NULL, NULL) == 0 && text[0] == '2';
}

static int check_memory(uint64_t memory, char *line, size_t size, struct err *e)
{
    OWN_MEM char *text = NULL;
    if (file_read("/proc/meminfo", 65536, &text, NULL, NULL) < 0)
        return 0; /* nothing is known: the kernel will tell when memory is asked of it */
    uint64_t ram = meminfo(text, "MemTotal:"), swap = meminfo(text, "SwapTotal:");
    if (ram == 0 || memory <= ram)
        return 0;
    unsigned long long mib = memory >> 20, ram_mib = ram >> 20, swap_mib = swap >> 20;
    if (memory > ram + swap || overcommit_refused())
        return err_set(e, -ENOMEM, "%llu MiB of memory: this host has %llu MiB, and %llu MiB of swap space",
                       mib, ram_mib, swap_mib);
    snprintf(line, size,
             "%llu MiB of memory are more than this host's %llu MiB: the guest may be slow or be ended", mib,
             ram_mib);
    return 0;
}

int guest_check_host(const struct guest_config *c, void (*warn)(const char *line), struct err *e)
{
    char line[160] = "";
    int rc = check_memory(c->memory, line, sizeof(line), e);
    if (rc < 0)
        return rc;
    if (line[0] && warn)
        warn(line);
    if (c->kind == GUEST_CONTAINER)
        return 0;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus > 0 && c->cpus > (unsigned long)cpus && warn) {
        snprintf(line, sizeof(line), "%u cpus are more than this host's %ld: they share them", c->cpus, cpus);
        warn(line);
    }
    return 0;
}

/* ---- to JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *guest_json(const struct guest_config *c)
{
    json_t *j = json_pack(
        "{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, "
        "s:b}",
        "kind", kind_names[c->kind], "name", text_or_null(c->name), "image", text_or_null(c->image),
        "hostname", text_or_null(c->hostname), "cpus", (json_int_t)c->cpus, "memory", (json_int_t)c->memory,
        "disk", (json_int_t)c->disk, "engine", engine_names[c->engine], "engine_debug",
        (json_int_t)c->engine_debug, "net", net_names[c->net], "ports",
        guest_ports_json(c->forwards, c->nr_forwards), "kernel", text_or_null(c->kernel), "initrd",
        text_or_null(c->initrd), "append", text_or_null(c->append), "command", strings_json(c->argv),
        "environment", strings_json(c->env), "directory", text_or_null(c->cwd), "user", text_or_null(c->user),
        "detach", c->detach, "rm", c->rm);
    if (j && c->net_of)
        json_object_set_new(j, "net_of", json_string(c->net_of));
    if (j && c->kind == GUEST_CONTAINER)
        json_object_set_new(j, "container", guest_container_json(&c->container));
    return j;
}

/* ---- from JSON ---- */

static int parse_numbers(const json_t *j, struct guest_config *c, struct err *e)
{
    uint64_t cpus, debug;
    int rc;
    if ((rc = json_opt_uint(j, "cpus", c->cpus, 1, GUEST_CPUS_MAX, &cpus, e)) < 0 ||
        (rc = json_opt_uint(j, "memory", c->memory, 0, INT64_MAX, &c->memory, e)) < 0 ||
        (rc = json_opt_uint(j, "disk", 0, 0, INT64_MAX, &c->disk, e)) < 0 ||
        (rc = json_opt_uint(j, "engine_debug", 0, 0, UINT32_MAX, &debug, e)) < 0)
        return rc;
    c->cpus = (unsigned)cpus;
    c->engine_debug = (uint32_t)debug;
    return 0;
}

static int parse_words(const json_t *j, struct guest_config *c, struct err *e)
{
    int kind = 0, engine = 0, net = 0, rc;
    if ((rc = word_index(j, "kind", kind_names, 2, &kind, e)) < 0 ||
        (rc = word_index(j, "engine", engine_names, 3, &engine, e)) < 0 ||
        (rc = word_index(j, "net", net_names, (int)NETS, &net, e)) < 0)
        return rc;
    c->kind = (enum guest_kind)kind;
    c->engine = (enum guest_engine)engine;
    c->net = (enum guest_net)net;
    return 0;
}

static int parse_texts(const json_t *j, struct guest_config *c, struct err *e)
{
    const struct {
        const char *key, **to;
    } texts[] = {{"name", &c->name},     {"image", &c->image},   {"hostname", &c->hostname},
                 {"kernel", &c->kernel}, {"initrd", &c->initrd}, {"append", &c->append},
                 {"directory", &c->cwd}, {"user", &c->user},     {"net_of", &c->net_of}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int rc = json_opt_string(j, texts[i].key, NULL, texts[i].to, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse(const json_t *j, struct guest_config *c, struct err *e)
{
    int rc;
    if (!json_is_object(j))
        return err_set(e, -EINVAL, "a guest's configuration is not an object");
    if ((rc = parse_texts(j, c, e)) < 0 || (rc = parse_numbers(j, c, e)) < 0 ||
        (rc = parse_words(j, c, e)) < 0 ||
        (rc = guest_ports_parse(j, "ports", c->forwards, &c->nr_forwards, e)) < 0 ||
        (rc = strings_parse(j, "command", LIST_MAX, &c->lists[0], e)) < 0 ||
        (rc = strings_parse(j, "environment", LIST_MAX, &c->lists[1], e)) < 0 ||
        (rc = json_opt_bool(j, "detach", false, &c->detach, e)) < 0 ||
        (rc = json_opt_bool(j, "rm", false, &c->rm, e)) < 0)
        return rc;
    c->argv = c->lists[0];
    c->env = c->lists[1];
    if (c->kind == GUEST_CONTAINER && (rc = guest_container_parse(j, c, e)) < 0)
        return rc;
    return guest_check(c, e);
}

int guest_parse(json_t *j, struct guest_config *ret, struct err *e)
{
    struct guest_config c;
    guest_defaults(&c);
    c.json = json_incref(j);
    int rc = parse(j, &c, e);
    if (rc < 0) {
        guest_fini(&c);
        return rc;
    }
    *ret = c;
    return 0;
}
