// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge_rules: see bridge_rules.h. Each row of comparisons is one rule, in the words of nft(8) above it. */
#include "host/bridge_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>

#include "host/bridge.h"
#include "host/nft.h"

#define TABLE "hospes"

static const struct in_addr loopback = {.s_addr = 0x7f}; /* network order: its first byte */

/* ---- for all ---- */

static void guard(struct nft *n)
{
    nft_chain(n, "guard", "filter", NF_INET_PRE_ROUTING, NFT_PRIORITY_RAW);
    /* iifname hospes0 ip daddr 127.0.0.0/8 drop; the same with saddr */
    nft_rule(n, "guard");
    nft_iifname(n, true, BRIDGE_NAME);
    nft_daddr(n, loopback, 1);
    nft_drop(n);
    nft_rule_end(n);
    nft_rule(n, "guard");
    nft_iifname(n, true, BRIDGE_NAME);
    nft_saddr(n, loopback, 1);
    nft_drop(n);
    nft_rule_end(n);
}

static void forward(struct nft *n)
{
    nft_chain(n, "forward", "filter", NF_INET_FORWARD, NFT_PRIORITY_FILTER);
    /* oifname hospes0 iifname != hospes0 ct state new,invalid,untracked ct status & dnat == 0 drop */
    nft_rule(n, "forward");
    nft_oifname(n, true, BRIDGE_NAME);
    nft_iifname(n, false, BRIDGE_NAME);
    nft_ct_state(n, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT);
    nft_ct_dnat(n, false);
    nft_drop(n);
    nft_rule_end(n);
}

static void masquerade(struct nft *n, const struct subnet *s)
{
    nft_chain(n, "masquerade", "nat", NF_INET_POST_ROUTING, NFT_PRIORITY_SRCNAT);
    /* iifname hospes0 oifname != hospes0 masquerade */
    nft_rule(n, "masquerade");
    nft_iifname(n, true, BRIDGE_NAME);
    nft_oifname(n, false, BRIDGE_NAME);
    nft_masquerade(n);
    nft_rule_end(n);
    /* ip saddr 10.87.0.0/16 oifname hospes0 ct status dnat masquerade: the answer has to come back by the
     * host. (Of what br_netfilter has gone this way no iifname is known.) */
    nft_rule(n, "masquerade");
    nft_saddr_in(n, s);
    nft_oifname(n, true, BRIDGE_NAME);
    nft_ct_dnat(n, true);
    nft_masquerade(n);
    nft_rule_end(n);
    /* oifname hospes0 ip saddr 127.0.0.0/8 masquerade */
    nft_rule(n, "masquerade");
    nft_oifname(n, true, BRIDGE_NAME);
    nft_saddr(n, loopback, 1);
    nft_masquerade(n);
    nft_rule_end(n);
}

int bridge_rules_open(const struct subnet *s, struct err *e)
{
    char comment[SUBNET_TEXT];
    struct nft n;
    subnet_text(s, comment);
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    int rc = fd < 0 ? fd : nft_look(fd, TABLE, comment);
    if (rc == -ENOENT || rc == -ESTALE) {
        nft_begin(&n, TABLE);
        nft_table(&n, NULL);
        nft_table_delete(&n);
        nft_table(&n, comment);
        guard(&n);
        forward(&n);
        masquerade(&n, s);
        rc = nft_send(&n, fd);
    }
    return rc < 0 ? err_code(e, rc, "packet filter (nftables)") : 0;
}

/* ---- iptables ---- */

#define IPTABLES "filter", "FORWARD"

static void pass(struct nft *n, void (*by)(struct nft *n, bool same, const char *name))
{
    nft_rule(n, "FORWARD");
    by(n, true, BRIDGE_NAME);
    nft_accept(n);
    nft_rule_end(n);
    nft_rule_comment(n, TABLE);
}

int bridge_rules_pass(bool *ret_added, struct err *e)
{
    uint32_t policy = NF_ACCEPT;
    struct nft n;
    OWN_FD fd = netlink_open(NETLINK_NETFILTER);
    if (fd < 0)
        return err_code(e, fd, "netlink");
    if (nft_policy(fd, IPTABLES, &policy) < 0 || policy != NF_DROP ||
        nft_look_for_rule(fd, IPTABLES, TABLE) != -ENOENT)
        return 0;
    nft_begin(&n, "filter");
    pass(&n, nft_iifname);
    pass(&n, nft_oifname);
    int rc = nft_send(&n, fd);
    *ret_added = rc == 0;
    return rc < 0 ? err_code(e, rc, "packet filter (iptables, FORWARD)") : 0;
}

/* ---- published ports ---- */

/* ip daddr A (or: fib daddr type local) meta l4proto tcp th dport 8080 dnat to B:80 */
static void lead(struct nft *n, const char *chain, struct in_addr address, const struct net_forward *f)
{
    nft_rule(n, chain);
    if (f->host_ip.s_addr == htonl(INADDR_ANY))
        nft_daddr_is_local(n);
    else
        nft_daddr(n, f->host_ip, sizeof(f->host_ip));
    nft_l4(n, f->udp ? IPPROTO_UDP : IPPROTO_TCP, f->host_port);
    nft_dnat(n, address, f->guest_port);
    nft_rule_end(n);
}

static void lead_all(struct nft *n, struct in_addr address, const struct net_forward *list, size_t nr)
{
    static const struct {
        const char *name;
        unsigned hook;
    } chains[] = {{"prerouting", NF_INET_PRE_ROUTING}, {"output", NF_INET_LOCAL_OUT}};
    nft_table_owned(n);
    for (int c = 0; c < 2; c++) {
        nft_chain(n, chains[c].name, "nat", chains[c].hook, NFT_PRIORITY_DSTNAT);
        nft_flush(n, chains[c].name);
        for (size_t i = 0; i < nr; i++)
            lead(n, chains[c].name, address, &list[i]);
    }
}

int bridge_rules_publish(int fd, struct in_addr address, const struct net_forward *list, size_t nr,
                         struct err *e)
{
    char table[sizeof(TABLE) + INET_ADDRSTRLEN] = TABLE "-";
    struct nft n;
    inet_ntop(AF_INET, &address, table + sizeof(TABLE), INET_ADDRSTRLEN);
    nft_begin(&n, table);
    if (nr)
        lead_all(&n, address, list, nr);
    else
        nft_table_delete(&n);
    int rc = nft_send(&n, fd);
    return rc < 0 && (nr || rc != -ENOENT) ? err_code(e, rc, "packet filter (nftables)") : 0;
}
