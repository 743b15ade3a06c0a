// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bridge_rules: what the packet filter does for containers on the bridge.
 *
 *     table ip hospes {                                  one for the host; its comment: the subnet
 *         chain guard {       hook prerouting, raw       no packets for or of the host's loopback from them
 *         chain forward {     hook forward               from outside only what was published
 *         chain masquerade {  hook postrouting, nat      out with the host's address; published ports from
 *     }                                                  127.0.0.1 and from containers
 *     table ip hospes-10.87.3.4 { flags owner            one for each container with published ports; the
 *         chain prerouting, output { nat                 kernel takes it away when its monitor is gone
 *     }
 */
#pragma once

#include "base/err.h"
#include "host/net_forward.h"
#include "host/subnet.h"

int bridge_rules_open(const struct subnet *s, struct err *e); /* -EPERM, -EOPNOTSUPP */

/*
 * Docker and ufw have iptables drop what is forwarded and that no rule of theirs accepts: then two at the end
 * of that chain (table ip filter, FORWARD) accept what comes from or goes to the bridge. *ret_added: now.
 */
int bridge_rules_pass(bool *ret_added, struct err *e);

/*
 * Ports that lead to address, instead of those that did: all or none of the change. fd: of
 * netlink_open(NETLINK_NETFILTER); they lead there until it is closed. -EOPNOTSUPP: Linux before 5.12.
 */
int bridge_rules_publish(int fd, struct in_addr address, const struct net_forward *list, size_t nr,
                         struct err *e);
