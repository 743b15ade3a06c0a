// SPDX-License-Identifier: GPL-2.0-or-later
/* container_dns: who answers a bridged container's questions for names. */
#pragma once

/*
 * The text of /etc/resolv.conf, malloc'd (NULL: out of memory): the host's, without servers that only the
 * host itself reaches (127.0.0.53 and its like; IPv6). When none is left, those that systemd-resolved asks;
 * else public ones.
 */
char *container_dns(void);

/* One file's lines without such servers; *ret_servers: how many are left. NULL: out of memory. */
char *container_dns_filter(const char *text, unsigned *ret_servers);
