// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container: the operations of a runtime on containers, each by the root folder of states and an id.
 *
 * Errors are one line in *e; after one nothing of what the call began is left. Source: OCI runtime-spec 1.2,
 * runtime.md.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "container/state.h"

struct criu_options;
struct launch;

/* What hospes' own containers have beside their configuration. */
struct create_extras {
    const char *init; /* the file of a static program that is the first process (base/reaper.h), or NULL */
    bool landlock;    /* landlock.h */
    bool landlock_abstract; /* no abstract sockets of others */
};

struct create_options {
    struct create_extras extras;
    const char *bundle; /* folder of config.json */
    const char *config; /* another file than BUNDLE/config.json, or NULL */
    const char *console_socket, *pid_file;
    unsigned preserve_fds;
    bool no_pivot, no_new_keyring, systemd_cgroup;
    /*
     * The life of a machine's monitor, in a process made for it; it does not return, and answers as init_main
     * does. NULL: this program has no machines, and a configuration that wants one is refused with -ENOEXEC.
     */
    void (*machine)(struct launch *l);
    bool machine_wanted;             /* whatever the configuration says */
    bool detach, keep;               /* `run`: do not wait for it; do not delete it at its end */
    const struct criu_options *criu; /* `restore`: its process comes from there; else NULL */
};

/* 0, or for `run` without detach the exit status of the process (128 + signal). */
int container_create(const char *root, const char *id, const struct create_options *o, struct err *e);
int container_run(const char *root, const char *id, const struct create_options *o, struct err *e);

/*
 * checkpoint: write the processes of a container to files; it is deleted then, unless it is left running.
 * restore: make a container of a bundle with processes from files; else as `run`. Both take CRIU.
 */
struct criu_options {
    const char *image_path, *work_path; /* folders; work_path (logs) may be NULL: image_path */
    const char *parent_path;            /* of an earlier pre-dump, as seen from image_path */
    const char *page_server;            /* ADDRESS:PORT */
    const char *manage_cgroups;         /* soft (NULL), full, strict, ignore */
    const char *network_lock;           /* iptables (NULL), nftables, skip */
    const char *lsm_profile, *lsm_mount_context;
    bool leave_running, pre_dump, tcp_established, tcp_skip_in_flight, tcp_close, link_remap, ext_unix_sk,
        shell_job, file_locks, lazy_pages, auto_dedup;
    unsigned empty_ns; /* CLONE_NEW* of namespaces whose content does not matter */
    int status_fd;     /* gets a zero byte when lazy pages are to be had; -1: none */
};
int container_checkpoint(const char *root, const char *id, const struct criu_options *o, struct err *e);
int container_restore(const char *root, const char *id, const struct create_options *o, struct err *e);

int container_start(const char *root, const char *id, struct err *e);
int container_kill(const char *root, const char *id, int sig, bool all, struct err *e);
int container_delete(const char *root, const char *id, bool force, struct err *e);
int container_pause(const char *root, const char *id, bool paused, struct err *e);

int container_update(const char *root, const char *id, const struct resources *r, struct err *e);
/* Lines for the schemata of its class of service; either may be NULL. */
int container_update_rdt(const char *root, const char *id, const char *l3, const char *bandwidth,
                         struct err *e);

struct exec_options {
    const char *process_file; /* a process object, or NULL: made from the next ones and the container's own */
    const char *cwd, *user, *apparmor, *selinux;
    const char *const *args;
    unsigned nr_args;
    const char *const *env;
    unsigned nr_env;
    const char *const *caps;
    unsigned nr_caps;
    const unsigned *groups;
    unsigned nr_groups;
    bool terminal, no_new_privileges;
    const char *const *cgroups; /* below the container's: see cgroup_below */
    unsigned nr_cgroups;
    const char *console_socket, *pid_file;
    unsigned preserve_fds;
    bool detach, ignore_paused;
};
int container_exec(const char *root, const char *id, const struct exec_options *o, struct err *e);

/* With its cgroup looked up; ret_dir may be NULL. */
int container_open(const char *root, const char *id, struct state *ret, struct cgroup *ret_cgroup,
                   int *ret_dir, struct err *e);
