// SPDX-License-Identifier: GPL-2.0-or-later
/* netlink: see netlink.h. */
#include "host/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

#define REPLY_MAX 32768 /* the kernel fills no more than that at once */

/* ---- building ---- */

void netlink_init(struct netlink_request *r)
{
    r->len = r->at = 0;
    r->full = false;
    r->nr = 0;
}

static struct nlmsghdr *last(struct netlink_request *r)
{
    return (struct nlmsghdr *)(r->buf + r->at);
}

/* Room for len bytes at the end, zeroed up to the alignment that follows; NULL: there is none. */
static void *grow(struct netlink_request *r, size_t len)
{
    size_t aligned = NLMSG_ALIGN(len);
    if (aligned > sizeof(r->buf) - r->len) {
        r->full = true;
        return NULL;
    }
    void *p = memset(r->buf + r->len, 0, aligned);
    r->len += aligned;
    if (r->nr)
        last(r)->nlmsg_len = (uint32_t)(r->len - r->at);
    return p;
}

void netlink_message(struct netlink_request *r, unsigned type, unsigned flags, const void *head, size_t len)
{
    r->at = r->len;
    r->nr++;
    if (!grow(r, NLMSG_HDRLEN + len))
        return;
    struct nlmsghdr *h = last(r);
    h->nlmsg_type = (uint16_t)type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    h->nlmsg_seq = r->nr;
    memcpy(NLMSG_DATA(h), head, len);
}

void netlink_put(struct netlink_request *r, unsigned type, const void *data, size_t len)
{
    struct nlattr *a = r->full ? NULL : grow(r, NLA_HDRLEN + len);
    if (!a)
        return;
    *a = (struct nlattr){.nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + len)};
    if (len)
        memcpy((char *)a + NLA_HDRLEN, data, len);
}

void netlink_put_u8(struct netlink_request *r, unsigned type, uint8_t value)
{
    netlink_put(r, type, &value, sizeof(value));
}

void netlink_put_u32(struct netlink_request *r, unsigned type, uint32_t value)
{
    netlink_put(r, type, &value, sizeof(value));
}

void netlink_put_be32(struct netlink_request *r, unsigned type, uint32_t value)
{
    netlink_put_u32(r, type, htonl(value));
}

void netlink_put_text(struct netlink_request *r, unsigned type, const char *text)
{
    netlink_put(r, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct netlink_request *r, unsigned type, const void *head, size_t len)
{
    size_t nest = r->len;
    netlink_put(r, type | NLA_F_NESTED, head, len);
    return nest;
}

void netlink_nest_end(struct netlink_request *r, size_t nest)
{
    if (!r->full)
        ((struct nlattr *)(r->buf + nest))->nla_len = (uint16_t)(r->len - nest);
}

/* ---- sockets ---- */

int netlink_open(int protocol)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    return fd < 0 ? -errno : fd;
}

/* A socket belongs to the namespace that it was made in. */
int netlink_open_in(pid_t pid, int protocol)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    OWN_FD own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    OWN_FD there = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
        return -errno;
    int fd = netlink_open(protocol);
    BUG_ON(setns(own, CLONE_NEWNET) < 0); /* who could leave it could enter it */
    return fd;
}

/* ---- talking ---- */

static int send_all(int fd, const struct netlink_request *r)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (r->full)
        return -EMSGSIZE;
    return sendto(fd, r->buf, r->len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
}

static int error_of(const struct nlmsghdr *h)
{
    const struct nlmsgerr *e = NLMSG_DATA(h);
    return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? -EPROTO : e->error;
}

/*
 * The kernel has answered all by the time that sendto returns. (A batch of nfnetlink that is refused as a
 * whole gets a single answer, so that answers cannot be counted.)
 */
int netlink_send(int fd, const struct netlink_request *r)
{
    _Alignas(struct nlmsghdr) char buf[REPLY_MAX];
    int rc = send_all(fd, r), error = 0;
    if (rc < 0)
        return rc;
    for (ssize_t n; (n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0;) {
        unsigned left = (unsigned)n;
        for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            if (h->nlmsg_type == NLMSG_ERROR && !error)
                error = error_of(h);
    }
    return errno != EAGAIN && errno != EINTR ? -errno : error;
}

/* 1: that was all. */
static int see_all(const char *buf, ssize_t n, bool many, netlink_see *see, void *ctx)
{
    unsigned left = (unsigned)n;
    for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 1;
        int rc = h->nlmsg_type == NLMSG_ERROR ? error_of(h) : see(ctx, h);
        if (rc)
            return rc;
    }
    return !many;
}

int netlink_ask(int fd, const struct netlink_request *r, netlink_see *see, void *ctx)
{
    _Alignas(struct nlmsghdr) char buf[REPLY_MAX];
    bool many = (((const struct nlmsghdr *)r->buf)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    int rc = send_all(fd, r);
    while (rc == 0) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        rc = n < 0 ? (errno == EINTR ? 0 : -errno) : see_all(buf, n, many, see, ctx);
    }
    return rc == 1 ? 0 : rc;
}

/* ---- reading ---- */

static const void *find(const char *at, const char *end, unsigned type, size_t least)
{
    while (at + NLA_HDRLEN <= end) {
        const struct nlattr *a = (const void *)at;
        if (a->nla_len < NLA_HDRLEN || a->nla_len > end - at)
            break;
        if ((a->nla_type & NLA_TYPE_MASK) == type)
            return a->nla_len - (size_t)NLA_HDRLEN < least ? NULL : at + NLA_HDRLEN;
        at += NLA_ALIGN(a->nla_len);
    }
    return NULL;
}

const void *netlink_get(const struct nlmsghdr *message, size_t head, unsigned type, size_t least)
{
    const char *p = (const char *)message;
    return find(p + NLMSG_HDRLEN + NLMSG_ALIGN(head), p + message->nlmsg_len, type, least);
}

size_t netlink_length(const void *payload)
{
    const struct nlattr *a = (const void *)((const char *)payload - NLA_HDRLEN);
    return a->nla_len - (size_t)NLA_HDRLEN;
}

const void *netlink_within(const void *payload, unsigned type, size_t least)
{
    const char *p = payload;
    return find(p, p + netlink_length(payload), type, least);
}

uint32_t netlink_get_u32(const struct nlmsghdr *message, size_t head, unsigned type)
{
    uint32_t value = 0;
    const void *p = netlink_get(message, head, type, sizeof(value));
    if (p)
        memcpy(&value, p, sizeof(value));
    return value;
}
