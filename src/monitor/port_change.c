// SPDX-License-Identifier: GPL-2.0-or-later
/* port_change: see port_change.h. */
#include "monitor/port_change.h"

#include "base/log.h"
#include "monitor/forwards.h"

static bool has(const struct guest_config *c, const struct net_forward *f)
{
    for (unsigned i = 0; i < c->nr_forwards; i++) {
        const struct net_forward have = forward_of(&c->forwards[i]);
        if (net_forward_same_host(&have, f) && have.guest_port == f->guest_port)
            return true;
    }
    return false;
}

typedef int step(void *net, const struct net_forward *f, struct err *e);

/* Each port that one has and the other has not, at most *nr; *nr: how many were done. */
static int each(step *do_one, void *net, const struct guest_config *one, const struct guest_config *other,
                unsigned *nr, struct err *e)
{
    unsigned done = 0, most = *nr;
    int rc = 0;
    for (unsigned i = 0; i < one->nr_forwards && done < most && rc == 0; i++) {
        const struct net_forward f = forward_of(&one->forwards[i]);
        if (!has(other, &f) && (rc = do_one(net, &f, e)) == 0)
            done++;
    }
    *nr = done;
    return rc;
}

int port_change(const struct port_ops *ops, void *net, const struct guest_config *before,
                const struct guest_config *after, struct err *e)
{
    unsigned gone = GUEST_FORWARDS, come = 0;
    int rc = each(ops->unpublish, net, before, after, &gone, e);
    if (rc == 0) {
        come = GUEST_FORWARDS;
        rc = each(ops->publish, net, after, before, &come, e);
    }
    if (rc < 0 && (each(ops->unpublish, net, after, before, &come, NULL) < 0 ||
                   each(ops->publish, net, before, after, &gone, NULL) < 0))
        log_warn("the ports published before the update could not be published again");
    return rc;
}
