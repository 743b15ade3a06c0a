// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * init: the first program in the guest, and the agent that executes what the host asks for.
 *
 * The kernel starts it from the initramfs: modules, root disk, network; then it stays as init, or hands over
 * to the image's own and goes on beside it. Elsewhere (a test, another system): hospes-init --agent-on-fd N
 * serves the connections that a listening socket gets.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/own.h"
#include "base/reaper.h"
#include "guest/agent.h"
#include "guest/cmdline.h"
#include "guest/initctl.h"
#include "guest/modules.h"
#include "guest/net.h"
#include "guest/reaper.h"
#include "guest/root.h"
#include "guest/say.h"

static bool is_button(int fd)
{
    char name[64] = "";
    return ioctl(fd, EVIOCGNAME(sizeof(name) - 1), name) > 0 && !strcmp(name, "Power Button");
}

/* The ACPI power button, an input device; -1: this kernel has none. */
static int open_button(void)
{
    for (unsigned i = 0; i < 16; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/dev/input/event%u", i);
        OWN_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && is_button(fd))
            return take_fd(&fd);
    }
    return -1;
}

static int open_agent(void)
{
    struct err e;
    int fd = agent_listen_vsock(&e);
    if (fd < 0)
        say("no agent: %s", e.text);
    return fd;
}

/* systemd ends what is left at shutdown, but for who starts with '@': see its "Root Storage Daemons". */
static void be_spared(char *argv0)
{
    argv0[0] = '@';
    OWN_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "-1000", 5) < 0)
        say("oom_score_adj: %s", strerror(errno));
}

static void hand_over(char *argv0)
{
    const char *init[] = {"/sbin/init", "/lib/systemd/systemd", "/etc/init", "/bin/init"};
    pid_t pid = fork();
    if (pid < 0)
        die("start the agent: %s", strerror(errno));
    if (pid == 0) {
        setsid();
        be_spared(argv0);
        agent_run(&(struct agent_setup){
            .listen = open_agent(), .button = -1, .initctl = -1, .role = POWER_ROLE_AGENT});
    }
    for (size_t i = 0; i < sizeof(init) / sizeof(init[0]); i++)
        execl(init[i], init[i], (char *)NULL);
    die("the image has no init that can be executed (tried /sbin/init and others)");
}

_Noreturn static void start_guest(char *argv0)
{
    struct cmdline c;
    struct err e;
    root_mount_kernel();
    if (cmdline_read("/proc/cmdline", &c, &e) < 0)
        die("%s", e.text);
    modules_load("/modules");
    if (c.root[0])
        root_switch(c.root);
    if (c.share[0])
        root_share(c.share);
    net_up(c.net);
    if (c.image_init) {
        net_names(c.name, c.net, true);
        hand_over(argv0);
    }
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del is a signal to us, not the end at once */
    root_furnish();
    net_names(c.name, c.net, false);
    int listen = open_agent();
    if (listen < 0 && c.share[0])
        die("nobody could tell this machine what to do");
    agent_run(&(struct agent_setup){
        .listen = listen, .button = open_button(), .initctl = initctl_open(), .role = POWER_ROLE_INIT});
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[0], REAPER_NAME) == 0)
        reaper_run(argv + 1);
    if (getpid() == 1 && argc >= 1 && argv[0][0])
        start_guest(argv[0]);
    if (argc != 3 || strcmp(argv[1], "--agent-on-fd") != 0)
        die("not started as a guest's init; usage: hospes-init --agent-on-fd LISTENING-SOCKET");
    int listen = atoi(argv[2]);
    fcntl(listen, F_SETFD, FD_CLOEXEC);
    agent_run(&(struct agent_setup){.listen = listen, .button = -1, .initctl = -1, .role = POWER_ROLE_NONE});
}
