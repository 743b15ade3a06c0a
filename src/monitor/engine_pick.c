// SPDX-License-Identifier: GPL-2.0-or-later
/* engine_pick: see engine_pick.h. */
#include "monitor/engine_pick.h"

#include "base/file.h"
#include "base/paths.h"
#include "cpu/probe.h"

static void probe(struct probe_result *ret)
{
    OWN_MEM char *run = NULL;
    OWN_MEM char *cache = NULL;
    if (paths_run(&run, NULL) == 0)
        cache = path_make("%s/.kvm-probe", run); /* no guest's name starts with a dot */
    probe_kvm(cache, ret);
}

int engine_pick(enum guest_engine wanted, const struct engine_ops **ret, char **ret_why, struct err *e)
{
    struct probe_result r;
    *ret = &engine_soft;
    if (wanted == GUEST_ENGINE_SOFT)
        return 0;
    probe(&r);
    if (r.verdict == PROBE_USABLE) {
        *ret = &engine_kvm;
        return 0;
    }
    if (wanted == GUEST_ENGINE_KVM) {
        if (r.verdict != PROBE_BROKEN)
            return err_set(e, -ENOTSUP, "engine kvm: %s", r.reason);
        /* Who asks for it gets it: a busy host may just have been too slow for the probe. */
        *ret = &engine_kvm;
        *ret_why = path_make("engine kvm is used as asked, but it may not work here: %s", r.reason);
        return 0;
    }
    if (r.verdict != PROBE_MISSING)
        *ret_why = path_make("engine soft is used: KVM does not work here: %s", r.reason);
    return 0;
}
