// SPDX-License-Identifier: GPL-2.0-or-later
/* conntrack: see conntrack.h. Source: Linux, include/uapi/linux/netfilter/nfnetlink_conntrack.h. */
#include "host/conntrack.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/own.h"
#include "host/netlink.h"

#define AT_ONCE 256 /* tuples, some 60 bytes each */

static void message(struct netlink_request *r, unsigned type, unsigned flags)
{
    const struct nfgenmsg head = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
    netlink_message(r, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &head, sizeof(head));
}

static bool is_local(struct in_addr a)
{
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = a};
    OWN_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
}

struct sweep {
    const struct net_forward *f;
    struct netlink_request doomed;
};

/* tuple: an attribute's payload. */
static bool goes_there(const void *tuple, const struct net_forward *f)
{
    const void *ip = netlink_within(tuple, CTA_TUPLE_IP, 0),
               *proto = netlink_within(tuple, CTA_TUPLE_PROTO, 0);
    const void *to = ip ? netlink_within(ip, CTA_IP_V4_DST, 4) : NULL;
    const uint8_t *number = proto ? netlink_within(proto, CTA_PROTO_NUM, 1) : NULL;
    const void *port = proto ? netlink_within(proto, CTA_PROTO_DST_PORT, 2) : NULL;
    struct in_addr address;
    uint16_t wire;
    if (!to || !number || !port || *number != IPPROTO_UDP)
        return false;
    memcpy(&address, to, sizeof(address));
    memcpy(&wire, port, sizeof(wire));
    if (ntohs(wire) != f->host_port)
        return false;
    return f->host_ip.s_addr ? address.s_addr == f->host_ip.s_addr : is_local(address);
}

static int see(void *ctx, const struct nlmsghdr *m)
{
    struct sweep *s = ctx;
    const void *tuple = netlink_get(m, sizeof(struct nfgenmsg), CTA_TUPLE_ORIG, 0);
    if (!tuple || !goes_there(tuple, s->f) || s->doomed.nr == AT_ONCE)
        return 0;
    message(&s->doomed, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    netlink_put(&s->doomed, CTA_TUPLE_ORIG | NLA_F_NESTED, tuple, netlink_length(tuple));
    return 0;
}

void conntrack_forget(int fd, const struct net_forward *f)
{
    struct sweep s = {.f = f};
    struct netlink_request r;
    if (!f->udp)
        return;
    netlink_init(&s.doomed);
    netlink_init(&r);
    message(&r, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
    if (netlink_ask(fd, &r, see, &s) == 0 && s.doomed.nr)
        (void)netlink_send(fd, &s.doomed); /* one that has gone by itself is no trouble */
}
