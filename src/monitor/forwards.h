// SPDX-License-Identifier: GPL-2.0-or-later
/* forwards: published ports as the configuration has them, and as the networks of host/ take them. */
#pragma once

#include "host/net_forward.h"
#include "monitor/guest.h"

struct net_forward forward_of(const struct guest_forward *f);
/* All of a guest; ret holds GUEST_FORWARDS. The number. */
unsigned forwards_of(const struct guest_config *c, struct net_forward ret[GUEST_FORWARDS]);
