// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge_ports: see bridge_ports.h. */
#include "host/bridge_ports.h"

#include "host/bridge_rules.h"
#include "host/conntrack.h"
#include "host/netlink.h"

struct bridge_ports {
    int fd; /* owns the table of rules */
    struct in_addr address;
    struct net_forward *list;
    int *hold; /* sockets, as list */
    size_t nr;
};

void bridge_ports_free(struct bridge_ports *p)
{
    if (!p)
        return;
    own_fd(&p->fd); /* the rules first: nobody is led to who has the address next */
    for (size_t i = 0; i < p->nr; i++)
        own_fd(&p->hold[i]);
    free(p->list);
    free(p->hold);
    free(p);
}

static int hold(struct bridge_ports *p, const struct net_forward *f, struct err *e)
{
    struct net_forward *list = realloc(p->list, (p->nr + 1) * sizeof(*list));
    int *held = list ? realloc(p->hold, (p->nr + 1) * sizeof(*held)) : NULL;
    p->list = list ? list : p->list;
    p->hold = held ? held : p->hold;
    if (!held)
        return err_code(e, -ENOMEM, "publish");
    int rc = net_forward_hold(f, &p->hold[p->nr], e);
    if (rc == 0)
        p->list[p->nr++] = *f;
    return rc;
}

static void let_go(struct bridge_ports *p, size_t i)
{
    own_fd(&p->hold[i]);
    p->nr--;
    for (; i < p->nr; i++) {
        p->hold[i] = p->hold[i + 1];
        p->list[i] = p->list[i + 1];
    }
}

static int lead(struct bridge_ports *p, const struct net_forward *changed, size_t nr, struct err *e)
{
    int rc = bridge_rules_publish(p->fd, p->address, p->list, p->nr, e);
    for (size_t i = 0; i < nr && rc == 0; i++)
        conntrack_forget(p->fd, &changed[i]);
    return rc;
}

int bridge_ports_new(struct in_addr address, const struct net_forward *list, size_t nr,
                     struct bridge_ports **ret, struct err *e)
{
    OWN(bridge_ports) p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "publish");
    p->address = address;
    p->fd = netlink_open(NETLINK_NETFILTER);
    int rc = p->fd < 0 ? err_code(e, p->fd, "netlink") : 0;
    for (size_t i = 0; i < nr && rc == 0; i++)
        rc = hold(p, &list[i], e);
    if (rc == 0 && nr)
        rc = lead(p, list, nr, e);
    if (rc < 0)
        return rc;
    *ret = take(p);
    return 0;
}

int bridge_ports_add(struct bridge_ports *p, const struct net_forward *f, struct err *e)
{
    int rc = hold(p, f, e);
    if (rc == 0 && (rc = lead(p, f, 1, e)) < 0)
        let_go(p, p->nr - 1);
    return rc;
}

int bridge_ports_remove(struct bridge_ports *p, const struct net_forward *f, struct err *e)
{
    for (size_t i = 0; i < p->nr; i++)
        if (net_forward_same_host(&p->list[i], f)) {
            let_go(p, i);
            return lead(p, f, 1, e);
        }
    return net_forward_refused(f, -ENOENT, e);
}
