// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge_look: see bridge_look.h. */
#include "host/bridge_look.h"

#include <linux/netfilter/nf_tables.h>

#include "host/bridge.h"
#include "host/nft.h"

static int look_at_filter(struct bridge_look *l)
{
    uint32_t policy = NF_ACCEPT;
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    int rc = fd < 0 ? fd : nft_look(fd, "hospes", NULL);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    l->dropped = nft_policy(fd, "filter", "FORWARD", &policy) == 0 && policy == NF_DROP;
    return 0;
}

int bridge_look(struct bridge_look *ret, struct err *e)
{
    struct bridge_look l = {0};
    int rc = look_at_filter(&l);
    if (rc < 0)
        return err_code(e, rc, "packet filter (nftables)");
    OWN_FD fd = netlink_open(NETLINK_ROUTE);
    if (fd < 0)
        return err_code(e, fd, "netlink");
    l.there = bridge_find(fd, &l.subnet) == 0;
    if (!l.there && (rc = bridge_choose(fd, &l.subnet, e)) < 0)
        return rc;
    *ret = l;
    return 0;
}
