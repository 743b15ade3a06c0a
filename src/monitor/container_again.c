// SPDX-License-Identifier: GPL-2.0-or-later
/* container_again: see container_again.h. */
#include "monitor/container_again.h"

#define FIRST_NS   100000000u   /* doubled each time, */
#define LONGEST_NS 60000000000u /* up to this, */
#define WELL_NS    10000000000u /* and from the beginning when it ran for so long */

void container_again_init(struct container_again *a, const struct guest_config *c)
{
    *a = (struct container_again){.delay_ns = FIRST_NS / 2};
    (void)guest_restart_parse(c->container.restart, &a->policy, NULL); /* checked before */
}

bool container_again_wanted(struct container_again *a, int status)
{
    if (loop_now_ns() - a->began_ns > WELL_NS) {
        a->failures = 0;
        a->delay_ns = FIRST_NS / 2;
    }
    a->failures += status != 0;
    bool patient = !a->policy.max || a->failures <= a->policy.max;
    if (!a->policy.always && !(a->policy.on_failure && status != 0 && patient))
        return false;
    a->delay_ns = a->delay_ns * 2 > LONGEST_NS ? LONGEST_NS : a->delay_ns * 2;
    a->times++;
    return true;
}
