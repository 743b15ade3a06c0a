// SPDX-License-Identifier: GPL-2.0-or-later
/* update: changes what containers are made of, at once where they run, and for later starts. */
#include <string.h>

#include "base/json.h"
#include "base/json_strings.h"
#include "cli/publish.h"
#include "cli/run.h"
#include "cli/verbs.h"
#include "cli/volume.h"
#include "monitor/client.h"
#include "monitor/guest_container.h"
#include "monitor/guest_ports.h"

struct update_args {
    const char *cpus, *memory, *pids;
    struct opt_list mount, unmount, publish, unpublish;
};

static bool is_none(const char *text)
{
    return strcmp(text, "none") == 0;
}

/* ---- numbers: "none" takes a limit away ---- */

static int memory(const char *text, uint64_t *ret, struct err *e)
{
    *ret = 0;
    if (is_none(text))
        return 0;
    int rc = opt_size(text, ret, e);
    if (rc == 0 && *ret == 0)
        rc = err_set(e, -EINVAL, "0 bytes are not enough (\"none\": no limit)");
    return rc < 0 ? err_wrap(e, "--memory") : 0;
}

static int cpus(const char *text, uint64_t *ret, struct err *e)
{
    *ret = 0;
    return is_none(text) ? 0 : run_cpus(text, ret, e);
}

static int pids(const char *text, uint64_t *ret, struct err *e)
{
    unsigned nr = GUEST_PIDS_MAX;
    int rc = is_none(text) ? 0 : opt_number(text, &nr, e);
    if (rc == 0 && nr == 0)
        rc = err_set(e, -EINVAL, "0 processes are not enough (\"none\": no limit)");
    *ret = nr;
    return rc < 0 ? err_wrap(e, "--pids") : 0;
}

/* ---- the changes ---- */

static int limits(const struct update_args *a, json_t *changes, struct err *e)
{
    const struct {
        const char *text, *key;
        int (*parse)(const char *text, uint64_t *ret, struct err *e);
    } all[] = {{a->memory, "memory", memory}, {a->cpus, "cpus_milli", cpus}, {a->pids, "pids", pids}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint64_t n;
        if (!all[i].text)
            continue;
        int rc = all[i].parse(all[i].text, &n, e);
        if (rc < 0)
            return rc;
        json_object_set_new(changes, all[i].key, json_integer((json_int_t)n));
    }
    return 0;
}

static int mounts(const struct update_args *a, json_t *changes, struct err *e)
{
    char **list = NULL;
    int rc = volume_list(&a->mount, &list, e);
    if (rc < 0)
        return err_wrap(e, "--mount");
    if (a->mount.nr)
        json_object_set_new(changes, "mount", strings_json((const char *const *)list));
    volume_list_free(list);
    json_t *unmount = json_array();
    for (unsigned i = 0; i < a->unmount.nr; i++)
        json_array_append_new(unmount, json_string(a->unmount.item[i]));
    json_object_set_new(changes, "unmount", unmount);
    return 0;
}

static int port_list(const struct opt_list *typed, publish_one *one, json_t **ret, struct err *e)
{
    struct guest_forward list[GUEST_FORWARDS];
    unsigned nr;
    int rc = publish_list(typed, one, list, &nr, e);
    if (rc == 0)
        *ret = guest_ports_json(list, nr);
    return rc;
}

static int ports(const struct update_args *a, json_t *changes, struct err *e)
{
    json_t *publish = NULL, *unpublish = NULL;
    int rc = port_list(&a->publish, publish_parse, &publish, e);
    if (rc < 0)
        return err_wrap(e, "--publish");
    json_object_set_new(changes, "publish", publish);
    if ((rc = port_list(&a->unpublish, publish_parse_host, &unpublish, e)) < 0)
        return err_wrap(e, "--unpublish");
    json_object_set_new(changes, "unpublish", unpublish);
    return 0;
}

static bool nothing(const struct update_args *a)
{
    return !a->cpus && !a->memory && !a->pids && !a->mount.nr && !a->unmount.nr && !a->publish.nr &&
           !a->unpublish.nr;
}

static int update(const char *name, const void *ctx, struct err *e)
{
    return client_update(name, ctx, e);
}

static int update_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct update_args *a = args;
    OWN(json_t) changes = json_object();
    if (nothing(a))
        return err_set(e, -EINVAL, "nothing is to be changed (see hospes update --help)");
    int rc = limits(a, changes, e);
    if (rc < 0 || (rc = mounts(a, changes, e)) < 0 || (rc = ports(a, changes, e)) < 0)
        return rc;
    return verb_each("update", argc, argv, update, changes, e);
}

static const struct opt update_opts[] = {
    OPT(update_args, cpus, OPT_TEXT, 'c', "N", "at most so much of the host's processors, 0.5 say; none"),
    OPT(update_args, memory, OPT_TEXT, 'm', "SIZE", "at most so much memory; none"),
    OPT(update_args, pids, OPT_TEXT, 0, "N", "at most so many processes; none"),
    OPT(update_args, mount, OPT_REPEATED, 'v', "FROM:TO[:ro]",
        "put a folder or file of the host into the container"),
    OPT(update_args, unmount, OPT_REPEATED, 0, "TO", "take one away; who has files of it open keeps them"),
    OPT(update_args, publish, OPT_REPEATED, 'p', "[ADDRESS:]HOST:GUEST[/udp]",
        "lead a port of the host to one of the guest"),
    OPT(update_args, unpublish, OPT_REPEATED, 0, "[ADDRESS:]HOST[/udp]",
        "lead it there no longer; connections that are open go on"),
};
const struct verb verb_update = {
    .name = "update",
    .operands = "NAME...",
    .help = "change ports of guests, limits and mounts of containers",
    .about = "What is not named stays as it is. A container that runs changes at once and goes on, and it is "
             "started "
             "like that from then on; of one that does not run the next start is changed. If a part of it "
             "cannot be "
             "done nothing is. Of machines ports alone can be changed.",
    .examples = "hospes update --memory 1G --cpus none web\tmore memory, and all processors\n"
                "hospes update --mount /srv/new:/srv:ro web\ta folder more in a running container\n"
                "hospes update --unmount /srv web\tand away with it\n"
                "hospes update --publish 8080:80 --unpublish 8000 web\tanother port",
    VERB_OPTS(update_opts),
    .args_size = sizeof(struct update_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = update_run,
};
