// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor_net: see doctor_net.h. */
#include "cli/doctor_net.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/bridge_look.h"

static void without_bridge(struct finding *f, const char *why)
{
    bool tun = access("/dev/net/tun", R_OK | W_OK) == 0;
    f->level = tun ? DOCTOR_OK : DOCTOR_WARN;
    snprintf(f->text, sizeof(f->text), "containers get %s (%.120s)",
             tun ? "a network in user mode" : "no network of their own", why);
    if (!tun)
        snprintf(f->advice, sizeof(f->advice),
                 "let this user open /dev/net/tun (chmod 666, as most systems have it), or use --net none or "
                 "host");
}

void doctor_look_bridge(struct finding *f)
{
    struct bridge_look l;
    struct err e;
    char subnet[SUBNET_TEXT];
    int rc = geteuid() ? -EPERM : bridge_look(&l, &e);
    if (rc < 0) {
        without_bridge(f, geteuid() ? "a bridge takes root's rights" : e.text);
        return;
    }
    subnet_text(&l.subnet, subnet);
    f->level = DOCTOR_OK;
    snprintf(f->text, sizeof(f->text), "containers get addresses of %s%s", subnet,
             l.there ? "" : ", once the first one makes the bridge");
}
