// SPDX-License-Identifier: GPL-2.0-or-later
/* container_net: see container_net.h. */
#include "monitor/container_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "monitor/client.h"
#include "monitor/forwards.h"

/* The network that host/net_user.h makes. */
#define USER_ADDRESS "10.0.2.15"
#define USER_MASK    "255.255.255.0"
#define USER_GATEWAY "10.0.2.2"

/* ---- the bridge ---- */

static int prepare_bridge(struct container_net *n, struct err *e)
{
    int rc = bridge_open(getenv("HOSPES_SUBNET"), &n->bridge, e);
    if (rc == 0 && n->bridge.forwarding_begun)
        log_info("net.ipv4.ip_forward is 1 from now on, for %s", BRIDGE_NAME);
    if (rc == 0 && n->bridge.passed)
        log_info("iptables' chain FORWARD drops by default: %s is let pass from now on", BRIDGE_NAME);
    return rc;
}

/* A subnet that cannot be had as it was wished for is told; that there is no bridge to be had is no error. */
static int prepare_any(struct container_net *n, bool rootless, struct err *e)
{
    struct err why;
    int rc = rootless ? -EPERM : prepare_bridge(n, &why);
    n->is = rc == 0 ? GUEST_NET_BRIDGE : GUEST_NET_USER;
    if (rc == -EINVAL || rc == -EEXIST)
        return err_set(e, rc, "%s", why.text);
    if (rc < 0 && !rootless)
        log_info("no bridge (%s): a network in user mode instead", why.text);
    return 0;
}

static int open_bridge(struct container_net *n, const struct guest_config *c, const char *id, pid_t pid,
                       struct err *e)
{
    struct net_forward list[GUEST_FORWARDS];
    int rc = bridge_join(&n->bridge, pid, id, &n->address, e);
    return rc < 0 ? rc : bridge_ports_new(n->address, list, forwards_of(c, list), &n->ports, e);
}

/* ---- user mode ---- */

static int open_user(struct container_net *n, const struct guest_config *c, pid_t pid, struct loop *loop,
                     struct err *e)
{
    struct net_forward list[GUEST_FORWARDS];
    const struct net_user_config u = {.hostname = c->hostname ? c->hostname : c->name,
                                      .forwards = list,
                                      .nr_forwards = forwards_of(c, list)};
    struct tap_config t = {.pid = pid};
    int fd, rc;
    inet_pton(AF_INET, USER_ADDRESS, &t.address);
    inet_pton(AF_INET, USER_MASK, &t.mask);
    inet_pton(AF_INET, USER_GATEWAY, &t.gateway);
    if ((rc = net_user_new(&u, loop, &n->user, e)) < 0)
        return rc;
    if ((rc = tap_open(&t, &fd, e)) < 0)
        return err_wrap(e, "network (--net none and --net host do without)");
    n->address = t.address;
    return tap_attach(fd, net_user_port(n->user), loop, &n->tap, e);
}

/* ---- another container's ---- */

static int find_pid(const char *name, pid_t *ret, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s}", "do", "status");
    OWN(json_t) reply = NULL;
    uint64_t pid;
    int rc = client_call(name, request, &reply, e);
    if (rc < 0)
        return rc;
    if (json_opt_uint(reply, "init", 0, 0, INT32_MAX, &pid, NULL) < 0 || pid == 0)
        return err_set(e, -EINVAL, "guest %s is no container", name);
    *ret = (pid_t)pid;
    return 0;
}

static int prepare_joined(struct container_net *n, const struct guest_config *c, bool rootless, struct err *e)
{
    pid_t pid = 0;
    if (rootless)
        return err_set(e, -EOPNOTSUPP, "an ordinary user's containers cannot share a network");
    int rc = find_pid(c->net_of, &pid, e);
    if (rc < 0)
        return err_wrap(e, "network of %s", c->net_of);
    n->joined = path_make("/proc/%d/ns/net", (int)pid);
    n->joined_fd = n->joined ? open(n->joined, O_RDONLY | O_CLOEXEC) : -1;
    return n->joined_fd < 0 ? err_sys(e, "network of %s", c->net_of) : 0;
}

/* Between the question and now that process may have ended, and its number be another's. */
static int check_joined(const struct container_net *n, const struct guest_config *c, pid_t pid, struct err *e)
{
    struct stat want, have;
    OWN_MEM char *own = path_make("/proc/%d/ns/net", (int)pid);
    if (!own || fstat(n->joined_fd, &want) < 0 || stat(own, &have) < 0)
        return err_sys(e, "network of %s", c->net_of);
    return want.st_ino == have.st_ino ? 0 : err_set(e, -ESRCH, "network of %s: it has ended", c->net_of);
}

/* ---- all of them ---- */

int container_net_prepare(struct container_net *n, const struct guest_config *c, bool rootless, struct err *e)
{
    n->is = c->net;
    if (c->net == GUEST_NET_AUTO)
        return prepare_any(n, rootless, e);
    if (c->net == GUEST_NET_CONTAINER)
        return prepare_joined(n, c, rootless, e);
    if (c->net != GUEST_NET_BRIDGE)
        return 0;
    if (rootless)
        return err_set(e, -EPERM, "a bridge takes root's rights (--net user does without)");
    int rc = prepare_bridge(n, e);
    return rc < 0 ? err_wrap(e, "network (--net user, none and host do without)") : 0;
}

int container_net_open(struct container_net *n, const struct guest_config *c, const char *id, pid_t pid,
                       struct loop *loop, struct err *e)
{
    if (n->is == GUEST_NET_BRIDGE)
        return open_bridge(n, c, id, pid, e);
    if (n->is == GUEST_NET_USER)
        return open_user(n, c, pid, loop, e);
    return n->is == GUEST_NET_CONTAINER ? check_joined(n, c, pid, e) : 0;
}

void container_net_close(struct container_net *n)
{
    tap_free(take(n->tap));
    net_user_free(take(n->user));
    bridge_ports_free(take(n->ports));
    free(take(n->joined));
    own_fd(&n->joined_fd);
    *n = (struct container_net)CONTAINER_NET_NONE;
}

static int no_ports(struct err *e)
{
    return err_set(e, -EOPNOTSUPP, "ports cannot be published without a network of its own");
}

static int publish(void *net, const struct net_forward *f, struct err *e)
{
    struct container_net *n = net;
    if (n->ports)
        return bridge_ports_add(n->ports, f, e);
    return n->user ? net_user_publish(n->user, f, e) : no_ports(e);
}

static int unpublish(void *net, const struct net_forward *f, struct err *e)
{
    struct container_net *n = net;
    if (n->ports)
        return bridge_ports_remove(n->ports, f, e);
    return n->user ? net_user_unpublish(n->user, f, e) : no_ports(e);
}

const struct port_ops container_net_ports = {.publish = publish, .unpublish = unpublish};
