// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_offload: see net_offload.h.
 *
 * Source: virtio 1.2, "Network Device", "Packet Transmission": with NEEDS_CSUM the field at csum_start +
 * csum_offset holds the sum of the pseudo header; the checksum covers csum_start to the end.
 */
#include "host/net_offload.h"

#include <endian.h>
#include <linux/virtio_net.h>
#include <string.h>

_Static_assert(sizeof(struct virtio_net_hdr_v1) == NET_HDR_BYTES, "the header of virtio 1.x");

/* Internet checksum (RFC 1071), 32 bits at a time: the sum is the same in any byte order. */
static uint16_t checksum(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;
    for (; len >= 4; data += 4, len -= 4) {
        uint32_t word;
        memcpy(&word, data, 4);
        sum += word;
    }
    uint32_t rest = 0;
    memcpy(&rest, data, len);
    sum += rest;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static bool complete(uint8_t *frame, size_t len, size_t start, size_t offset)
{
    if (start >= len || offset + 2 > len - start)
        return false;
    uint16_t sum = checksum(frame + start, len - start);
    if (sum == 0)
        sum = 0xffff; /* the same number, and not UDP's "no checksum" */
    memcpy(frame + start + offset, &sum, sizeof(sum));
    return true;
}

bool net_offload(uint8_t *packet, size_t len)
{
    struct virtio_net_hdr_v1 h;
    if (len < sizeof(h))
        return false;
    memcpy(&h, packet, sizeof(h));
    unsigned gso = h.gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
    if (gso != VIRTIO_NET_HDR_GSO_NONE && gso != VIRTIO_NET_HDR_GSO_TCPV4)
        return false;
    if (!(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return gso == VIRTIO_NET_HDR_GSO_NONE;
    return complete(packet + sizeof(h), len - sizeof(h), le16toh(h.csum_start), le16toh(h.csum_offset));
}
