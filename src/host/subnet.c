// SPDX-License-Identifier: GPL-2.0-or-later
/* subnet: see subnet.h. */
#include "host/subnet.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FIRST 2u /* 1 is the gateway */

static uint32_t mask(unsigned bits)
{
    return bits ? UINT32_MAX << (32 - bits) : 0;
}

int subnet_parse(const char *text, struct subnet *ret, struct err *e)
{
    char address[INET_ADDRSTRLEN] = "", more;
    struct in_addr base;
    unsigned bits;
    bool read = sscanf(text, "%15[0-9.]/%2u%c", address, &bits, &more) == 2 &&
                inet_pton(AF_INET, address, &base) == 1 && bits >= 8 && bits <= 28;
    if (!read || ntohl(base.s_addr) & ~mask(bits))
        return err_set(e, -EINVAL,
                       "not a subnet for containers: %.40s (like 10.87.0.0/16, with 8 to 28 bits)", text);
    *ret = (struct subnet){ntohl(base.s_addr), bits};
    return 0;
}

void subnet_text(const struct subnet *s, char text[SUBNET_TEXT])
{
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &(struct in_addr){htonl(s->base)}, address, sizeof(address));
    snprintf(text, SUBNET_TEXT, "%s/%u", address, s->bits);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
    uint32_t m = mask(a->bits < b->bits ? a->bits : b->bits);
    return (a->base & m) == (b->base & m);
}

static bool is_free(const struct subnet *s, const struct subnet *taken, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (taken[i].bits && subnet_overlaps(s, &taken[i]))
            return false;
    return true;
}

/* Podman has 10.88 and takes on from 10.89, Docker 172.17 to 172.31, Kubernetes 10.96, 10.244, k3s 10.42. */
int subnet_choose(const struct subnet *taken, size_t nr, struct subnet *ret, struct err *e)
{
    static const struct subnet ours[] = {{0x0a570000, 16}, {0x0a560000, 16}, {0x0a550000, 16},
                                         {0x0a230000, 16}, {0xac1e0000, 16}, {0xac100000, 16},
                                         {0xc0a8d800, 21}, {0xc0a85000, 21}};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (is_free(&ours[i], taken, nr)) {
            *ret = ours[i];
            return 0;
        }
    return err_set(e, -EADDRINUSE,
                   "all subnets for containers overlap this host's routes: HOSPES_SUBNET=ADDRESS/BITS names "
                   "another");
}

/* The highest is the broadcast address. */
uint32_t subnet_last(const struct subnet *s)
{
    return ~mask(s->bits) - 1;
}

struct in_addr subnet_address(const struct subnet *s, uint32_t number)
{
    return (struct in_addr){htonl(s->base + number)};
}

uint32_t subnet_number(const struct subnet *s, const char *name, uint32_t i)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    uint32_t nr = subnet_last(s) - FIRST + 1;
    return FIRST + (h % nr + i % nr) % nr;
}
