// SPDX-License-Identifier: GPL-2.0-or-later
/* exec: runs a command in a running guest. */
#include "cli/exec_command.h"
#include "cli/verbs.h"

struct exec_args {
    bool interactive, tty, detach;
    struct opt_list env, env_file;
    const char *workdir, *user;
};

static int exec_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct exec_args *a = args;
    (void)argc;
    const struct exec_command c = {
        .guest = argv[0],
        .argv = (const char *const *)argv + 1,
        .env = &a->env,
        .env_file = &a->env_file,
        .workdir = a->workdir,
        .user = a->user,
        .interactive = a->interactive,
        .tty = a->tty,
        .detach = a->detach,
    };
    int status = 0;
    int rc = exec_command(&c, &status, e);
    return rc < 0 && !status ? rc : status;
}

static const struct opt exec_opts[] = {
    OPT(exec_args, interactive, OPT_FLAG, 'i', NULL, "pass standard input on"),
    OPT(exec_args, tty, OPT_FLAG, 't', NULL, "give the command a terminal"),
    OPT(exec_args, detach, OPT_FLAG, 'd', NULL, "do not wait for it"),
    OPT(exec_args, env, OPT_REPEATED, 'e', "NAME=VALUE",
        "set a variable of its environment; NAME alone passes ours on"),
    OPT(exec_args, env_file, OPT_REPEATED, 0, "FILE",
        "variables from the lines of a file; --env comes after"),
    OPT(exec_args, workdir, OPT_TEXT, 'w', "DIR", "the directory it starts in"),
    OPT(exec_args, user, OPT_TEXT, 'u', "USER", "the user it runs as (root)"),
};
const struct verb verb_exec = {
    .name = "exec",
    .operands = "NAME COMMAND [ARGUMENT...]",
    .help = "run a command in a running guest",
    .about = "Standard output and standard error stay apart, unless the command has a terminal. Ctrl-C goes "
             "to the "
             "command. The exit status is the command's.",
    .examples = "hospes exec -it web bash\ta shell in the guest web\n"
                "tar c . | hospes exec -i web tar x -C /srv\ta directory copied into it",
    VERB_OPTS(exec_opts),
    .leading = true,
    .args_size = sizeof(struct exec_args),
    .min_operands = 2,
    .max_operands = -1,
    .run = exec_run,
};
