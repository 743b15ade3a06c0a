// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_limits: the parts of cgroup_apply, a function per controller and version. */
#pragma once

#include "container/cgroup.h"

/* Write to the folder with that controller; without one: -EOPNOTSUPP. A number that is UNSET is not written.
 */
int cgroup_limit(const struct cgroup *g, const char *controller, const char *file, const char *text,
                 struct err *e);
int cgroup_limit_number(const struct cgroup *g, const char *controller, const char *file, int64_t n,
                        struct err *e);
bool cgroup_is_v2(const struct cgroup *g, const char *controller);

int cgroup1_memory(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup1_cpu(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup1_cpuset(const struct cgroup *g, const struct resources *r, struct err *e); /* the same in v2 */
int cgroup1_blkio(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup1_hugetlb(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup1_network(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup2_memory(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup2_cpu(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup2_io(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup2_hugetlb(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup2_unified(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup_refuse_network(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup_pids_limit(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup_rdma(const struct cgroup *g, const struct resources *r, struct err *e);

/* Device rules: v1 by devices.allow and .deny, v2 by a BPF program. */
int cgroup_devices(const struct cgroup *g, const struct resources *r, struct err *e);
int cgroup1_devices(const struct cgroup_dir *d, const struct device_rule *rule, unsigned nr, struct err *e);
int cgroup2_devices(const struct cgroup_dir *d, const struct device_rule *rule, unsigned nr, struct err *e);
/* The instructions of that program (struct bpf_insn), malloc'd. */
struct bpf_insn;
struct bpf_insn *cgroup2_device_program(const struct device_rule *rule, unsigned nr, unsigned *ret_nr);

/* OCI's numbers are v1's: 2..262144 shares to 1..10000 weight, 10..1000 to 1..10000. */
uint64_t cgroup2_cpu_weight(uint64_t shares);
uint64_t cgroup2_io_weight(uint64_t weight);
