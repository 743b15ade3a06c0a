// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure parts of cgroups: names, weights, and the device program, run by a small interpreter here. */
#include "unit.h"

#include <linux/bpf.h>
#include <stdbool.h>

#include "base/own.h"
#include "container/cgroup_limits.h"
#include "container/cgroup_systemd.h"

static void a_path_cannot_lead_out(void **s)
{
    (void)s;
    struct cgroup g;
    assert_int_equal(cgroup_find("/a/../b", "x", &g, NULL), -EINVAL);
    assert_int_equal(cgroup_find("/", "x", &g, NULL), -EINVAL);
    assert_int_equal(cgroup_find("//a/./b/", "x", &g, NULL), 0);
    assert_string_equal(g.path, "/a/b");
    assert_int_equal(cgroup_find(NULL, "x", &g, NULL), 0);
    assert_string_equal(g.path, "/hospes-x");
}

static void weights_cover_the_whole_range(void **s)
{
    (void)s;
    assert_int_equal(cgroup2_cpu_weight(2), 1);
    assert_int_equal(cgroup2_cpu_weight(262144), 10000);
    assert_int_equal(cgroup2_cpu_weight(1024), 39);
    assert_int_equal(cgroup2_io_weight(10), 1);
    assert_int_equal(cgroup2_io_weight(1000), 10000);
}

static void scopes_are_named_as_engines_expect(void **s)
{
    (void)s;
    struct scope n;
    assert_int_equal(scope_name("machine.slice:libpod:abc", "x", false, &n, NULL), 0);
    assert_string_equal(n.unit, "libpod-abc.scope");
    assert_string_equal(n.path, "/machine.slice/libpod-abc.scope");
    assert_int_equal(scope_name("kubepods-burstable-pod7.slice:cri-containerd:9f", "x", false, &n, NULL), 0);
    assert_string_equal(
        n.path,
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/cri-containerd-9f.scope");
    assert_int_equal(scope_name("-.slice::abc", "x", false, &n, NULL), 0);
    assert_string_equal(n.path, "/abc.scope");
    assert_int_equal(scope_name(NULL, "one", false, &n, NULL), 0);
    assert_string_equal(n.path, "/system.slice/hospes-one.scope");
    assert_int_equal(scope_name("", "one", true, &n, NULL), 0);
    assert_string_equal(n.slice, "user.slice");
}

static void what_is_no_scope_is_refused(void **s)
{
    (void)s;
    struct scope n;
    const char *const bad[] = {"/a/b",           "a:b",          "a.slice:b",      "noslice:p:n",
                               "a--b.slice:p:n", "-a.slice:p:n", "a.slice:p:../x", "../a.slice:p:n",
                               "a.slice:p:n/x",  ".slice:p:n"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(scope_name(bad[i], "x", false, &n, NULL), -EINVAL);
}

/* ---- the program ---- */

static bool jumps(const struct bpf_insn *i, const uint64_t *reg)
{
    uint64_t right = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm;
    return BPF_OP(i->code) == BPF_JNE ? reg[i->dst_reg] != right : reg[i->dst_reg] == right;
}

static uint64_t calculate(const struct bpf_insn *i, const uint64_t *reg)
{
    uint64_t right = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm,
             left = reg[i->dst_reg];
    switch (BPF_OP(i->code)) {
    case BPF_AND:
        return left & right;
    case BPF_RSH:
        return left >> right;
    default:
        return right;
    }
}

static bool allowed(const struct device_rule *rule, unsigned nr, char type, uint32_t access, uint32_t major,
                    uint32_t minor)
{
    const uint32_t ctx[] = {(access << 16) | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major,
                            minor};
    uint64_t reg[11] = {0};
    unsigned count;
    OWN_MEM struct bpf_insn *p = cgroup2_device_program(rule, nr, &count);
    assert_non_null(p);
    for (unsigned pc = 0; pc < count; pc++) {
        const struct bpf_insn *i = &p[pc];
        if (i->code == (BPF_JMP | BPF_EXIT))
            return reg[0];
        if (BPF_CLASS(i->code) == BPF_LDX)
            reg[i->dst_reg] = ctx[i->off / 4];
        else if (BPF_CLASS(i->code) == BPF_JMP)
            pc += jumps(i, reg) ? (unsigned)i->off : 0;
        else
            reg[i->dst_reg] = calculate(i, reg);
    }
    fail_msg("the program runs over its end");
    return false;
}

enum { MKNOD = 1, READ = 2, WRITE = 4 };

static void the_last_rule_decides(void **s)
{
    (void)s;
    const struct device_rule rules[] = {
        {false, 'a', -1, -1, true, true, true},
        {true, 'c', 1, 3, true, true, true},
        {true, 'b', 8, -1, true, false, false},
        {false, 'c', 1, 3, false, true, false},
    };
    assert_true(allowed(rules, 2, 'c', READ | WRITE, 1, 3));
    assert_false(allowed(rules, 4, 'c', WRITE, 1, 3));
    assert_false(allowed(rules, 4, 'c', READ | WRITE, 1, 3));
    assert_true(allowed(rules, 4, 'c', READ, 1, 3));
    assert_false(allowed(rules, 4, 'b', READ, 1, 3));
    assert_false(allowed(rules, 4, 'c', READ, 1, 5));
    assert_true(allowed(rules, 4, 'b', READ, 8, 77));
    assert_false(allowed(rules, 4, 'b', READ | WRITE, 8, 77));
    assert_false(allowed(rules, 4, 'b', MKNOD, 8, 77));
}

static void without_a_rule_for_all_the_rest_is_allowed(void **s)
{
    (void)s;
    const struct device_rule rules[] = {{false, 'b', -1, -1, true, true, true}};
    assert_false(allowed(rules, 1, 'b', READ, 8, 0));
    assert_true(allowed(rules, 1, 'c', READ, 1, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_cannot_lead_out),
        cmocka_unit_test(weights_cover_the_whole_range),
        cmocka_unit_test(scopes_are_named_as_engines_expect),
        cmocka_unit_test(what_is_no_scope_is_refused),
        cmocka_unit_test(the_last_rule_decides),
        cmocka_unit_test(without_a_rule_for_all_the_rest_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
