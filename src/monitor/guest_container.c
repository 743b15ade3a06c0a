// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_container: see guest_container.h. */
#include "monitor/guest_container.h"

#include <string.h>

#include "base/json.h"
#include "base/json_strings.h"
#include "container/config.h"
#include "monitor/guest_mount.h"
#include "monitor/guest_option.h"
#include "monitor/guest_security.h"

#define LIST_MAX       256
#define MEMORY_MIN     (1u << 20)
#define CPUS_MILLI_MIN 10

/* ---- what there is ---- */

/* Each list, text, number and flag of struct guest_container under its name in guest.json and with its check.
 */
typedef int check_fn(const char *item, struct err *e);

static int check_cap(const char *cap, struct err *e)
{
    char name[64];
    snprintf(name, sizeof(name), "%s%s", strncmp(cap, "CAP_", 4) == 0 ? "" : "CAP_", cap);
    if (strcmp(cap, "ALL") != 0 && cap_number(name) < 0)
        return err_set(e, -EINVAL, "\"%.40s\" is no capability", cap);
    return 0;
}

#define CHECK_BY_PARSING(name_, type_, own_)                                                                 \
    static int check_##name_(const char *text, struct err *e)                                                \
    {                                                                                                        \
        own_ struct type_ parsed = {0};                                                                      \
        return type_##_parse(text, &parsed, e);                                                              \
    }
#define CLEANED_BY(fini_) __attribute__((cleanup(fini_)))
CHECK_BY_PARSING(mount, guest_mount, CLEANED_BY(guest_mount_fini))
CHECK_BY_PARSING(pair, guest_pair, CLEANED_BY(guest_pair_fini))
CHECK_BY_PARSING(tmpfs, guest_tmpfs, CLEANED_BY(guest_tmpfs_fini))
CHECK_BY_PARSING(device, guest_device, CLEANED_BY(guest_device_fini))
CHECK_BY_PARSING(ulimit, guest_ulimit, )
CHECK_BY_PARSING(host, guest_host, )
CHECK_BY_PARSING(restart, guest_restart, )

#define AT(field_) offsetof(struct guest_container, field_)
static const struct {
    const char *key;
    size_t at;
    check_fn *check;
} lists[] =
    {
        {"mounts", AT(mounts), check_mount},
        {"cap_add", AT(cap_add), check_cap},
        {"cap_drop", AT(cap_drop), check_cap},
        {"security", AT(security), NULL},
        {"tmpfs", AT(tmpfs), check_tmpfs},
        {"devices", AT(devices), check_device},
        {"ulimits", AT(ulimits), check_ulimit},
        {"groups", AT(groups), guest_group_check},
        {"hosts", AT(hosts), check_host},
        {"dns", AT(dns), guest_address_check},
        {"sysctls", AT(sysctls), check_pair},
        {"labels", AT(labels), check_pair},
        {"annotations", AT(annotations), check_pair},
},
  texts[] = {
      {"entrypoint", AT(entrypoint), NULL},
      {"cpuset", AT(cpuset), guest_cpuset_check},
      {"oom_score", AT(oom_score), guest_oom_score_check},
      {"restart", AT(restart), check_restart},
      {"stop_signal", AT(stop_signal), guest_signal_check},
};

static const struct {
    const char *key;
    size_t at;
} numbers[] =
    {
        {"cpus_milli", AT(cpus_milli)},
        {"memory_swap", AT(memory_swap)},
        {"shm_size", AT(shm_size)},
        {"stop_timeout_ms", AT(stop_timeout_ms)},
},
  flags[] = {
      {"tty", AT(tty)},           {"input", AT(input)},           {"read_only", AT(read_only)},
      {"init", AT(init)},         {"privileged", AT(privileged)}, {"host_pid", AT(host_pid)},
      {"host_ipc", AT(host_ipc)}, {"host_uts", AT(host_uts)},
};
#define NR(table_) (sizeof(table_) / sizeof((table_)[0]))

static void *field(const struct guest_container *c, size_t at)
{
    return (char *)(uintptr_t)c + at;
}

/* ---- checks ---- */

static int check_words(const struct guest_container *c, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < NR(texts) && rc == 0; i++) {
        const char *text = *(const char **)field(c, texts[i].at);
        rc = text && texts[i].check ? texts[i].check(text, e) : 0;
    }
    for (size_t i = 0; i < NR(lists) && rc == 0; i++)
        for (const char *const *p = *(const char *const **)field(c, lists[i].at); p && *p && rc == 0; p++)
            rc = lists[i].check ? lists[i].check(*p, e) : 0;
    return rc;
}

static int check_memory(const struct guest_config *c, struct err *e)
{
    const struct guest_container *k = &c->container;
    if (c->memory && c->memory < MEMORY_MIN)
        return err_set(e, -EINVAL, "%llu bytes of memory: at least 1 MiB is needed",
                       (unsigned long long)c->memory);
    if (c->memory > 1ull << 46)
        return err_set(e, -EINVAL, "%llu bytes of memory: at most 64 TiB are possible",
                       (unsigned long long)c->memory);
    if (k->memory_swap && (!c->memory || k->memory_swap < c->memory))
        return err_set(e, -EINVAL,
                       "memory and swap together need a limit of memory that is not above theirs");
    if (k->shm_size && k->shm_size < 4096)
        return err_set(e, -EINVAL, "%llu bytes of /dev/shm: at least 4096 are needed",
                       (unsigned long long)k->shm_size);
    return 0;
}

static int check_limits(const struct guest_config *c, struct err *e)
{
    const struct guest_container *k = &c->container;
    if (k->cpus_milli && (k->cpus_milli < CPUS_MILLI_MIN || k->cpus_milli > 4096 * 1000))
        return err_set(e, -EINVAL, "%g cpus: between 0.01 and 4096 are possible",
                       (double)k->cpus_milli / 1000);
    if (k->pids > GUEST_PIDS_MAX)
        return err_set(e, -EINVAL, "%u processes: at most %d are possible", k->pids, GUEST_PIDS_MAX);
    return check_memory(c, e);
}

static int check_together(const struct guest_config *c, struct err *e)
{
    const struct guest_container *k = &c->container;
    struct guest_restart r = {0};
    (void)guest_restart_parse(k->restart, &r, NULL);
    if ((r.always || r.on_failure) && c->rm)
        return err_set(e, -EINVAL, "what is removed at its end cannot be restarted");
    if (k->host_uts && c->hostname)
        return err_set(e, -EINVAL, "with the host's uts namespace the host name is the host's");
    if (k->init && k->host_pid)
        return err_set(e, -EINVAL, "with the host's processes there is no first one: no init");
    return 0;
}

static int check_net(const struct guest_config *c, struct err *e)
{
    if ((c->net == GUEST_NET_CONTAINER) != !!c->net_of)
        return err_set(e, -EINVAL,
                       "a container's name goes with the network \"container\", and only with it");
    if (c->net_of && c->name && strcmp(c->net_of, c->name) == 0)
        return err_set(e, -EINVAL, "guest %s cannot share a network with itself", c->name);
    return c->net_of ? guest_check_name(c->net_of, e) : 0;
}

int guest_container_check(const struct guest_config *c, struct err *e)
{
    struct guest_security s;
    int rc;
    if (!c->image)
        return err_set(e, -EINVAL, "a container needs an image");
    if (c->kernel || c->initrd || c->append || c->disk || c->engine != GUEST_ENGINE_AUTO || c->engine_debug)
        return err_set(e, -EINVAL, "a container has no kernel, engine or disk of its own: that takes --vm");
    if ((rc = check_net(c, e)) < 0 || (rc = check_limits(c, e)) < 0 ||
        (rc = check_words(&c->container, e)) < 0 || (rc = check_together(c, e)) < 0)
        return rc;
    return guest_security_parse(c->container.security, &s, e);
}

/* ---- JSON ---- */

json_t *guest_container_json(const struct guest_container *c)
{
    json_t *j = json_pack("{s:I}", "pids", (json_int_t)c->pids);
    for (size_t i = 0; i < NR(flags); i++)
        json_object_set_new(j, flags[i].key, json_boolean(*(bool *)field(c, flags[i].at)));
    for (size_t i = 0; i < NR(numbers); i++)
        json_object_set_new(j, numbers[i].key,
                            json_integer((json_int_t) * (uint64_t *)field(c, numbers[i].at)));
    for (size_t i = 0; i < NR(texts); i++) {
        const char *text = *(const char **)field(c, texts[i].at);
        json_object_set_new(j, texts[i].key, text ? json_string(text) : json_null());
    }
    for (size_t i = 0; i < NR(lists); i++)
        json_object_set_new(j, lists[i].key, strings_json(*(const char *const **)field(c, lists[i].at)));
    return j;
}

static int parse_words(const json_t *j, struct guest_config *c, struct err *e)
{
    struct guest_container *k = &c->container;
    int rc = 0;
    for (size_t i = 0; i < NR(texts) && rc == 0; i++)
        rc = json_opt_string(j, texts[i].key, NULL, field(k, texts[i].at), e);
    _Static_assert(NR(lists) + 2 <= GUEST_LISTS, "argv, env and these");
    for (size_t i = 0; i < NR(lists) && rc == 0; i++) {
        rc = strings_parse(j, lists[i].key, LIST_MAX, &c->lists[i + 2], e);
        *(const char *const **)field(k, lists[i].at) = c->lists[i + 2];
    }
    return rc;
}

int guest_container_parse(const json_t *guest, struct guest_config *c, struct err *e)
{
    struct guest_container *k = &c->container;
    json_t *j;
    uint64_t pids;
    int rc = json_get_object(guest, "container", &j, e);
    for (size_t i = 0; i < NR(flags) && rc == 0; i++)
        rc = json_opt_bool(j, flags[i].key, false, field(k, flags[i].at), e);
    for (size_t i = 0; i < NR(numbers) && rc == 0; i++)
        rc = json_opt_uint(j, numbers[i].key, 0, 0, INT64_MAX, field(k, numbers[i].at), e);
    if (rc < 0 || (rc = json_opt_uint(j, "pids", 0, 0, GUEST_PIDS_MAX, &pids, e)) < 0)
        return rc;
    k->pids = (unsigned)pids;
    return parse_words(j, c, e);
}
