// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config: a bundle's config.json as plain structs, all of it checked before anything is done.
 *
 * Strings and lists belong to the struct config and die with it. Numbers that may be missing say so with the
 * value UNSET. Source: OCI runtime-spec 1.2, config.md, config-linux.md and
 * config-vm.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "container/field.h"

#define UNSET INT64_MIN

enum ns_kind { NS_USER, NS_PID, NS_MNT, NS_NET, NS_UTS, NS_IPC, NS_CGROUP, NS_TIME, NS_KINDS };
struct ns_config {
    bool there;       /* named in linux.namespaces */
    const char *path; /* join this one; NULL: a new one */
};

struct id_map {
    uint32_t inside, outside, count;
};
struct id_maps {
    struct id_map *item;
    unsigned nr;
};

struct rlimit_config {
    int resource;
    uint64_t soft, hard;
};

enum cap_set { CAPS_BOUNDING, CAPS_EFFECTIVE, CAPS_INHERITABLE, CAPS_PERMITTED, CAPS_AMBIENT, CAP_SETS };

struct scheduler_config {
    bool there;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

struct process_config {
    bool there, terminal, no_new_privileges, has_caps;
    uint16_t rows, cols; /* of the terminal, 0: not said */
    uint32_t uid, gid;
    int64_t umask; /* UNSET */
    uint32_t *groups;
    unsigned nr_groups;
    struct strings args, env;
    const char *cwd;
    uint64_t caps[CAP_SETS];     /* a bit a capability */
    struct strings unknown_caps; /* named there, to be warned of */
    struct rlimit_config *rlimits;
    unsigned nr_rlimits;
    int64_t oom_score_adj; /* UNSET */
    const char *apparmor, *selinux;
    struct scheduler_config scheduler;
    int64_t io_class, io_priority; /* UNSET */
    const char *cpu_affinity_initial, *cpu_affinity_final;
};

struct mount_config {
    const char *target, *type, *source;
    bool bind, recursive, copy_up, rec_idmap, idmap, target_nofollow, source_nofollow,
        remount;                           /* other options for what is mounted there already */
    uint64_t attr_set, attr_clear;         /* MOUNT_ATTR_* of this mount */
    uint64_t rec_attr_set, rec_attr_clear; /* the same for it and all below */
    uint64_t propagation;                  /* MS_PRIVATE, ...; 0: leave */
    bool rec_propagation;
    bool sb_ro;
    struct strings data; /* "key=value" and flags for the file system itself */
    struct id_maps uid_maps, gid_maps;
};

struct device_config {
    const char *path;
    mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
    uint32_t major, minor, uid, gid;
    mode_t mode;
};

struct device_rule {
    bool allow;
    char type;            /* 'a', 'b', 'c' */
    int64_t major, minor; /* -1: any */
    bool read, write, mknod;
};

struct hook {
    const char *path;
    struct strings args, env;
    unsigned timeout_s; /* 0: none */
};
enum hook_point {
    HOOK_PRESTART,
    HOOK_CREATE_RUNTIME,
    HOOK_CREATE_CONTAINER,
    HOOK_START_CONTAINER,
    HOOK_POSTSTART,
    HOOK_POSTSTOP,
    HOOK_POINTS
};
struct hooks {
    struct hook *item;
    unsigned nr;
};

struct blkio_rate {
    uint32_t major, minor;
    uint64_t rate;
};
struct blkio_rates {
    struct blkio_rate *item;
    unsigned nr;
};
enum { BLKIO_READ_BPS, BLKIO_WRITE_BPS, BLKIO_READ_IOPS, BLKIO_WRITE_IOPS, BLKIO_THROTTLES };

struct named_limit { /* huge pages, network priorities, rdma */
    const char *name;
    int64_t value, value2;
};
struct named_limits {
    struct named_limit *item;
    unsigned nr;
};

struct resources {
    bool there;
    struct device_rule *devices;
    unsigned nr_devices;
    int64_t memory, memory_soft, memory_swap, memory_kernel_tcp, swappiness;
    bool oom_kill_disabled, check_before_update;
    bool has_oom_kill, has_hierarchy;
    int64_t cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_rt_runtime, cpu_rt_period, cpu_idle;
    const char *cpus, *mems;
    int64_t pids;
    int64_t blkio_weight, blkio_leaf_weight;
    struct blkio_rates blkio_weights, blkio_leaf_weights, throttle[BLKIO_THROTTLES];
    struct named_limits hugepages, net_prio, rdma;
    int64_t net_class;
    struct named_limits unified; /* name = file, text in unified_text */
    const char **unified_text;
};

struct rdt_config {
    bool there;
    const char *clos_id, *l3, *bandwidth; /* NULL: not said */
    struct strings schemata;              /* lines */
    bool cmt, mbm, monitoring;
};

struct named_text {
    const char *name, *text;
};

struct time_offset {
    const char *clock;
    int64_t secs;
    uint32_t nanosecs;
};

#define VM_CPUS_MAX   64
#define VM_MEMORY_MIN (64u << 20) /* bytes */

struct vm_config {
    bool there;                  /* the section is */
    bool wanted;                 /* a machine is to stand around the container */
    const char *kernel, *initrd; /* files; NULL: the usual ones */
    struct strings parameters;   /* of the kernel */
    unsigned cpus;               /* 0: not said */
    uint64_t memory;             /* bytes; 0: not said */
};

struct config {
    struct arena arena;
    json_t *json;
    char *text; /* of the file */
    size_t text_len;
    char *seccomp; /* in text: linux.seccomp, NULL: none */
    size_t seccomp_len;

    const char *oci_version;
    const char *root_path; /* as written; NULL: none */
    bool root_readonly;
    const char *hostname, *domainname;
    struct process_config process;
    struct mount_config *mounts;
    unsigned nr_mounts;
    struct hooks hooks[HOOK_POINTS];
    json_t *annotations; /* an object of strings, or NULL */

    struct ns_config ns[NS_KINDS];
    struct id_maps uid_maps, gid_maps;
    struct time_offset *time_offsets;
    unsigned nr_time_offsets;
    struct device_config *devices;
    unsigned nr_devices;
    const char *cgroups_path;
    struct resources resources;
    struct named_text *sysctls;
    unsigned nr_sysctls;
    unsigned changed;                 /* namespaces whose names or sysctls are set, a bit each */
    unsigned long rootfs_propagation; /* MS_* with MS_REC, 0: not said */
    struct strings masked_paths, readonly_paths;
    const char *mount_label;
    int64_t personality; /* UNSET */
    struct rdt_config rdt;
    struct vm_config vm;
};

/*
 * Load and check path. what names it in errors ("config.json"). -EINVAL with the field's path; errno of the
 * file. The caller frees *c with config_fini in every case; zero it first.
 */
int config_load(const char *path, const char *what, struct config *c, struct err *e);
int config_parse(char *text, size_t len, const char *what, struct config *c, struct err *e); /* owns text */
void config_fini(struct config *c);
/* The document as it was written, with the seccomp section. New reference; NULL: out of memory. */
json_t *config_document(const struct config *c);
#define OWN_CONFIG __attribute__((cleanup(config_fini))) struct config

/* A process or resources object by itself, from FILE or "-": `exec --process`, `update --resources`. */
int config_load_process(const char *path, struct config *c, struct err *e);
int config_load_resources(const char *path, struct config *c, struct err *e);
int config_parse_resources(json_t *resources, struct config *c, struct err *e); /* borrowed */

/* Parts, one file each. */
void config_process(struct config *c, const struct field *process);
void config_mounts(struct config *c, const struct field *mounts);
void config_hooks(struct config *c, const struct field *hooks);
void config_linux(struct config *c, const struct field *linux_);
void config_resources(struct config *c, const struct field *resources);
void config_vm(struct config *c, const struct field *root); /* after annotations */
void config_rdt(struct config *c, const struct field *linux_);
void config_check(struct config *c, const struct field *root); /* what contradicts */
void vm_limits(struct resources *r); /* leave out what the machine itself has, or its monitor needs */
struct id_maps config_id_maps(struct config *c, const struct field *list);

/* An argument of the option table in mounts; false: no such option (then it is data). */
bool mount_option(struct mount_config *m, const char *option);
/* All that it knows, from 0 on; false: no more. */
bool mount_option_name(unsigned i, char *ret, size_t size);

const char *ns_name(enum ns_kind kind);      /* as in linux.namespaces: "network" */
const char *ns_proc_name(enum ns_kind kind); /* as in /proc/PID/ns: "net" */
int ns_clone_flag(enum ns_kind kind);
int cap_number(const char *name); /* "CAP_CHOWN"; -1: unknown */
const char *cap_name(int number);
