// SPDX-License-Identifier: GPL-2.0-or-later
/* landlock: see landlock.h. Constants are here, as this kernel's headers may be older than the kernel. */
#include "container/landlock.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

struct ruleset { /* struct landlock_ruleset_attr */
    uint64_t fs, net, scoped;
};
struct __attribute__((packed)) path_beneath { /* struct landlock_path_beneath_attr */
    uint64_t allowed;
    int32_t parent;
};
#define VERSION           1u /* a flag of landlock_create_ruleset */
#define RULE_PATH_BENEATH 1
#define ACCESS_FIRST      0x1fffull /* version 1: execute to make_sym */
#define ACCESS_REFER      (1ull << 13)
#define ACCESS_TRUNCATE   (1ull << 14)
#define ACCESS_IOCTL_DEV  (1ull << 15)
#define SCOPE_ABSTRACT    (1ull << 0)

static uint64_t accesses(long version)
{
    return ACCESS_FIRST | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0) |
           (version >= 5 ? ACCESS_IOCTL_DEV : 0);
}

int landlock_confine(bool abstract, struct err *e)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION);
    if (version < 1)
        return 0;
    const struct ruleset r = {.fs = accesses(version),
                              .scoped = abstract && version >= 6 ? SCOPE_ABSTRACT : 0};
    OWN_FD rules = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
    OWN_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct path_beneath p = {r.fs, root};
    if (rules < 0 || root < 0 || syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &p, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        return err_sys(e, "Landlock");
    return 0;
}
