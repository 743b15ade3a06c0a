// SPDX-License-Identifier: GPL-2.0-or-later
/* container_files: see container_files.h. */
#include "monitor/container_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "host/net_user.h"
#include "host/tap.h"
#include "monitor/guest_option.h"

#define RESOLV_MAX 65536

/* The network that host/net_user.h makes. */
#define ADDRESS "10.0.2.15"
#define MASK    "255.255.255.0"
#define GATEWAY "10.0.2.2"
#define DNS     "10.0.2.3"

static int write_file(const struct guest_dir *d, const char *name, const char *text, struct err *e)
{
    OWN_MEM char *path = guest_dir_run_file(d, name);
    OWN_FD fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return err_sys(e, "%s", name);
    int rc = file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "%s", name) : 0;
}

static const char *own_address(const struct guest_config *c)
{
    return c->net == GUEST_NET_USER ? ADDRESS : "127.0.1.1";
}

/* What was asked for by --add-host, a line each, below what is there. */
static char *with_hosts(const char *text, const struct guest_container *c)
{
    char *all = strdup(text);
    for (const char *const *p = c->hosts; p && *p && all; p++) {
        struct guest_host h;
        if (guest_host_parse(*p, &h, NULL) < 0)
            continue;
        char *more = path_make("%s%s %s\n", all, h.address, h.name);
        free(all);
        all = more;
    }
    return all;
}

static char *name_servers(const struct guest_container *c)
{
    char *all = strdup("");
    for (const char *const *p = c->dns; p && *p && all; p++) {
        char *more = path_make("%snameserver %s\n", all, *p);
        free(all);
        all = more;
    }
    return all;
}

int container_files_write(const struct guest_dir *d, const struct guest_config *c, struct err *e)
{
    OWN_MEM char *dns = NULL;
    const char *name = c->hostname ? c->hostname : c->name;
    OWN_MEM char *plain = path_make("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n%s %s\n",
                                    own_address(c), name);
    OWN_MEM char *hostname = path_make("%s\n", name);
    OWN_MEM char *hosts = plain ? with_hosts(plain, &c->container) : NULL;
    if (!hosts || !hostname)
        return err_code(e, -ENOMEM, "hosts");
    if (c->container.dns)
        dns = name_servers(&c->container);
    else if (c->net == GUEST_NET_HOST)
        (void)file_read("/etc/resolv.conf", RESOLV_MAX, &dns, NULL, NULL);
    else if (c->net == GUEST_NET_USER)
        dns = strdup("nameserver " DNS "\n");
    int rc = write_file(d, "hosts", hosts, e);
    if (rc == 0)
        rc = write_file(d, "hostname", hostname, e);
    return rc < 0 ? rc : write_file(d, "resolv.conf", dns ? dns : "", e);
}

/* ---- network ---- */

static int open_user(struct container_net *n, const struct guest_config *c, struct loop *loop, struct err *e)
{
    struct net_forward forwards[GUEST_FORWARDS];
    for (unsigned i = 0; i < c->nr_forwards; i++)
        forwards[i] = (struct net_forward){.udp = c->forwards[i].udp,
                                           .host_ip = c->forwards[i].host_ip,
                                           .host_port = c->forwards[i].host_port,
                                           .guest_port = c->forwards[i].guest_port};
    const struct net_user_config u = {
        .hostname = c->hostname ? c->hostname : c->name, .forwards = forwards, .nr_forwards = c->nr_forwards};
    return net_user_new(&u, loop, &n->user, e);
}

int container_net_open(struct container_net *n, const struct guest_config *c, pid_t pid, struct loop *loop,
                       struct err *e)
{
    struct tap_config t = {.pid = pid};
    int fd, rc;
    if (c->net != GUEST_NET_USER)
        return 0;
    inet_pton(AF_INET, ADDRESS, &t.address);
    inet_pton(AF_INET, MASK, &t.mask);
    inet_pton(AF_INET, GATEWAY, &t.gateway);
    if ((rc = open_user(n, c, loop, e)) < 0)
        return rc;
    if ((rc = tap_open(&t, &fd, e)) < 0)
        return err_wrap(e, "network (--net none and --net host do without)");
    return tap_attach(fd, net_user_port(n->user), loop, &n->tap, e);
}

void container_net_close(struct container_net *n)
{
    tap_free(take(n->tap));
    net_user_free(take(n->user));
}
