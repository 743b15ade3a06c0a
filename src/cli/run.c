// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: makes a guest and starts it. In the foreground the command's streams and status are ours, and the
 * guest ends with the command; detached, the guest stays. Without an image, with --console stdio, the monitor
 * is this very process.
 */
#include "cli/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/proc.h"
#include "cli/attach.h"
#include "cli/exec_command.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "cpu/debug.h"
#include "monitor/client.h"
#include "monitor/run.h"
#include "monitor/spawn.h"

#define SHUTDOWN_MS 30000
#define TAKEDOWN_MS 5000 /* when somebody is waiting for us to go */

/* The command ran, or could not: the guest of a foreground run ends with it. */
static int finish(const char *guest, int status, uint64_t timeout_ms, struct err *e)
{
    int rc = client_finish(guest, status, timeout_ms, e);
    return rc == -ESRCH || rc == -ENOENT ? 0 : rc; /* it has ended by itself */
}

/* It never got as far as the command: nothing in it is worth keeping, unless it tells what was wrong. */
static int give_up(const char *guest, int rc)
{
    if (rc == -EINTR)
        client_remove(guest, true, NULL);
    else
        client_kill(guest, NULL);
    return rc;
}

static int command(const struct run_args *a, const struct guest_config *c, const char *guest, struct err *e)
{
    const struct exec_command x = {
        .guest = guest,
        .argv = c->argv,
        .env = &a->env,
        .workdir = a->workdir,
        .user = a->user,
        .interactive = a->interactive,
        .tty = a->tty,
    };
    int status = 0;
    struct err trouble;
    int rc = exec_command(&x, &status, e);
    if (rc == -EINTR && status) { /* told to end: who told it knows */
        finish(guest, status, TAKEDOWN_MS, &trouble);
        return status;
    }
    if (rc < 0)
        return give_up(guest, rc);
    rc = finish(guest, status, SHUTDOWN_MS, e);
    return rc < 0 ? rc : status;
}

/* A container's command is its first process: its streams are ours, and it ends with it. */
static int join(const struct run_args *a, const char *guest, struct err *e)
{
    OWN_FD fd = -1;
    char what[96];
    int status = 0;
    struct err trouble;
    int rc = client_attach(guest, &fd, e);
    if (rc < 0)
        return give_up(guest, rc);
    snprintf(what, sizeof(what), "guest %s", guest);
    const struct attach x = {.fd = fd, .input = a->interactive, .tty = a->tty, .what = what};
    rc = attach_run(&x, &status, e);
    if (rc == -EINTR && status) { /* told to end: who told it knows */
        finish(guest, status, TAKEDOWN_MS, &trouble);
        return status;
    }
    if (rc < 0)
        return give_up(guest, rc);
    client_wait_gone(guest);
    return status;
}

static int start(const struct run_args *a, const struct guest_config *c, struct err *e)
{
    OWN_INTERRUPT held;
    OWN_MEM char *guest = NULL;
    interrupt_hold(&held);
    int rc = monitor_spawn(c, &guest, e);
    if (rc < 0)
        return rc;
    if (!a->detach)
        return a->vm ? command(a, c, guest, e) : join(a, guest, e);
    puts(guest);
    return 0;
}

/* A container's terminal is ours: programs ask TERM what it can do. */
static int environment(const struct run_args *a, const char ***ret, struct err *e)
{
    struct opt_list l = {0};
    OWN_MEM const char **items = calloc(a->env.nr + 1, sizeof(*items));
    if (!items)
        return err_code(e, -ENOMEM, "environment");
    l.item = items;
    if (a->tty && !a->vm && getenv("TERM"))
        items[l.nr++] = "TERM";
    for (unsigned i = 0; i < a->env.nr; i++)
        items[l.nr++] = a->env.item[i];
    return word_env(&l, ret, e);
}

static int run_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct run_args *a = args;
    OWN_MEM const char **env = NULL;
    OWN_GUEST c = {0};
    OWN_RUN_LISTS lists = {0};
    int rc = run_config(a, argc, argv, &lists, &c, e);
    if (rc == 0)
        rc = environment(a, &env, e);
    if (rc < 0)
        return rc;
    c.env = env;
    if (!a->vm)
        monitor_protect_self();
    return c.image || a->detach ? start(a, &c, e) : run_kernel(&c, e);
}

static const struct opt run_opts[] = {
    OPT(run_args, vm, OPT_FLAG, 0, NULL,
        "a machine, with virtual hardware and a kernel of its own; else a container"),
    OPT(run_args, name, OPT_TEXT, 0, "NAME", "call it so (a name is made up)"),
    OPT(run_args, cpus, OPT_TEXT, 'c', "N",
        "number of processors (1); of a container: at most so much, 0.5 say"),
    OPT(run_args, memory, OPT_SIZE, 'm', "SIZE", "memory (512M); of a container: at most so much"),
    OPT(run_args, disk, OPT_SIZE, 0, "SIZE", "size of its disk (the image's); the file system grows to it"),
    OPT(run_args, net, OPT_TEXT, 0, "bridge|user|none|host|container:NAME",
        "network: the bridge of this host's containers, user mode, which needs no set-up, none, the host's, "
        "or another container's (bridge where it is to be had, else user; of a machine: user)"),
    OPT(run_args, network, OPT_TEXT, 0, "NETWORK", NULL), /* as other programs call it */
    OPT(run_args, publish, OPT_REPEATED, 'p', "[ADDRESS:]HOST:GUEST[/udp]",
        "lead a port of the host to one of the guest"),
    OPT(run_args, interactive, OPT_FLAG, 'i', NULL, "pass standard input on to the command"),
    OPT(run_args, tty, OPT_FLAG, 't', NULL, "give the command a terminal"),
    OPT(run_args, detach, OPT_FLAG, 'd', NULL, "start it, print its name, and leave it running"),
    OPT(run_args, rm, OPT_FLAG, 0, NULL, "remove it when it has ended"),
    OPT(run_args, env, OPT_REPEATED, 'e', "NAME=VALUE",
        "set a variable of the command's environment; NAME alone passes ours on"),
    OPT(run_args, workdir, OPT_TEXT, 'w', "DIR", "the directory the command starts in"),
    OPT(run_args, user, OPT_TEXT, 'u', "USER", "the user the command runs as (root)"),
    OPT(run_args, volume, OPT_REPEATED, 'v', "FROM:TO[:ro]", "a folder or file of the host in the container"),
    OPT(run_args, read_only, OPT_FLAG, 0, NULL, "the container's root cannot be written to"),
    OPT(run_args, pids, OPT_NUMBER, 0, "N", "processes in the container, at most (4096)"),
    OPT(run_args, cap_add, OPT_REPEATED, 0, "NAME", "give the container's root a capability: NET_ADMIN, ALL"),
    OPT(run_args, cap_drop, OPT_REPEATED, 0, "NAME", "take one away"),
    OPT(run_args, security_opt, OPT_REPEATED, 0, "OPTION",
        "new-privileges, seccomp=unconfined, seccomp=/FILE, unmask=ALL, apparmor=PROFILE, label=CONTEXT"),
    OPT(run_args, hostname, OPT_TEXT, 0, "NAME", "what the guest calls itself (the guest's name)"),
    OPT(run_args, engine, OPT_CHOICE, 0, "auto|kvm|soft",
        "what executes it; auto asks KVM whether it works (auto)"),
    OPT(run_args, kernel, OPT_TEXT, 0, "FILE", "boot this kernel instead of the image's"),
    OPT(run_args, initrd, OPT_TEXT, 0, "FILE", "with this initial file system"),
    OPT(run_args, append, OPT_TEXT, 0, "STRING", "put this at the end of the kernel's command line"),
    OPT(run_args, console, OPT_CHOICE, 0, "stdio", "join the first serial port to standard input and output"),
    OPT(run_args, engine_debug, OPT_TEXT, 0, "LIST", "switch parts of the soft engine off: " CPU_DEBUG_NAMES),
};
const struct verb verb_run = {
    .name = "run",
    .operands = "[IMAGE [COMMAND [ARGUMENT...]]]",
    .help = "make a guest and start it",
    .about =
        "A container is a command with a root, processes and a network of its own under the host's kernel; "
        "its root is "
        "the image with what the container changes laid over it.\n\n"
        "In the foreground the command (a shell, when there is a terminal and no other is given) runs with "
        "our "
        "standard streams, its exit status is ours, and the guest is shut down when it ends. With -d the "
        "guest goes "
        "on by itself; `hospes exec`, `console`, `logs` and `stop` reach it.\n\n"
        "A kernel boots without an image too: --kernel, and --console stdio for its serial port. It ends "
        "when the "
        "guest powers off or resets, with status 0, or with 1 and a reason after a panic or a triple fault.",
    .examples = "hospes run --rm -it debian\ta container and a shell in it\n"
                "hospes run -d --name web -p 8080:80 -v ./site:/srv:ro debian httpd\ta container that stays\n"
                "hospes run --vm --rm -it debian\ta machine and a shell in it, gone when you leave\n"
                "hospes run --vm -d --name web --memory 1G -p 8080:80 debian\ta machine that stays\n"
                "hospes run --vm --kernel vmlinuz --initrd i.gz --append console=ttyS0\ta bare kernel",
    VERB_OPTS(run_opts),
    .leading = true,
    .args_size = sizeof(struct run_args),
    .defaults = &(const struct run_args){.engine = "auto"},
    .max_operands = -1,
    .run = run_run,
};
