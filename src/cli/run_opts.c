// SPDX-License-Identifier: GPL-2.0-or-later
/* run_opts: the verb `run` and its options, a row each; what they mean together is in run_config.c. */
#include "cli/run.h"
#include "cli/verbs.h"
#include "cpu/debug.h"

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
    OPT(run_args, env_file, OPT_REPEATED, 0, "FILE", "variables from the lines of a file; --env comes after"),
    OPT(run_args, entrypoint, OPT_TEXT, 0, "PROGRAM", "run this with the command as its arguments"),
    OPT(run_args, workdir, OPT_TEXT, 'w', "DIR", "the directory the command starts in"),
    OPT(run_args, user, OPT_TEXT, 'u', "USER", "the user the command runs as (root)"),
    OPT(run_args, volume, OPT_REPEATED, 'v', "FROM:TO[:ro]", "a folder or file of the host in the container"),
    OPT(run_args, mount, OPT_REPEATED, 0, "type=bind|tmpfs,...",
        "the same in words: type=bind,source=FROM,target=TO,readonly; type=tmpfs,target=DIR"),
    OPT(run_args, tmpfs, OPT_REPEATED, 0, "DIR[:OPTIONS]", "an empty file system in memory: /run:size=64m"),
    OPT(run_args, device, OPT_REPEATED, 0, "FILE[:FILE][:rwm]", "a device of the host, and its name inside"),
    OPT(run_args, read_only, OPT_FLAG, 0, NULL, "the container's root cannot be written to"),
    OPT(run_args, pids, OPT_NUMBER, 0, "N", "processes in the container, at most (4096)"),
    OPT(run_args, cpuset_cpus, OPT_TEXT, 0, "LIST", "the container's processors: 0-3,7"),
    OPT(run_args, memory_swap, OPT_TEXT, 0, "SIZE", "memory and swap together, at most; -1: any"),
    OPT(run_args, shm_size, OPT_SIZE, 0, "SIZE", "size of its /dev/shm (64M)"),
    OPT(run_args, ulimit, OPT_REPEATED, 0, "NAME=N[:N]", "a limit of its processes: nofile=1024:4096"),
    OPT(run_args, oom_score_adj, OPT_TEXT, 0, "N", "who is ended first when memory is short: -1000 to 1000"),
    OPT(run_args, init, OPT_FLAG, 0, NULL,
        "begin with a small process that reaps the container's orphans and passes signals on"),
    OPT(run_args, stop_signal, OPT_TEXT, 0, "SIGNAL", "what `stop` sends (TERM)"),
    OPT(run_args, stop_timeout, OPT_SECONDS, 0, "TIME", "how long `stop` waits if it does not say (30 s)"),
    OPT(run_args, restart, OPT_TEXT, 0, "WHEN",
        "run the command again when it has ended: no, on-failure[:N], always"),
    OPT(run_args, group_add, OPT_REPEATED, 0, "GROUP", "one more group for the command's user"),
    OPT(run_args, cap_add, OPT_REPEATED, 0, "NAME", "give the container's root a capability: NET_ADMIN, ALL"),
    OPT(run_args, cap_drop, OPT_REPEATED, 0, "NAME", "take one away"),
    OPT(run_args, security_opt, OPT_REPEATED, 0, "OPTION",
        "new-privileges, seccomp=unconfined, seccomp=/FILE, landlock=off, unmask=ALL, apparmor=PROFILE, "
        "label=CONTEXT"),
    OPT(run_args, privileged, OPT_FLAG, 0, NULL,
        "keep nothing from it: all capabilities and devices, no seccomp; root in it is root of the host"),
    OPT(run_args, pid, OPT_CHOICE, 0, "private|host", "processes of its own (private) or the host's"),
    OPT(run_args, ipc, OPT_CHOICE, 0, "private|host", "shared memory and queues: the same"),
    OPT(run_args, uts, OPT_CHOICE, 0, "private|host", "host name: the same"),
    OPT(run_args, sysctl, OPT_REPEATED, 0, "NAME=VALUE", "a kernel parameter of its own namespaces"),
    OPT(run_args, add_host, OPT_REPEATED, 0, "NAME:ADDRESS", "a line in its /etc/hosts"),
    OPT(run_args, dns, OPT_REPEATED, 0, "ADDRESS", "a name server in its /etc/resolv.conf"),
    OPT(run_args, label, OPT_REPEATED, 'l', "NAME[=VALUE]", "a word to find it by, shown by inspect"),
    OPT(run_args, annotation, OPT_REPEATED, 0, "NAME=VALUE", "the same, and in its config.json"),
    OPT(run_args, cidfile, OPT_TEXT, 0, "FILE", "write the guest's name to a new file"),
    OPT(run_args, pidfile, OPT_TEXT, 0, "FILE", "write the number of its first process to a file"),
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
