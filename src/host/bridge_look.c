// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge_look: see bridge_look.h. */
#include "host/bridge_look.h"

#include "host/bridge.h"
#include "host/nft.h"

static int look_at_filter(void)
{
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    int rc = fd < 0 ? fd : nft_look(fd, "hospes", NULL);
    return rc == -ENOENT ? 0 : rc;
}

int bridge_look(struct bridge_look *ret, struct err *e)
{
    struct bridge_look l = {0};
    int rc = look_at_filter();
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
