// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkpoint: write a running container to files and make it again, by CRIU.
 *
 * The options are those of runc and crun; which of them make sense is CRIU's to say. Podman asks for the
 * help of `checkpoint` to know whether there is such a command.
 */
#include <sched.h>
#include <string.h>

#include "container/container.h"
#include "oci/oci.h"

struct checkpoint_args {
    const char *image_path, *work_path, *parent_path, *page_server, *manage_cgroups_mode, *network_lock,
        *empty_ns, *lsm_profile, *lsm_mount_context;
    const char *bundle, *console_socket, *pid_file;
    bool leave_running, pre_dump, tcp_established, tcp_skip_in_flight, tcp_close, link_remap, ext_unix_sk,
        shell_job, file_locks, lazy_pages, auto_dedup;
    bool detach, no_subreaper, no_pivot;
    unsigned status_fd;
};

#define CRIU_OPTS                                                                                            \
    OPT(checkpoint_args, image_path, OPT_TEXT, 0, "DIR", "where the files are; default: ./checkpoint"),      \
        OPT(checkpoint_args, work_path, OPT_TEXT, 0, "DIR", "where the logs go; default: beside the files"), \
        OPT(checkpoint_args, tcp_established, OPT_FLAG, 0, NULL, "TCP connections may be open"),             \
        OPT(checkpoint_args, ext_unix_sk, OPT_FLAG, 0, NULL, "unix sockets may lead outside"),               \
        OPT(checkpoint_args, shell_job, OPT_FLAG, 0, NULL, "it may be part of a session outside"),           \
        OPT(checkpoint_args, file_locks, OPT_FLAG, 0, NULL, "it may hold locks of files"),                   \
        OPT(checkpoint_args, lazy_pages, OPT_FLAG, 0, NULL, "memory is fetched when it is touched"),         \
        OPT(checkpoint_args, auto_dedup, OPT_FLAG, 0, NULL, "keep each page of memory once"),                \
        OPT(checkpoint_args, manage_cgroups_mode, OPT_CHOICE, 0, "soft|full|strict|ignore",                  \
            "what becomes of cgroups of its own (soft)"),                                                    \
        OPT(checkpoint_args, network_lock, OPT_CHOICE, 0, "iptables|nftables|skip",                          \
            "how its network is held meanwhile"),                                                            \
        OPT(checkpoint_args, empty_ns, OPT_TEXT, 0, "network", "a namespace whose content does not matter")

static const struct opt checkpoint_opts[] = {
    CRIU_OPTS,
    OPT(checkpoint_args, leave_running, OPT_FLAG, 'R', NULL, "it goes on afterwards"),
    OPT(checkpoint_args, pre_dump, OPT_FLAG, 'P', NULL, "only its memory; it goes on"),
    OPT(checkpoint_args, parent_path, OPT_TEXT, 0, "DIR", "an earlier --pre-dump, from --image-path on"),
    OPT(checkpoint_args, page_server, OPT_TEXT, 0, "ADDRESS:PORT", "who takes the memory"),
    OPT(checkpoint_args, status_fd, OPT_NUMBER, 0, "FD", "gets a zero byte once --lazy-pages can be had"),
    OPT(checkpoint_args, tcp_skip_in_flight, OPT_FLAG, 0, NULL, "leave out half open TCP connections"),
    OPT(checkpoint_args, link_remap, OPT_FLAG, 0, NULL, "deleted files that are open may have other names"),
};
static const struct opt restore_opts[] = {
    CRIU_OPTS,
    OPT(checkpoint_args, bundle, OPT_TEXT, 'b', "DIR", "the bundle; default: here"),
    OPT(checkpoint_args, console_socket, OPT_TEXT, 0, "SOCKET", "send the terminal there"),
    OPT(checkpoint_args, pid_file, OPT_TEXT, 0, "FILE", "write the process' pid to FILE"),
    OPT(checkpoint_args, detach, OPT_FLAG, 'd', NULL, "do not wait for it"),
    OPT(checkpoint_args, tcp_close, OPT_FLAG, 0, NULL, "TCP connections are closed"),
    OPT(checkpoint_args, lsm_profile, OPT_TEXT, 0, "TYPE:NAME", "another security profile"),
    OPT(checkpoint_args, lsm_mount_context, OPT_TEXT, 0, "CONTEXT", "another SELinux context of mounts"),
    OPT(checkpoint_args, no_pivot, OPT_FLAG, 0, NULL, "accepted; criu knows what to do"),
    OPT(checkpoint_args, no_subreaper, OPT_FLAG, 0, NULL, "accepted, there is none"),
};

static int options(const struct checkpoint_args *a, struct criu_options *ret, struct err *e)
{
    if (a->empty_ns && strcmp(a->empty_ns, "network") != 0)
        return err_set(e, -EINVAL, "--empty-ns: \"%.40s\" is not network", a->empty_ns);
    *ret = (struct criu_options){
        .image_path = a->image_path ? a->image_path : "checkpoint",
        .work_path = a->work_path,
        .parent_path = a->parent_path,
        .page_server = a->page_server,
        .manage_cgroups = a->manage_cgroups_mode,
        .network_lock = a->network_lock,
        .lsm_profile = a->lsm_profile,
        .lsm_mount_context = a->lsm_mount_context,
        .leave_running = a->leave_running,
        .pre_dump = a->pre_dump,
        .tcp_established = a->tcp_established,
        .tcp_skip_in_flight = a->tcp_skip_in_flight,
        .tcp_close = a->tcp_close,
        .link_remap = a->link_remap,
        .ext_unix_sk = a->ext_unix_sk,
        .shell_job = a->shell_job,
        .file_locks = a->file_locks,
        .lazy_pages = a->lazy_pages,
        .auto_dedup = a->auto_dedup,
        .empty_ns = a->empty_ns ? CLONE_NEWNET : 0,
        .status_fd = a->status_fd ? (int)a->status_fd : -1,
    };
    return 0;
}

static int checkpoint(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    struct criu_options o;
    (void)argc;
    int rc = options(args, &o, e);
    if (rc == 0)
        rc = container_checkpoint(g->states, argv[0], &o, e);
    return rc < 0 ? err_wrap(e, "checkpoint") : rc;
}

static int restore(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    const struct checkpoint_args *a = args;
    struct criu_options o;
    (void)argc;
    int rc = options(a, &o, e);
    const struct create_options c = {
        .bundle = a->bundle,
        .console_socket = a->console_socket,
        .pid_file = a->pid_file,
        .systemd_cgroup = globals_systemd(g),
        .detach = a->detach,
        .criu = &o,
    };
    if (rc == 0)
        rc = container_restore(g->states, argv[0], &c, e);
    return rc < 0 ? err_wrap(e, "restore") : rc;
}

const struct command oci_checkpoint = {
    .name = "checkpoint",
    .operands = "ID",
    .help = "write a running container to files (by criu)",
    COMMAND_OPTS(checkpoint_opts),
    .args_size = sizeof(struct checkpoint_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = checkpoint,
};
const struct command oci_restore = {
    .name = "restore",
    .operands = "ID",
    .help = "make a container of a bundle and such files",
    COMMAND_OPTS(restore_opts),
    .args_size = sizeof(struct checkpoint_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = restore,
};
