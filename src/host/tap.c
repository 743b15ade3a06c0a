// SPDX-License-Identifier: GPL-2.0-or-later
/* tap: see tap.h. Source: Linux, Documentation/networking/tuntap.rst; netdevice(7). */
#include "host/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NAME      "eth0"
#define FRAME_MAX 65562 /* the largest that a tap gives without offloads is less */
#define BURST     64    /* frames at a turn, so that others have theirs */

/* ---- making it ---- */

static struct sockaddr address(struct in_addr a)
{
    const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = a};
    struct sockaddr s;
    memcpy(&s, &in, sizeof(s));
    return s;
}

static int configure(const struct tap_config *c)
{
    OWN_FD s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_name = NAME};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    route.rt_dst = address((struct in_addr){0});
    route.rt_genmask = address((struct in_addr){0});
    route.rt_gateway = address(c->gateway);
    r.ifr_addr = address(c->address);
    if (s < 0 || ioctl(s, SIOCSIFADDR, &r) < 0)
        return -errno;
    r.ifr_addr = address(c->mask);
    if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
        return -errno;
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(s, SIOCSIFFLAGS, &r) < 0 || ioctl(s, SIOCADDRT, &route) < 0 ? -errno : 0;
}

/* A tap belongs to the namespace in which its descriptor was opened. */
static int make(const struct tap_config *c, int ns, int slot)
{
    struct ifreq r = {.ifr_name = NAME, .ifr_flags = IFF_TAP | IFF_NO_PI};
    if (setns(ns, CLONE_NEWNET) < 0)
        return -errno;
    OWN_FD tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &r) < 0)
        return -errno;
    int rc = configure(c);
    return rc == 0 && dup3(tun, slot, O_CLOEXEC) < 0 ? -errno : rc;
}

/*
 * A child enters the namespace, as we could not come back from it without rights on our own. It shares our
 * descriptors, and puts the tap in the place of one that we keep for it.
 */
int tap_open(const struct tap_config *c, int *ret_fd, struct err *e)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->pid);
    OWN_FD ns = open(path, O_RDONLY | O_CLOEXEC);
    OWN_FD slot = open("/dev/null", O_RDWR | O_CLOEXEC);
    int status = 0;
    if (ns < 0 || slot < 0)
        return err_sys(e, "network namespace");
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return err_sys(e, "/dev/net/tun, which a network of its own needs");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(-make(c, ns, slot) & 0xff);
    if (pid < 0)
        return err_sys(e, "fork");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return err_code(e, WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO, "network interface");
    *ret_fd = take_fd(&slot);
    return 0;
}

/* ---- serving it ---- */

struct tap {
    struct loop *loop;
    struct net_port *port;
    int fd;
    struct virtio_net_hdr_v1 header; /* all zero: nothing is left to be done to a frame */
    uint8_t frame[FRAME_MAX];
};

static void from_kernel(void *ctx, int fd, uint32_t events)
{
    (void)events;
    struct tap *t = ctx;
    for (int i = 0; i < BURST; i++) {
        ssize_t n = read(fd, t->frame, sizeof(t->frame));
        if (n <= 0)
            return;
        const struct iovec io[2] = {{&t->header, sizeof(t->header)}, {t->frame, (size_t)n}};
        t->port->send(t->port->ctx, io, 2);
    }
}

/* What the kernel has no room for is lost, as on a wire. */
static bool to_kernel(void *dev, const void *frame, size_t len)
{
    const struct tap *t = dev;
    if (write(t->fd, frame, len) < 0) {
        /* lost */
    }
    return true;
}

int tap_attach(int fd, struct net_port *port, struct loop *loop, struct tap **ret, struct err *e)
{
    struct tap *t = calloc(1, sizeof(*t));
    if (!t) {
        close(fd);
        return err_code(e, -ENOMEM, "network interface");
    }
    *t = (struct tap){.loop = loop, .port = port, .fd = fd};
    int rc = loop_watch(loop, fd, EPOLLIN, from_kernel, t, e);
    if (rc < 0) {
        close(fd);
        free(t);
        return rc;
    }
    port->receive = to_kernel;
    port->dev = t;
    *ret = t;
    return 0;
}

void tap_free(struct tap *t)
{
    if (!t)
        return;
    t->port->receive = NULL;
    loop_unwatch(t->loop, t->fd);
    close(t->fd);
    free(t);
}
