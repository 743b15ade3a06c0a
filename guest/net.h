// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net: the first network card with the addresses that user-mode networking gives: 10.0.2.15/24,
 * router 10.0.2.2, name server 10.0.2.3. Known beforehand, so nobody waits for DHCP.
 */
#pragma once

#include <stdbool.h>

void net_up(bool card); /* loopback, and the card too */

/* Host name, /etc/resolv.conf and /etc/hosts, the files only if they say nothing yet. Before the image's init
 * /etc/hostname too, and dangling links of the image are left to it. */
void net_names(const char *host_name, bool name_server, bool image_init);
