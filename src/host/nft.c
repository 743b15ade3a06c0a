// SPDX-License-Identifier: GPL-2.0-or-later
/* nft: see nft.h. */
#include "host/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "host/nft_impl.h"

/* ---- messages ---- */

void nft_message(struct netlink_request *r, unsigned type, unsigned flags)
{
    const struct nfgenmsg head = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
    netlink_message(r, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof(head));
}

static void batch(struct netlink_request *r, unsigned type)
{
    const struct nfgenmsg head = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    netlink_message(r, type, 0, &head, sizeof(head));
}

void nft_begin(struct nft *n, const char *name)
{
    netlink_init(&n->request);
    n->table = name;
    batch(&n->request, NFNL_MSG_BATCH_BEGIN);
}

static void table(struct nft *n, uint32_t flags)
{
    nft_message(&n->request, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
    netlink_put_text(&n->request, NFTA_TABLE_NAME, n->table);
    netlink_put_be32(&n->request, NFTA_TABLE_FLAGS, flags);
}

size_t nft_user_data(const char *comment, char data[NFT_COMMENT_MAX])
{
    size_t n = (size_t)snprintf(data + 2, NFT_COMMENT_MAX - 2, "%s", comment) + 1;
    data[0] = 0;
    data[1] = (char)n;
    return 2 + n;
}

void nft_table(struct nft *n, const char *comment)
{
    char data[NFT_COMMENT_MAX];
    table(n, 0);
    if (comment)
        netlink_put(&n->request, NFTA_TABLE_USERDATA, data, nft_user_data(comment, data));
}

void nft_table_owned(struct nft *n)
{
    table(n, NFT_TABLE_F_OWNER);
}

void nft_table_delete(struct nft *n)
{
    nft_message(&n->request, NFT_MSG_DELTABLE, NLM_F_ACK);
    netlink_put_text(&n->request, NFTA_TABLE_NAME, n->table);
}

void nft_chain(struct nft *n, const char *chain, const char *type, unsigned hook, int priority)
{
    struct netlink_request *r = &n->request;
    nft_message(r, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    netlink_put_text(r, NFTA_CHAIN_TABLE, n->table);
    netlink_put_text(r, NFTA_CHAIN_NAME, chain);
    size_t nest = netlink_nest(r, NFTA_CHAIN_HOOK, NULL, 0);
    netlink_put_be32(r, NFTA_HOOK_HOOKNUM, hook);
    netlink_put_be32(r, NFTA_HOOK_PRIORITY, (uint32_t)priority);
    netlink_nest_end(r, nest);
    netlink_put_be32(r, NFTA_CHAIN_POLICY, NF_ACCEPT);
    netlink_put_text(r, NFTA_CHAIN_TYPE, type);
}

void nft_flush(struct nft *n, const char *chain)
{
    nft_message(&n->request, NFT_MSG_DELRULE, 0);
    netlink_put_text(&n->request, NFTA_RULE_TABLE, n->table);
    netlink_put_text(&n->request, NFTA_RULE_CHAIN, chain);
}

void nft_rule(struct nft *n, const char *chain)
{
    struct netlink_request *r = &n->request;
    nft_message(r, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    netlink_put_text(r, NFTA_RULE_TABLE, n->table);
    netlink_put_text(r, NFTA_RULE_CHAIN, chain);
    n->nest = netlink_nest(r, NFTA_RULE_EXPRESSIONS, NULL, 0);
}

void nft_rule_end(struct nft *n)
{
    netlink_nest_end(&n->request, n->nest);
}

void nft_rule_comment(struct nft *n, const char *text)
{
    char data[NFT_COMMENT_MAX];
    netlink_put(&n->request, NFTA_RULE_USERDATA, data, nft_user_data(text, data));
}

/* ---- expressions ---- */

struct expr {
    size_t element, data;
};

static struct expr begin(struct nft *n, const char *name)
{
    struct expr x;
    x.element = netlink_nest(&n->request, NFTA_LIST_ELEM, NULL, 0);
    netlink_put_text(&n->request, NFTA_EXPR_NAME, name);
    x.data = netlink_nest(&n->request, NFTA_EXPR_DATA, NULL, 0);
    return x;
}

static void end(struct nft *n, struct expr x)
{
    netlink_nest_end(&n->request, x.data);
    netlink_nest_end(&n->request, x.element);
}

static void value(struct nft *n, unsigned type, const void *data, size_t len)
{
    size_t nest = netlink_nest(&n->request, type, NULL, 0);
    netlink_put(&n->request, NFTA_DATA_VALUE, data, len);
    netlink_nest_end(&n->request, nest);
}

static void compare(struct nft *n, bool same, const void *data, size_t len)
{
    struct expr x = begin(n, "cmp");
    netlink_put_be32(&n->request, NFTA_CMP_SREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_CMP_OP, same ? NFT_CMP_EQ : NFT_CMP_NEQ);
    value(n, NFTA_CMP_DATA, data, len);
    end(n, x);
}

static void meta(struct nft *n, uint32_t key)
{
    struct expr x = begin(n, "meta");
    netlink_put_be32(&n->request, NFTA_META_DREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_META_KEY, key);
    end(n, x);
}

static void payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t len)
{
    struct expr x = begin(n, "payload");
    netlink_put_be32(&n->request, NFTA_PAYLOAD_DREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_PAYLOAD_BASE, base);
    netlink_put_be32(&n->request, NFTA_PAYLOAD_OFFSET, offset);
    netlink_put_be32(&n->request, NFTA_PAYLOAD_LEN, len);
    end(n, x);
}

static void interface(struct nft *n, uint32_t key, bool same, const char *text)
{
    char padded[IFNAMSIZ] = "";
    snprintf(padded, sizeof(padded), "%s", text);
    meta(n, key);
    compare(n, same, padded, sizeof(padded));
}

void nft_iifname(struct nft *n, bool same, const char *text)
{
    interface(n, NFT_META_IIFNAME, same, text);
}

void nft_oifname(struct nft *n, bool same, const char *text)
{
    interface(n, NFT_META_OIFNAME, same, text);
}

void nft_saddr(struct nft *n, struct in_addr address, unsigned bytes)
{
    payload(n, NFT_PAYLOAD_NETWORK_HEADER, 12, bytes);
    compare(n, true, &address, bytes);
}

void nft_daddr(struct nft *n, struct in_addr address, unsigned bytes)
{
    payload(n, NFT_PAYLOAD_NETWORK_HEADER, 16, bytes);
    compare(n, true, &address, bytes);
}

void nft_daddr_is_local(struct nft *n)
{
    const uint32_t local = 2; /* RTN_LOCAL, in host order as fib gives it */
    struct expr x = begin(n, "fib");
    netlink_put_be32(&n->request, NFTA_FIB_DREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    netlink_put_be32(&n->request, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    end(n, x);
    compare(n, true, &local, sizeof(local));
}

void nft_l4(struct nft *n, uint8_t protocol, uint16_t dport)
{
    const uint16_t wire = htons(dport);
    meta(n, NFT_META_L4PROTO);
    compare(n, true, &protocol, sizeof(protocol));
    payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(wire));
    compare(n, true, &wire, sizeof(wire));
}

static void mask(struct nft *n, const uint32_t *bits)
{
    const uint32_t zero = 0;
    struct expr x = begin(n, "bitwise");
    netlink_put_be32(&n->request, NFTA_BITWISE_SREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_BITWISE_DREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_BITWISE_LEN, sizeof(*bits));
    value(n, NFTA_BITWISE_MASK, bits, sizeof(*bits));
    value(n, NFTA_BITWISE_XOR, &zero, sizeof(zero));
    end(n, x);
}

void nft_saddr_in(struct nft *n, const struct subnet *s)
{
    const uint32_t bits = htonl(~subnet_last(s) & ~1u), base = htonl(s->base);
    payload(n, NFT_PAYLOAD_NETWORK_HEADER, 12, sizeof(base));
    mask(n, &bits);
    compare(n, true, &base, sizeof(base));
}

/* Bits of a connection's word: whether any of them is set, or none is. */
static void ct(struct nft *n, uint32_t key, uint32_t bits, bool any)
{
    const uint32_t zero = 0;
    struct expr x = begin(n, "ct");
    netlink_put_be32(&n->request, NFTA_CT_DREG, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_CT_KEY, key);
    end(n, x);
    mask(n, &bits);
    compare(n, !any, &zero, sizeof(zero));
}

void nft_ct_state(struct nft *n, uint32_t any)
{
    ct(n, NFT_CT_STATE, any, true);
}

void nft_ct_dnat(struct nft *n, bool is)
{
    ct(n, NFT_CT_STATUS, IPS_DST_NAT, is);
}

/* ---- verdicts ---- */

static void immediate(struct nft *n, uint32_t reg, const void *data, size_t len)
{
    struct expr x = begin(n, "immediate");
    netlink_put_be32(&n->request, NFTA_IMMEDIATE_DREG, reg);
    value(n, NFTA_IMMEDIATE_DATA, data, len);
    end(n, x);
}

void nft_dnat(struct nft *n, struct in_addr to, uint16_t port)
{
    const uint16_t wire = htons(port);
    immediate(n, NFT_REG_1, &to, sizeof(to));
    immediate(n, NFT_REG_2, &wire, sizeof(wire));
    struct expr x = begin(n, "nat");
    netlink_put_be32(&n->request, NFTA_NAT_TYPE, NFT_NAT_DNAT);
    netlink_put_be32(&n->request, NFTA_NAT_FAMILY, NFPROTO_IPV4);
    netlink_put_be32(&n->request, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
    netlink_put_be32(&n->request, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
    end(n, x);
}

void nft_masquerade(struct nft *n)
{
    end(n, begin(n, "masq"));
}

static void verdict(struct nft *n, uint32_t code)
{
    struct expr x = begin(n, "immediate");
    netlink_put_be32(&n->request, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    size_t data = netlink_nest(&n->request, NFTA_IMMEDIATE_DATA, NULL, 0),
           word = netlink_nest(&n->request, NFTA_DATA_VERDICT, NULL, 0);
    netlink_put_be32(&n->request, NFTA_VERDICT_CODE, code);
    netlink_nest_end(&n->request, word);
    netlink_nest_end(&n->request, data);
    end(n, x);
}

void nft_accept(struct nft *n)
{
    verdict(n, NF_ACCEPT);
}

void nft_drop(struct nft *n)
{
    verdict(n, NF_DROP);
}

/* ---- talking ---- */

int nft_send(struct nft *n, int fd)
{
    batch(&n->request, NFNL_MSG_BATCH_END);
    return netlink_send(fd, &n->request);
}
