// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nft: rules of the kernel's packet filter (nftables), family ip, put together as one batch that is taken as
 * a whole or not at all. In netlink rather than by the program nft or its library: either takes longer than
 * the rest of a container's start, and the tables that one process owns need its own socket.
 *
 * A rule is a row of expressions from nft_rule to nft_rule_end; each compares, or the rule ends; a load puts
 * its value where the next comparison takes it from.
 * Source: Linux, include/uapi/linux/netfilter/nf_tables.h; nft(8), --debug=netlink.
 */
#pragma once

#include <netinet/in.h>

#include <linux/netfilter.h> /* behind the C library's, which it makes way for */

#include "host/netlink.h"
#include "host/subnet.h"

struct nft {
    struct netlink_request request;
    const char *table;
    size_t nest; /* the rule's expressions */
};

void nft_begin(struct nft *n, const char *table);
/* Make it, if it is missing. comment: what nft(8) shows of it, or NULL. */
void nft_table(struct nft *n, const char *comment);
/* Nobody else may change it, and it goes when the socket that it was sent by is closed. */
void nft_table_owned(struct nft *n);
void nft_table_delete(struct nft *n); /* with all that is in it */

#define NFT_PRIORITY_RAW    (-300)
#define NFT_PRIORITY_DSTNAT (-100)
#define NFT_PRIORITY_FILTER 0
#define NFT_PRIORITY_SRCNAT 100
/* type: "nat", "filter"; hook: NF_INET_*. One that is there is left as it is. */
void nft_chain(struct nft *n, const char *chain, const char *type, unsigned hook, int priority);
void nft_flush(struct nft *n, const char *chain); /* remove its rules */

void nft_rule(struct nft *n, const char *chain);
void nft_rule_end(struct nft *n);
void nft_rule_comment(struct nft *n, const char *text); /* after its end */

void nft_iifname(struct nft *n, bool same, const char *name); /* same: it is; else: it is not */
void nft_oifname(struct nft *n, bool same, const char *name);
void nft_daddr(struct nft *n, struct in_addr address, unsigned bytes); /* its first bytes: 1 means /8 */
void nft_saddr(struct nft *n, struct in_addr address, unsigned bytes);
void nft_saddr_in(struct nft *n, const struct subnet *s);
void nft_daddr_is_local(struct nft *n); /* an address of this host */
void nft_l4(struct nft *n, uint8_t protocol, uint16_t dport);
void nft_ct_state(struct nft *n, uint32_t any); /* NF_CT_STATE_BIT() */
void nft_ct_dnat(struct nft *n, bool is);       /* its destination was rewritten */
void nft_dnat(struct nft *n, struct in_addr to, uint16_t port);
void nft_masquerade(struct nft *n);
void nft_accept(struct nft *n);
void nft_drop(struct nft *n);

/* fd: netlink_open(NETLINK_NETFILTER). -errno. */
int nft_send(struct nft *n, int fd);
/* Whether a table is there, with that comment if one is given: 0, -ENOENT, -ESTALE, or why it cannot be told.
 */
int nft_look(int fd, const char *table, const char *comment);
/* Whether a chain has a rule with that comment: 0, -ENOENT, or why it cannot be told. */
int nft_look_for_rule(int fd, const char *table, const char *chain, const char *comment);
/* What a base chain does with what no rule decides: NF_ACCEPT, NF_DROP. */
int nft_policy(int fd, const char *table, const char *chain, uint32_t *ret);
