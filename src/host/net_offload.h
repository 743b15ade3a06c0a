// SPDX-License-Identifier: GPL-2.0-or-later
/* net_offload: what a guest left for the network card to do to its frames. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_HDR_BYTES 12 /* struct virtio_net_hdr_v1 */

/*
 * Fill in the checksum that a header asks for. packet: header and frame, len bytes in all, whatever a guest
 * wrote. A large TCP segment (TSO, IPv4) stays one: our network takes them whole.
 * False: nonsense, or an offload that was never offered; to be dropped.
 */
bool net_offload(uint8_t *packet, size_t len);
