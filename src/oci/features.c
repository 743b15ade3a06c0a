// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * features: what this runtime can do, whatever the host can. Source: OCI runtime-spec 1.2, features.md.
 *
 * Annotations: engines look for runc's word to know whether there is `checkpoint`.
 */
#include <stdio.h>

#include "base/json.h"
#include "container/config.h"
#include "container/process.h"
#include "container/seccomp.h"
#include "oci/oci.h"

static json_t *texts(const char *const *list)
{
    json_t *a = json_array();
    for (; *list; list++)
        json_array_append_new(a, json_string(*list));
    return a;
}

static json_t *mount_options(void)
{
    json_t *a = json_array();
    char name[32];
    for (unsigned i = 0; mount_option_name(i, name, sizeof(name)); i++)
        json_array_append_new(a, json_string(name));
    return a;
}

static json_t *namespaces(void)
{
    json_t *a = json_array();
    for (int i = 0; i < NS_KINDS; i++)
        json_array_append_new(a, json_string(ns_name((enum ns_kind)i)));
    return a;
}

static json_t *capabilities(void)
{
    json_t *a = json_array();
    char name[48];
    for (int i = 0; cap_name(i); i++) {
        snprintf(name, sizeof(name), "CAP_%s", cap_name(i));
        json_array_append_new(a, json_string(name));
    }
    return a;
}

static json_t *architectures(void)
{
    json_t *a = json_array();
    const char *name;
    for (unsigned i = 0; (name = seccomp_arch_name(i)); i++)
        json_array_append_new(a, json_string(name));
    return a;
}

static json_t *seccomp(void)
{
    static const char *const actions[] = {"SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
                                          "SCMP_ACT_KILL",        "SCMP_ACT_KILL_PROCESS",
                                          "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                                          "SCMP_ACT_NOTIFY",      "SCMP_ACT_TRACE",
                                          "SCMP_ACT_TRAP",        NULL};
    static const char *const operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
                                            "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL};
    static const char *const flags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL};
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", 1, "actions", texts(actions), "operators",
                     texts(operators), "archs", architectures(), "knownFlags", texts(flags), "supportedFlags",
                     texts(flags));
}

static json_t *linux_features(void)
{
    return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b, s:b}, s:o, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:{s:b}}}",
                     "namespaces", namespaces(), "capabilities", capabilities(), "cgroup", "v1", 1, "v2", 1,
                     "systemd", 1, "systemdUser", 1, "rdma", 1, "seccomp", seccomp(), "apparmor", "enabled",
                     1, "selinux", "enabled", 1, "intelRdt", "enabled", 1, "mountExtensions", "idmap",
                     "enabled", 1);
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    static const char *const hooks[] = {
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL};
    (void)g;
    (void)args;
    (void)argc;
    (void)argv;
    OWN(json_t)
    j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s}, s:[s, s]}", "ociVersionMin", "1.0.0",
                  "ociVersionMax", "1.2.1", "hooks", texts(hooks), "mountOptions", mount_options(), "linux",
                  linux_features(), "annotations", "hospes.version", HOSPES_VERSION,
                  "org.opencontainers.runc.checkpoint.enabled", "true", "potentiallyUnsafeConfigAnnotations",
                  "org.criu.config", "io.hospes.isolation");
    OWN_MEM char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
    if (!text || puts(text) == EOF)
        return err_set(e, -EIO, "features: cannot write to the standard output");
    return 0;
}

const struct command oci_features = {
    .name = "features", .help = "print what this runtime can do, as JSON", .run = run};
