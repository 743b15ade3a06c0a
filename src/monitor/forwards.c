// SPDX-License-Identifier: GPL-2.0-or-later
/* forwards: see forwards.h. */
#include "monitor/forwards.h"

struct net_forward forward_of(const struct guest_forward *f)
{
    return (struct net_forward){
        .udp = f->udp, .host_ip = f->host_ip, .host_port = f->host_port, .guest_port = f->guest_port};
}

unsigned forwards_of(const struct guest_config *c, struct net_forward ret[GUEST_FORWARDS])
{
    for (unsigned i = 0; i < c->nr_forwards; i++)
        ret[i] = forward_of(&c->forwards[i]);
    return c->nr_forwards;
}
