// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netlink: requests to the kernel's network configuration (rtnetlink, nfnetlink), and its answers.
 *
 * A request is one or more messages in a buffer: netlink_message begins one, the put functions add attributes
 * to the last. What does not fit makes the sending fail with -EMSGSIZE.
 * Source: Linux, Documentation/userspace-api/netlink/intro.rst; netlink(7).
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"

#define NETLINK_REQUEST_MAX 98304 /* 64 published ports take 70 KB */

struct netlink_request {
    size_t len, at; /* bytes in all; where the last message begins */
    bool full;
    uint32_t nr; /* messages */
    _Alignas(struct nlmsghdr) char buf[NETLINK_REQUEST_MAX];
};

void netlink_init(struct netlink_request *r);
/* flags on top of NLM_F_REQUEST; head: the fixed part behind the header. */
void netlink_message(struct netlink_request *r, unsigned type, unsigned flags, const void *head, size_t len);
void netlink_put(struct netlink_request *r, unsigned type, const void *data, size_t len);
void netlink_put_u8(struct netlink_request *r, unsigned type, uint8_t value);
void netlink_put_u32(struct netlink_request *r, unsigned type, uint32_t value);
void netlink_put_be32(struct netlink_request *r, unsigned type, uint32_t value);
void netlink_put_text(struct netlink_request *r, unsigned type, const char *text);
/* Attributes within an attribute, until the end. head (or NULL): a fixed part before them. */
size_t netlink_nest(struct netlink_request *r, unsigned type, const void *head, size_t len);
void netlink_nest_end(struct netlink_request *r, size_t nest);

/* protocol: NETLINK_ROUTE, NETLINK_NETFILTER. The descriptor, or -errno. */
int netlink_open(int protocol);
/*
 * The same in the network namespace of process pid, which takes CAP_SYS_ADMIN in ours too. Threads: the only
 * one.
 */
int netlink_open_in(pid_t pid, int protocol);

/* All messages at once; the first error of one that failed, as -errno. */
int netlink_send(int fd, const struct netlink_request *r);

/* One message, each object that it yields to see; see stops it by a value other than 0, which is returned. */
typedef int netlink_see(void *ctx, const struct nlmsghdr *message);
int netlink_ask(int fd, const struct netlink_request *r, netlink_see *see, void *ctx);

/* An attribute of a message whose fixed part is head bytes long, with at least least bytes; NULL: not there.
 */
const void *netlink_get(const struct nlmsghdr *message, size_t head, unsigned type, size_t least);
/* The same of an attribute's payload that was got so, and how long one is. */
const void *netlink_within(const void *payload, unsigned type, size_t least);
size_t netlink_length(const void *payload);
uint32_t netlink_get_u32(const struct nlmsghdr *message, size_t head, unsigned type); /* 0: not there */
