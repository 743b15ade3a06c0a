// SPDX-License-Identifier: GPL-2.0-or-later
/* caps: see caps.h. Source: capabilities(7). */
#include "container/caps.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_LIMIT 64

int caps_bound(const struct process_config *p, struct err *e)
{
    for (int i = 0; i < CAP_LIMIT; i++) {
        if (p->caps[CAPS_BOUNDING] & (1ull << i))
            continue;
        if (prctl(PR_CAPBSET_DROP, i) == 0)
            continue;
        if (errno == EINVAL)
            return 0; /* beyond the kernel's last one */
        if (prctl(PR_CAPBSET_READ, i) == 1)
            return err_sys(e, "drop capability %d", i);
    }
    return 0;
}

static int get(uint64_t *permitted)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {0};
    if (syscall(SYS_capget, &h, d) < 0)
        return -errno;
    *permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    return 0;
}

static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];
    for (int i = 0; i < 2; i++)
        d[i] = (struct __user_cap_data_struct){.effective = (uint32_t)(effective >> (32 * i)),
                                               .permitted = (uint32_t)(permitted >> (32 * i)),
                                               .inheritable = (uint32_t)(inheritable >> (32 * i))};
    return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int become(const struct process_config *p, bool set_groups, struct err *e)
{
    if (prctl(PR_SET_KEEPCAPS, 1) < 0)
        return err_sys(e, "keep capabilities");
    if (set_groups && setgroups(p->nr_groups, p->groups) < 0)
        return err_sys(e, "set additional groups");
    if (setresgid(p->gid, p->gid, p->gid) < 0)
        return err_sys(e, "become group %u", p->gid);
    if (setresuid(p->uid, p->uid, p->uid) < 0)
        return err_sys(e, "become user %u", p->uid);
    return 0;
}

static void raise_ambient(uint64_t ambient)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; i < CAP_LIMIT; i++)
        if (ambient & (1ull << i))
            (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0,
                        0); /* not inheritable: it has no effect */
}

int caps_become(const struct process_config *p, bool set_groups, uint64_t *ret_lacking, struct err *e)
{
    uint64_t have = 0, want = p->caps[CAPS_PERMITTED] | p->caps[CAPS_EFFECTIVE] | p->caps[CAPS_INHERITABLE];
    int rc = become(p, set_groups, e);
    if (rc < 0)
        return rc;
    if ((rc = get(&have)) < 0)
        return err_code(e, rc, "read capabilities");
    *ret_lacking = want & ~have;
    uint64_t permitted = p->caps[CAPS_PERMITTED] & have, effective = p->caps[CAPS_EFFECTIVE] & permitted;
    uint64_t inheritable = p->caps[CAPS_INHERITABLE] & have;
    if ((rc = set(effective, permitted, inheritable)) < 0)
        return err_code(e, rc, "set capabilities");
    raise_ambient(p->caps[CAPS_AMBIENT] & permitted & inheritable);
    return 0;
}
