// SPDX-License-Identifier: GPL-2.0-or-later
/* nft_look: the part of nft.h that only reads. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "host/nft.h"
#include "host/nft_impl.h"

static bool is_comment(const void *data, const char *text)
{
    char want[NFT_COMMENT_MAX];
    size_t n = nft_user_data(text, want);
    return data && netlink_length(data) == n && memcmp(data, want, n) == 0;
}

static int see_table(void *ctx, const struct nlmsghdr *m)
{
    const char *comment = ctx;
    const void *data = netlink_get(m, sizeof(struct nfgenmsg), NFTA_TABLE_USERDATA, 0);
    return !comment || is_comment(data, comment) ? 0 : -ESTALE;
}

int nft_look(int fd, const char *name, const char *comment)
{
    struct netlink_request r;
    netlink_init(&r);
    nft_message(&r, NFT_MSG_GETTABLE, 0);
    netlink_put_text(&r, NFTA_TABLE_NAME, name);
    return netlink_ask(fd, &r, see_table, (void *)(uintptr_t)comment);
}

static int see_policy(void *ctx, const struct nlmsghdr *m)
{
    uint32_t *policy = ctx;
    *policy = ntohl(netlink_get_u32(m, sizeof(struct nfgenmsg), NFTA_CHAIN_POLICY));
    return 0;
}

int nft_policy(int fd, const char *of, const char *chain, uint32_t *ret)
{
    struct netlink_request r;
    netlink_init(&r);
    nft_message(&r, NFT_MSG_GETCHAIN, 0);
    netlink_put_text(&r, NFTA_CHAIN_TABLE, of);
    netlink_put_text(&r, NFTA_CHAIN_NAME, chain);
    return netlink_ask(fd, &r, see_policy, ret);
}

struct sought {
    const char *comment;
    bool found;
};

static int see_rule(void *ctx, const struct nlmsghdr *m)
{
    struct sought *s = ctx;
    s->found |= is_comment(netlink_get(m, sizeof(struct nfgenmsg), NFTA_RULE_USERDATA, 0), s->comment);
    return 0;
}

int nft_look_for_rule(int fd, const char *of, const char *chain, const char *comment)
{
    struct sought s = {.comment = comment};
    struct netlink_request r;
    netlink_init(&r);
    nft_message(&r, NFT_MSG_GETRULE, NLM_F_DUMP);
    netlink_put_text(&r, NFTA_RULE_TABLE, of);
    netlink_put_text(&r, NFTA_RULE_CHAIN, chain);
    int rc = netlink_ask(fd, &r, see_rule, &s);
    return rc < 0 ? rc : s.found ? 0 : -ENOENT;
}
