// SPDX-License-Identifier: GPL-2.0-or-later
/* spec: write a config.json to start from. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "oci/oci.h"

struct spec_args {
    const char *bundle, *file;
    bool rootless;
};
static const struct opt spec_opts[] = {
    OPT(spec_args, bundle, OPT_TEXT, 'b', "DIR", "where; default: here"),
    OPT(spec_args, file, OPT_TEXT, 'f', "FILE", "another name than config.json"),
    OPT(spec_args, rootless, OPT_FLAG, 0, NULL, "for an ordinary user"),
};

#define CAPS "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"
static const char template[] =
    "{\"ociVersion\": \"1.2.0\","
    " \"process\": {\"terminal\": true, \"user\": {\"uid\": 0, \"gid\": 0}, \"args\": [\"sh\"],"
    "  \"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"TERM=xterm\"],"
    "  \"cwd\": \"/\", \"noNewPrivileges\": true,"
    "  \"capabilities\": {\"bounding\": " CAPS ", \"effective\": " CAPS ", \"permitted\": " CAPS "},"
    "  \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 1024, \"hard\": 1024}]},"
    " \"root\": {\"path\": \"rootfs\", \"readonly\": true}, \"hostname\": \"hospes\","
    " \"mounts\": ["
    "  {\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},"
    "  {\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\","
    "   \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"]},"
    "  {\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\","
    "   \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\"]},"
    "  {\"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\","
    "   \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"]},"
    "  {\"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\","
    "   \"options\": [\"nosuid\", \"noexec\", \"nodev\"]},"
    "  {\"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\","
    "   \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"]},"
    "  {\"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\","
    "   \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"]}],"
    " \"linux\": {\"resources\": {\"devices\": [{\"allow\": false, \"access\": \"rwm\"}]},"
    "  \"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"}, {\"type\": "
    "\"uts\"},"
    "   {\"type\": \"mount\"}, {\"type\": \"cgroup\"}],"
    "  \"maskedPaths\": [\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", "
    "\"/proc/latency_stats\","
    "   \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/proc/scsi\", "
    "\"/sys/firmware\"],"
    "  \"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", "
    "\"/proc/sysrq-trigger\"]}}";

static json_t *one_id(unsigned id)
{
    return json_pack("[{s:i, s:i, s:i}]", "containerID", 0, "hostID", id, "size", 1);
}

/* Without a mapped group 5, a network and cgroups of one's own. */
static void make_rootless(json_t *j)
{
    json_t *linux_ = json_object_get(j, "linux"), *ns = json_object_get(linux_, "namespaces");
    json_t *mounts = json_object_get(j, "mounts"),
           *pts = json_object_get(json_array_get(mounts, 2), "options");
    json_array_append_new(ns, json_pack("{s:s}", "type", "user"));
    json_array_remove(ns, 1);
    json_array_remove(pts, 5);
    json_array_remove(mounts, 6);
    json_array_set_new(mounts, 5,
                       json_pack("{s:s, s:s, s:s, s:[s,s,s,s,s]}", "destination", "/sys", "type", "none",
                                 "source", "/sys", "options", "rbind", "nosuid", "noexec", "nodev", "ro"));
    json_object_set_new(linux_, "uidMappings", one_id(geteuid()));
    json_object_set_new(linux_, "gidMappings", one_id(getegid()));
    json_object_del(linux_, "resources");
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)g;
    (void)argc;
    (void)argv;
    const struct spec_args *a = args;
    OWN_MEM char *path = a->file ? strdup(a->file) : path_make("%s/config.json", a->bundle ? a->bundle : ".");
    OWN(json_t) j = NULL;
    int rc = json_parse(template, sizeof(template) - 1, "template", &j, e);
    if (rc < 0)
        return rc;
    if (a->rootless)
        make_rootless(j);
    if (access(path, F_OK) == 0)
        return err_code(e, -EEXIST, "spec: %s", path);
    rc = json_store(path, j, e);
    return rc < 0 ? err_wrap(e, "spec") : 0;
}

const struct command oci_spec = {.name = "spec",
                                 .help = "write a config.json to start from",
                                 COMMAND_OPTS(spec_opts),
                                 .args_size = sizeof(struct spec_args),
                                 .run = run};
