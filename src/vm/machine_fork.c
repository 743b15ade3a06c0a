// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * machine_fork: a machine before and after fork(2) of its process. The child has its memory, devices and
 * loop, but none of its CPUs' threads.
 */
#include "vm/machine_impl.h"

int machine_before_fork(struct machine *m, struct err *e)
{
    BUG_ON(m->running);
    const struct engine_ops *ops = m->engine->ops;
    if (!ops->before_fork)
        return err_set(e, -EOPNOTSUPP, "machines of engine %s cannot be forked", ops->name);
    return ops->before_fork(m->engine, e);
}

int machine_after_fork(struct machine *m, struct err *e)
{
    pthread_cond_init(&m->changed, NULL); /* whoever waited is not here */
    for (unsigned i = 0; i < m->config.cpus; i++)
        m->cpus[i].started = m->cpus[i].parked = false;
    return m->engine->ops->after_fork(m->engine, e);
}
