// SPDX-License-Identifier: GPL-2.0-or-later
/* exec: one more process in a running container. */
#include <string.h>

#include "base/own.h"
#include "container/container.h"
#include "oci/oci.h"

struct exec_args {
    const char *process, *pid_file, *console_socket, *cwd, *user, *process_label, *apparmor;
    struct opt_list env, cap, additional_gids, cgroup;
    unsigned preserve_fds;
    bool tty, detach, no_new_privs, ignore_paused, no_subreaper;
};

static const struct opt exec_opts[] = {
    OPT(exec_args, process, OPT_TEXT, 'p', "FILE", "its process section as JSON"),
    OPT(exec_args, pid_file, OPT_TEXT, 0, "FILE", "write its pid to FILE"),
    OPT(exec_args, console_socket, OPT_TEXT, 0, "SOCKET", "send the terminal there"),
    OPT(exec_args, cwd, OPT_TEXT, 0, "DIR", "where it starts"),
    OPT(exec_args, user, OPT_TEXT, 'u', "UID[:GID]", "who it is"),
    OPT(exec_args, process_label, OPT_TEXT, 0, "LABEL", "SELinux label"),
    OPT(exec_args, apparmor, OPT_TEXT, 0, "PROFILE", "AppArmor profile"),
    OPT(exec_args, cgroup, OPT_REPEATED, 0, "[CONTROLLER:]PATH", "a cgroup below the container's"),
    OPT(exec_args, env, OPT_REPEATED, 'e', "NAME=VALUE", "add to its environment"),
    OPT(exec_args, cap, OPT_REPEATED, 'c', "CAP", "add a capability"),
    OPT(exec_args, additional_gids, OPT_REPEATED, 'g', "GID", "add a group"),
    OPT(exec_args, preserve_fds, OPT_NUMBER, 0, "N", "pass N descriptors behind the standard streams"),
    OPT(exec_args, tty, OPT_FLAG, 't', NULL, "with a terminal"),
    OPT(exec_args, detach, OPT_FLAG, 'd', NULL, "do not wait for it"),
    OPT(exec_args, no_new_privs, OPT_FLAG, 0, NULL, "no new privileges"),
    OPT(exec_args, ignore_paused, OPT_FLAG, 0, NULL, "even if the container is paused"),
    OPT(exec_args, no_subreaper, OPT_FLAG, 0, NULL, "accepted, there is none"),
};

static int numbers(const struct opt_list *l, unsigned *ret, struct err *e)
{
    for (unsigned i = 0; i < l->nr; i++)
        if (opt_number(l->item[i], &ret[i], e) < 0)
            return err_wrap(e, "exec: --additional-gids");
    return 0;
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    const struct exec_args *a = args;
    OWN_MEM unsigned *groups = calloc(a->additional_gids.nr + 1, sizeof(*groups));
    if (!groups || numbers(&a->additional_gids, groups, e) < 0)
        return -EINVAL;
    if (argc < 2 && !a->process)
        return err_set(e, -EINVAL, "exec: which command? (or --process FILE)");
    if (argc >= 2 && a->process)
        return err_set(e, -EINVAL, "exec: a command and --process do not go together");
    const struct exec_options o = {
        .process_file = a->process,
        .cwd = a->cwd,
        .user = a->user,
        .apparmor = a->apparmor,
        .selinux = a->process_label,
        .args = (const char *const *)argv + 1,
        .nr_args = (unsigned)argc - 1,
        .env = a->env.item,
        .nr_env = a->env.nr,
        .caps = a->cap.item,
        .nr_caps = a->cap.nr,
        .groups = groups,
        .nr_groups = a->additional_gids.nr,
        .terminal = a->tty,
        .no_new_privileges = a->no_new_privs,
        .console_socket = a->console_socket,
        .pid_file = a->pid_file,
        .cgroups = a->cgroup.item,
        .nr_cgroups = a->cgroup.nr,
        .preserve_fds = a->preserve_fds,
        .detach = a->detach,
        .ignore_paused = a->ignore_paused,
    };
    int rc = container_exec(g->states, argv[0], &o, e);
    return rc < 0 ? err_wrap(e, "exec") : rc;
}

const struct command oci_exec = {
    .name = "exec",
    .operands = "ID COMMAND [ARG...]",
    .help = "run one more process in a container",
    COMMAND_OPTS(exec_opts),
    .args_size = sizeof(struct exec_args),
    .leading = true,
    .enters = true,
    .min_operands = 1,
    .max_operands = -1,
    .run = run,
};
