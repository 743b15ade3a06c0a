// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_bpf: device rules of cgroup v2: a small BPF program that the kernel asks at each open and mknod.
 *
 * The last rule that matches decides, as in v1, so the program looks at them from the last to the first. It
 * gets struct bpf_cgroup_dev_ctx: access_type (kind in the low half, access wanted in the high one), major,
 * minor. Source: linux/bpf.h, bpf(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "container/cgroup_limits.h"

#define PER_RULE 12

struct program {
    struct bpf_insn *insn;
    unsigned nr;
};

static void emit(struct program *p, unsigned code, unsigned dst, unsigned src, int off, int imm)
{
    p->insn[p->nr++] = (struct bpf_insn){
        .code = (__u8)code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (__s16)off, .imm = imm};
}

/* r2 = kind, r3 = access, r4 = major, r5 = minor */
static void load(struct program *p)
{
    emit(p, BPF_LDX | BPF_W | BPF_MEM, 2, 1, 0, 0);
    emit(p, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
    emit(p, BPF_LDX | BPF_W | BPF_MEM, 3, 1, 0, 0);
    emit(p, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
    emit(p, BPF_LDX | BPF_W | BPF_MEM, 4, 1, 4, 0);
    emit(p, BPF_LDX | BPF_W | BPF_MEM, 5, 1, 8, 0);
}

static void answer(struct program *p, bool allow)
{
    emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow);
    emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Each test jumps over the rest of its rule; the distance is filled in when the rule's end is known. */
static void unless_equal(struct program *p, unsigned reg, int64_t n)
{
    if (n >= 0)
        emit(p, BPF_JMP | BPF_JNE | BPF_K, reg, 0, -1, (int)n);
}

static int access_bits(const struct device_rule *r)
{
    return (r->read ? BPF_DEVCG_ACC_READ : 0) | (r->write ? BPF_DEVCG_ACC_WRITE : 0) |
           (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* An allow rule must cover all that is wanted, a deny rule hits if it covers any of it. */
static void test_access(struct program *p, const struct device_rule *r)
{
    int bits = access_bits(r);
    if (bits == (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD))
        return;
    emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
    emit(p, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, bits);
    if (r->allow)
        emit(p, BPF_JMP | BPF_JNE | BPF_X, 1, 3, -1, 0);
    else
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, -1, 0);
}

static void one_rule(struct program *p, const struct device_rule *r)
{
    unsigned start = p->nr;
    if (r->type != 'a') {
        unless_equal(p, 2, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        unless_equal(p, 4, r->major);
        unless_equal(p, 5, r->minor);
    }
    test_access(p, r);
    answer(p, r->allow);
    for (unsigned i = start; i < p->nr; i++)
        if (p->insn[i].off == -1)
            p->insn[i].off = (__s16)(p->nr - i - 1);
}

struct bpf_insn *cgroup2_device_program(const struct device_rule *rule, unsigned nr, unsigned *ret_nr)
{
    struct program p = {.insn = calloc(8 + nr * PER_RULE, sizeof(struct bpf_insn))};
    bool all = false;
    if (!p.insn)
        return NULL;
    load(&p);
    for (unsigned i = nr; i > 0 && !all; i--) {
        one_rule(&p, &rule[i - 1]);
        /* What lies before a rule for everything is never reached, and the kernel refuses dead code. */
        all = rule[i - 1].type == 'a' && access_bits(&rule[i - 1]) == 7;
    }
    if (!all)
        answer(&p, true); /* no rule: as without any */
    *ret_nr = p.nr;
    return p.insn;
}

static int load_program(const struct bpf_insn *insn, unsigned nr)
{
    union bpf_attr a = {0};
    a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    a.insns = (uintptr_t)insn;
    a.insn_cnt = nr;
    a.license = (uintptr_t)"GPL";
    memcpy(a.prog_name, "hospes_devices", sizeof("hospes_devices"));
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
    return fd < 0 ? -errno : fd;
}

int cgroup2_devices(const struct cgroup_dir *d, const struct device_rule *rule, unsigned nr, struct err *e)
{
    unsigned insns;
    OWN_MEM struct bpf_insn *insn = cgroup2_device_program(rule, nr, &insns);
    if (!insn)
        return err_code(e, -ENOMEM, "device rules");
    OWN_FD program = load_program(insn, insns);
    if (program < 0 && geteuid() != 0)
        return 0; /* an ordinary user cannot open devices either */
    if (program < 0)
        return err_code(e, program, "cgroup: load the device rules");
    OWN_FD dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    union bpf_attr a = {0};
    a.target_fd = (unsigned)dir;
    a.attach_bpf_fd = (unsigned)program;
    a.attach_type = BPF_CGROUP_DEVICE;
    a.attach_flags = BPF_F_ALLOW_MULTI;
    if (dir < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)) < 0)
        return err_sys(e, "cgroup: attach the device rules to %s", d->path);
    return 0;
}
