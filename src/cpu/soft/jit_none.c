// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_none: no translator. Every instruction goes through the stepper.
 */
#include "cpu/soft/soft.h"

int jit_new(struct soft *s, struct jit **ret, struct err *e)
{
    (void)s, (void)e;
    *ret = NULL;
    return 0;
}

void jit_free(struct jit *j)
{
    (void)j;
}

bool jit_run(struct vcpu *v)
{
    (void)v;
    return true;
}

void jit_jcache_clear(struct vcpu *v)
{
    (void)v;
}

void jit_flush_all(struct soft *s)
{
    (void)s;
}

void jit_quiesce(struct vcpu *v)
{
    atomic_fetch_and(&v->request, ~REQ_QUIESCE);
}

void jit_invalidate(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size)
{
    (void)s, (void)v, (void)gpa, (void)size;
}

bool jit_host_fault(struct vcpu *v, const struct host_fault *f)
{
    (void)v, (void)f;
    return false;
}
