// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe: a child process runs a tiny guest (probe_guest.S) on /dev/kvm; the parent waits 50 ms at most and
 * then kills it. So a KVM that hangs, crashes or lies costs one child and no more.
 *
 * Source: Linux Documentation/virt/kvm/api.rst; Intel SDM vol. 3A, 4.5 (paging), 6.14 (64-bit IDT).
 * Memory of the guest: 0x0000 PML4, 0x1000 PDPT, 0x2000 GDT and IDT, 0x3000 code, 0x4000 CMPXCHG16B operand,
 * 0x5000 XSAVE area, 0x8000 stack; the PDPT maps the first GiB as one page.
 * Threads: any.
 */
#include "cpu/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "base/own.h"

extern const uint8_t probe_guest[], probe_guest_end[], probe_guest_int3[];

#define LIMIT_MS    50
#define LAST_STAGE  6
#define GUEST_BYTES 0x10000u
#define CODE        0x3000u
#define IDT         0x2100u

/* What the child tells the parent: the last stage it saw, or minus an errno and in which call. */
struct report {
    int stage;
    int error;
    char call[32];
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}

static void put64(uint8_t *mem, uint32_t at, uint64_t v)
{
    memcpy(mem + at, &v, sizeof(v));
}

/* An interrupt gate in ring 0's code segment. */
static void put_gate(uint8_t *mem, unsigned vector, uint64_t handler)
{
    put64(mem, IDT + 16 * vector,
          (handler & 0xffff) | 0x08ull << 16 | 0x8eull << 40 | (handler >> 16 & 0xffff) << 48);
    put64(mem, IDT + 16 * vector + 8, handler >> 32);
}

static void lay_out(uint8_t *mem)
{
    put64(mem, 0x0000, 0x1003);              /* PML4[0]: present, writable */
    put64(mem, 0x1000, 0x83);                /* PDPT[0]: 1 GiB page */
    put64(mem, 0x2008, 0x00209b0000000000u); /* 0x08: 64-bit code */
    put64(mem, 0x2010, 0x00cf93000000ffffu); /* 0x10: data */
    memcpy(mem + CODE, probe_guest, (size_t)(probe_guest_end - probe_guest));
    put_gate(mem, 3, CODE + (uint64_t)(probe_guest_int3 - probe_guest));
}

static void set_long_mode(struct kvm_sregs *s)
{
    struct kvm_segment code = {
        .selector = 0x08, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .limit = 0xffffffff};
    struct kvm_segment data = {
        .selector = 0x10, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff};
    s->cs = code;
    s->ds = s->es = s->fs = s->gs = s->ss = data;
    s->gdt.base = 0x2000;
    s->gdt.limit = 0x17;
    s->idt.base = IDT;
    s->idt.limit = 16 * 4 - 1;
    s->cr0 = 0x80050033; /* PG, AM, WP, NE, ET, MP, PE */
    s->cr3 = 0;
    s->cr4 = 0x40620; /* OSXSAVE, OSXMMEXCPT, OSFXSR, PAE */
    s->efer = 0x500;  /* LMA, LME */
}

#define TRY(call_, expr)                                                                                     \
    do {                                                                                                     \
        if ((expr) < 0) {                                                                                    \
            r->error = errno;                                                                                \
            snprintf(r->call, sizeof(r->call), "%s", call_);                                                 \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

/* A probe CPU needs XSAVE and CMPXCHG16B, whatever else this KVM supports. */
static int set_cpuid(int dev, int cpu)
{
    union {
        struct kvm_cpuid2 head;
        uint8_t room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } t;
    memset(&t, 0, sizeof(t));
    t.head.nent = 256;
    if (ioctl(dev, KVM_GET_SUPPORTED_CPUID, &t.head) < 0)
        return -1;
    return ioctl(cpu, KVM_SET_CPUID2, &t.head);
}

static void run_guest(struct report *r)
{
    int dev = -1, vm = -1, cpu = -1;
    TRY("open /dev/kvm", dev = open("/dev/kvm", O_RDWR | O_CLOEXEC));
    TRY("KVM_CREATE_VM", vm = ioctl(dev, KVM_CREATE_VM, 0));
    uint8_t *mem = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY("memory", mem == MAP_FAILED ? -1 : 0);
    lay_out(mem);
    struct kvm_userspace_memory_region region = {.memory_size = GUEST_BYTES,
                                                 .userspace_addr = (uintptr_t)mem};
    TRY("KVM_SET_USER_MEMORY_REGION", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
    TRY("KVM_CREATE_VCPU", cpu = ioctl(vm, KVM_CREATE_VCPU, 0));
    int bytes;
    TRY("KVM_GET_VCPU_MMAP_SIZE", bytes = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0));
    struct kvm_run *run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    TRY("CPU state", run == MAP_FAILED ? -1 : 0);
    TRY("KVM_SET_CPUID2", set_cpuid(dev, cpu));
    struct kvm_sregs sregs;
    TRY("KVM_GET_SREGS", ioctl(cpu, KVM_GET_SREGS, &sregs));
    set_long_mode(&sregs);
    TRY("KVM_SET_SREGS", ioctl(cpu, KVM_SET_SREGS, &sregs));
    struct kvm_regs regs = {.rip = CODE, .rsp = 0x9000, .rflags = 2};
    TRY("KVM_SET_REGS", ioctl(cpu, KVM_SET_REGS, &regs));
    for (;;) {
        TRY("KVM_RUN", ioctl(cpu, KVM_RUN, 0));
        if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0x80) {
            uint8_t stage = *((uint8_t *)run + run->io.data_offset);
            if (stage == 0xff)
                return;
            r->stage = stage;
        } else if (run->exit_reason != KVM_EXIT_INTR) {
            if (run->exit_reason != KVM_EXIT_HLT)
                snprintf(r->call, sizeof(r->call), "exit %u", run->exit_reason);
            return;
        }
    }
}

/* The child shares one page with us, so that a stage reached is known even if it hangs afterwards. */
static bool run_in_child(struct report *r, int64_t *ret_us)
{
    int gone[2];
    if (pipe2(gone, O_CLOEXEC) < 0)
        return false;
    int64_t start = now_us();
    pid_t pid = fork();
    if (pid == 0) {
        close(gone[0]);
        run_guest(r);
        _exit(0);
    }
    close(gone[1]);
    bool in_time = false;
    if (pid > 0) {
        struct pollfd p = {.fd = gone[0]}; /* hangs up when the child is gone */
        for (;;) {
            int64_t left = LIMIT_MS - (now_us() - start) / 1000;
            int n = poll(&p, 1, left > 0 ? (int)left : 0);
            if (n < 0 && errno == EINTR)
                continue;
            in_time = n > 0;
            break;
        }
        if (!in_time)
            kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(gone[0]);
    *ret_us = now_us() - start;
    return in_time;
}

static const char *const stages[] = {
    "start",
    "run a loop in ring 0",
    "execute CMPXCHG16B",
    "execute XSAVE and XRSTOR",
    "take an exception (INT3)",
    "access an MSR",
};

static void judge(const struct report *r, bool in_time, int64_t us, struct probe_result *ret)
{
    if (r->stage == LAST_STAGE && in_time) {
        ret->verdict = PROBE_USABLE;
        snprintf(ret->reason, sizeof(ret->reason), "a test guest ran in %.1f ms", (double)us / 1000);
        return;
    }
    ret->verdict = PROBE_BROKEN;
    const char *what = stages[r->stage < LAST_STAGE ? r->stage : LAST_STAGE - 1];
    if (!in_time)
        snprintf(ret->reason, sizeof(ret->reason),
                 "/dev/kvm is there, but its test guest took longer than %d ms to %s", LIMIT_MS, what);
    else if (r->error)
        snprintf(ret->reason, sizeof(ret->reason), "/dev/kvm is there, but %s fails: %s", r->call,
                 strerror(r->error));
    else
        snprintf(ret->reason, sizeof(ret->reason), "/dev/kvm is there, but its test guest failed to %s%s%s%s",
                 what, r->call[0] ? " (" : "", r->call, r->call[0] ? ")" : "");
}

/* ---- the cache: one line "verdict reason", valid for one boot of one kernel ---- */

static void boot_key(char *buf, size_t size)
{
    char id[64] = "?";
    OWN_FILE f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f && fgets(id, sizeof(id), f))
        id[strcspn(id, "\n")] = 0;
    struct utsname u;
    uname(&u);
    snprintf(buf, size, "%s %s", id, u.release);
}

static bool cache_read(const char *path, struct probe_result *ret)
{
    char key[256], line[256], want[256];
    OWN_FILE f = path ? fopen(path, "re") : NULL;
    if (!f || !fgets(key, sizeof(key), f) || !fgets(line, sizeof(line), f))
        return false;
    boot_key(want, sizeof(want));
    key[strcspn(key, "\n")] = 0;
    line[strcspn(line, "\n")] = 0;
    if (strcmp(key, want) != 0 || line[0] < '0' || line[0] > '3' || line[1] != ' ')
        return false;
    ret->verdict = (enum probe_verdict)(line[0] - '0');
    ret->cached = true;
    snprintf(ret->reason, sizeof(ret->reason), "%.150s", line + 2);
    return true;
}

static void cache_write(const char *path, const struct probe_result *r)
{
    char key[256], tmp[4096];
    if (!path || snprintf(tmp, sizeof(tmp), "%s.%d", path, (int)getpid()) >= (int)sizeof(tmp))
        return;
    OWN_FILE f = fopen(tmp, "we");
    if (!f)
        return;
    boot_key(key, sizeof(key));
    fprintf(f, "%s\n%d %s\n", key, (int)r->verdict, r->reason);
    if (fflush(f) != 0 || rename(tmp, path) < 0)
        unlink(tmp);
}

void probe_kvm(const char *cache, struct probe_result *ret)
{
    *ret = (struct probe_result){.verdict = PROBE_MISSING};
    if (access("/dev/kvm", F_OK) < 0) {
        snprintf(ret->reason, sizeof(ret->reason), "there is no /dev/kvm");
        return;
    }
    if (access("/dev/kvm", R_OK | W_OK) < 0) {
        ret->verdict = PROBE_DENIED;
        snprintf(ret->reason, sizeof(ret->reason),
                 "no permission on /dev/kvm: join the group that owns it (usually kvm)");
        return;
    }
    if (cache_read(cache, ret))
        return;
    struct report *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        return;
    int64_t us;
    bool in_time = run_in_child(r, &us);
    judge(r, in_time, us, ret);
    munmap(r, sizeof(*r));
    cache_write(cache, ret);
}
