// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the translator thinks of instructions. Where it can be had, the answer is checked against the host's
 * own processor: what is said to be killed may not shine through.
 */
#include "unit.h"

#include <stdio.h>

#include "cpu/soft/jit_decode.h"
#include "cpu/soft/vcpu.h"

#define MODE (MODE_LONG64 | MODE_FLAT | MODE_PE | MODE_SSE | MODE_AVX | MODE_X87)

/* The machine code of some instructions, with enough after it that a decoder may look. */
#define CODE(text)                                                                                           \
    ({                                                                                                       \
        const uint8_t *code_;                                                                                \
        __asm__(".pushsection .rodata\n771: " text "\n.fill 16, 1, 0xcc\n.popsection\n"                      \
                "lea 771b(%%rip), %0"                                                                        \
                : "=r"(code_));                                                                              \
        code_;                                                                                               \
    })

static uint8_t page[RAM_PAGE];
static const struct decoder zydis;

/* Lay code at an offset of a page of INT3; what is over is cut. */
static void lay(unsigned off, const uint8_t *code, unsigned len)
{
    memset(page, 0xcc, sizeof(page));
    memcpy(page + off, code, len < RAM_PAGE - off ? len : RAM_PAGE - off);
}

static struct guest_insn decoded(const uint8_t *code, uint32_t mode)
{
    struct guest_insn g;
    lay(0x100, code, 16);
    jit_decode(&zydis, page, 0x100, mode, &g);
    return g;
}

/* ---- kinds ---- */

struct kind_case {
    const char *text;
    const uint8_t *code;
    enum kind kind;
};
#define KIND(kind, text) {text, CODE(text), KIND_##kind}

static void check_kinds(const struct kind_case *c, size_t n, uint32_t mode)
{
    for (size_t i = 0; i < n; i++) {
        struct guest_insn g = decoded(c[i].code, mode);
        if (g.kind != c[i].kind)
            fail_msg("%s: kind %d instead of %d", c[i].text, g.kind, c[i].kind);
    }
}
#define CHECK_KINDS(cases, mode) check_kinds(cases, sizeof(cases) / sizeof(cases[0]), mode)

static void instructions_are_sorted_by_what_the_translator_does(void **state)
{
    (void)state;
    const struct kind_case cases[] = {
        KIND(COPY, "add %%rax, %%rcx"),
        KIND(COPY, "mov %%ah, %%bl"),
        KIND(COPY, "lea 8(%%rax,%%rcx,4), %%rdx"),
        KIND(COPY, "paddd %%xmm1, %%xmm2"),
        KIND(LEA_RIP, "lea 0x1234(%%rip), %%rax"),
        KIND(NOTHING, "prefetcht0 (%%rax)"),
        KIND(NOTHING, "nopw 0x0(%%rax,%%rax,1)"),
        KIND(MEM, "mov (%%rax), %%rcx"),
        KIND(MEM, "lock xadd %%r9, 8(%%rip)"),
        KIND(MEM, "movabs 0x1122334455667788, %%al"),
        KIND(MEM, "vmovups (%%rdi), %%ymm3"),
        KIND(MEM, "btsl $5, (%%rax)"),
        KIND(PUSH, "push %%r9"),
        KIND(PUSH, "push $-3"),
        KIND(PUSH, "pushq 8(%%rsp)"),
        KIND(POP, "pop %%rbx"),
        KIND(LEAVE, "leave"),
        KIND(JCC, "1: jz 1b"),
        KIND(JRCXZ, "1: jrcxz 1b"),
        KIND(JMP, "1: jmp 1b"),
        KIND(CALL, "1: call 1b"),
        KIND(JMP_TO, "jmp *%%r11"),
        KIND(CALL_TO, "call *(%%rax)"),
        KIND(RET, "ret"),
        KIND(RET, "ret $16"),
    };
    CHECK_KINDS(cases, MODE);
}

static void what_is_privileged_or_rare_is_left_to_c(void **state)
{
    (void)state;
    const struct kind_case cases[] = {
        KIND(CALL_C, "cpuid"),
        KIND(CALL_C, "syscall"),
        KIND(SYS, "cli"),
        KIND(CALL_C, "popf"),
        KIND(CALL_C, "hlt"),
        KIND(CALL_C, "in %%dx, %%al"),
        KIND(CALL_C, "mov %%cr0, %%rax"),
        KIND(CALL_C, "mov %%eax, %%ds"),
        KIND(CALL_C, "int $0x80"),
        KIND(CALL_C, "std"),
        KIND(CALL_C, "rep movsb"),
        KIND(CALL_C, "xsave (%%rax)"),
        KIND(CALL_C, "fnstenv (%%rax)"),
        KIND(BIT, "bt %%rax, (%%rcx)"),        /* may point anywhere */
        KIND(CALL_C, "cmpxchg %%ah, (%%rcx)"), /* no REX, and AL is in use */
        KIND(CALL_C, "vpgatherdd %%xmm1, (%%rax,%%xmm2,4), %%xmm3"),
        KIND(CALL_C, "pushw %%ax"),
        KIND(CALL_C, "popq (%%rax)"),
        KIND(CALL_C, "push %%fs"),
        KIND(CALL_C, "1: loop 1b"),
        KIND(CALL_C, "lretq"),
        KIND(CALL_C, "vaddpd %%zmm1, %%zmm2, %%zmm3"), /* hidden by CPUID */
        KIND(STEP, ".byte 0x06"),                      /* push %es: not in 64-bit mode */
    };
    CHECK_KINDS(cases, MODE);
}

static void system_instructions_are_inline_where_they_cannot_fault(void **state)
{
    (void)state;
    const struct kind_case kernel[] = {
        KIND(SYS, "swapgs"),
        KIND(SYS, "sti; nop"),
        KIND(SYS, "sti; nopw 8(%%rax,%%rax,1)"),
        KIND(CALL_C, "sti; hlt"), /* the shadow matters */
        KIND(CALL_C, "sti; ret"),
        KIND(SYS, "pushfq"),
        KIND(SYS, "rdtsc"),
        KIND(SYS, "mov %%ds, %%ax"),
        KIND(SYS, "mov %%cr2, %%r10"),
        KIND(SYS, "wrgsbase %%r11"),
        KIND(BIT, "lock bts %%r9d, (%%rcx,%%rdx)"),
        KIND(CALL_C, "bt %%ax, (%%rcx)"),
        KIND(CALL_C, "bt %%rax, %%gs:(%%rcx)"),
        KIND(CALL_C, "mov %%ds, (%%rax)"),
    };
    const struct kind_case user[] = {
        KIND(CALL_C, "swapgs"),           KIND(CALL_C, "cli"), KIND(CALL_C, "sti; nop"),
        KIND(CALL_C, "mov %%cr2, %%rax"), KIND(SYS, "rdtscp"), KIND(SYS, "rdfsbase %%eax"),
    };
    CHECK_KINDS(kernel, MODE & ~MODE_USER);
    CHECK_KINDS(user, MODE | MODE_USER);
}

static void vectors_run_only_where_the_guest_allows_them(void **state)
{
    (void)state;
    const struct kind_case sse[] = {KIND(CALL_C, "addps %%xmm1, %%xmm2"),
                                    KIND(CALL_C, "movups (%%rax), %%xmm2")};
    const struct kind_case avx[] = {KIND(CALL_C, "vaddps %%ymm1, %%ymm2, %%ymm3")};
    const struct kind_case x87[] = {KIND(CALL_C, "fadd %%st(1)"), KIND(CALL_C, "paddd %%mm1, %%mm2")};
    CHECK_KINDS(sse, MODE & ~MODE_SSE);
    CHECK_KINDS(avx, MODE & ~MODE_AVX);
    CHECK_KINDS(x87, MODE & ~MODE_X87);
    assert_true(decoded(sse[0].code, MODE).vectors);
    assert_true(decoded(avx[0].code, MODE).vectors);
    assert_true(decoded(x87[0].code, MODE).vectors);
    assert_false(decoded(CODE("popcnt %%rax, %%rcx"), MODE & ~MODE_SSE).vectors);
}

static void what_may_fault_natively_is_known(void **state)
{
    (void)state;
    assert_true(decoded(CODE("div %%rcx"), MODE).faults);
    assert_true(decoded(CODE("idiv %%cl"), MODE).faults);
    assert_true(decoded(CODE("mov (%%rax), %%rcx"), MODE).faults);
    assert_true(decoded(CODE("addps %%xmm1, %%xmm2"), MODE).faults); /* #XM */
    assert_false(decoded(CODE("mul %%rcx"), MODE).faults);
    assert_false(decoded(CODE("lea (%%rax), %%rcx"), MODE).faults);
}

static void memory_operands_tell_size_and_direction(void **state)
{
    (void)state;
    struct guest_insn g = decoded(CODE("mov %%cx, (%%rax)"), MODE);
    assert_true(g.has_mem && g.writes);
    assert_int_equal(g.mem_bytes, 2);
    g = decoded(CODE("add (%%rax), %%rcx"), MODE);
    assert_true(g.has_mem && !g.writes);
    assert_int_equal(g.mem_bytes, 8);
    g = decoded(CODE("lock cmpxchg16b (%%rax)"), MODE);
    assert_true(g.kind == KIND_STEP || (g.writes && g.mem_bytes == 16));
    g = decoded(CODE("cmpl $1, (%%rax)"), MODE);
    assert_true(g.has_mem && !g.writes);
    assert_false(decoded(CODE("lea (%%rax), %%rcx"), MODE).has_mem);
}

/* ---- r9..r11 ---- */

#define B9  (1u << 9)
#define B10 (1u << 10)
#define B11 (1u << 11)

static void the_scratch_registers_of_an_instruction(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const uint8_t *code;
        unsigned uses, sets, address;
    } cases[] = {
#define SCRATCH(text, uses, sets, address) {text, CODE(text), uses, sets, address}
        SCRATCH("add %%r8, %%r12", 0, 0, 0),
        SCRATCH("add %%r9, %%rax", B9, 0, 0),
        SCRATCH("add %%rax, %%r10", B10, B10, 0),
        SCRATCH("mov %%eax, %%r11d", B11, B11, 0),
        SCRATCH("setc %%r9b", B9, B9, 0),
        SCRATCH("movzbl %%r10b, %%r11d", B10 | B11, B11, 0),
        SCRATCH("xchg %%r9, %%r11", B9 | B11, B9 | B11, 0),
        SCRATCH("cmp %%r9w, %%r10w", B9 | B10, 0, 0),
        SCRATCH("mov (%%r9,%%r10,8), %%r11", B11, B11, B9 | B10),
        SCRATCH("mov %%r9, (%%r9)", B9, 0, B9),
        SCRATCH("lea (%%r9,%%r10), %%rax", B9 | B10, 0, B9 | B10),
        SCRATCH("lock cmpxchg %%r9, (%%r10)", B9, 0, B10),
        SCRATCH("mulx %%r9, %%r10, %%r11", B9 | B10 | B11, B10 | B11, 0),
        SCRATCH("push %%r9", B9, 0, 0),
        SCRATCH("pop %%r10", B10, B10, 0),
        SCRATCH("jmp *%%r11", B11, 0, 0),
        SCRATCH("call *(%%r9)", 0, 0, B9),
        SCRATCH("movd %%r9d, %%xmm9", B9, 0, 0),
        SCRATCH("paddd %%xmm9, %%xmm10", 0, 0, 0),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guest_insn g = decoded(cases[i].code, MODE);
        if (g.uses != cases[i].uses || g.sets != cases[i].sets || g.address_uses != cases[i].address)
            fail_msg("%s: uses %x sets %x address %x", cases[i].text, g.uses, g.sets, g.address_uses);
    }
}

/* ---- flags ---- */

struct flags_case {
    const char *text;
    const uint8_t *code;
    uint32_t tested, modified, killed;
};
#define FLAGS(text, tested, modified, killed) {text, CODE(text), tested, modified, killed}
#define ALL_BUT_CF                            (FL_ARITH & ~FL_CF)
#define ALL_BUT_OF                            (FL_ARITH & ~FL_OF)

static void the_flags_of_an_instruction(void **state)
{
    (void)state;
    const struct flags_case cases[] = {
        FLAGS("mov %%rax, %%rcx", 0, 0, 0),
        FLAGS("not %%rax", 0, 0, 0),
        FLAGS("lea (%%rax), %%rcx", 0, 0, 0),
        FLAGS("shlx %%rax, %%rcx, %%rdx", 0, 0, 0),
        FLAGS("add %%rax, %%rcx", 0, FL_ARITH, FL_ARITH),
        FLAGS("add %%rax, (%%rcx)", 0, FL_ARITH, FL_ARITH),
        FLAGS("adc %%rax, %%rcx", FL_CF, FL_ARITH, FL_ARITH),
        FLAGS("inc %%rax", 0, ALL_BUT_CF, ALL_BUT_CF),
        FLAGS("and %%rax, %%rcx", 0, FL_ARITH, FL_ARITH),
        FLAGS("adcx %%rax, %%rcx", FL_CF, FL_CF, FL_CF),
        FLAGS("adox %%rax, %%rcx", FL_OF, FL_OF, FL_OF),
        FLAGS("cmc", FL_CF, FL_CF, FL_CF),
        FLAGS("sahf", 0, ALL_BUT_OF, ALL_BUT_OF),
        FLAGS("lahf", ALL_BUT_OF, 0, 0),
        FLAGS("setle %%al", FL_ZF | FL_SF | FL_OF, 0, 0),
        FLAGS("cmova %%rax, %%rcx", FL_CF | FL_ZF, 0, 0),
        FLAGS("1: jp 1b", FL_PF, 0, 0),
        FLAGS("fcmovb %%st(1), %%st", FL_CF, 0, 0),
        FLAGS("comisd %%xmm1, %%xmm2", 0, FL_ARITH, FL_ARITH),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guest_insn g = decoded(cases[i].code, MODE);
        if (g.tested != cases[i].tested || g.modified != cases[i].modified || g.killed != cases[i].killed)
            fail_msg("%s: tests %x modifies %x kills %x", cases[i].text, g.tested, g.modified, g.killed);
    }
}

static void a_shift_that_may_do_nothing_kills_nothing(void **state)
{
    (void)state;
    const struct flags_case cases[] = {
        FLAGS("shl %%cl, %%eax", 0, FL_ARITH, 0),
        FLAGS("shr %%cl, %%r9b", 0, FL_ARITH, 0),
        FLAGS("sarl %%cl, (%%rax)", 0, FL_ARITH, 0),
        FLAGS("shld %%cl, %%rax, %%rcx", 0, FL_ARITH, 0),
        FLAGS("shrd %%cl, %%eax, %%ecx", 0, FL_ARITH, 0),
        FLAGS("ror %%cl, %%ax", 0, FL_CF | FL_OF, 0),
        FLAGS("rol %%cl, %%eax", 0, FL_CF | FL_OF, 0),
        FLAGS("rcr %%cl, %%eax", FL_CF, FL_CF | FL_OF, 0),
        FLAGS("rclb %%cl, (%%rax)", FL_CF, FL_CF | FL_OF, 0),
        FLAGS(".byte 0xc1, 0xe0, 0x00", 0, FL_ARITH, 0), /* shl $0, %eax */
        FLAGS(".byte 0xc1, 0xe8, 0x20", 0, FL_ARITH, 0), /* shr $32, %eax: 0 too */
        FLAGS(".byte 0xc1, 0xe0, 0x03", 0, FL_ARITH, FL_ARITH),
        FLAGS("shr %%rax", 0, FL_ARITH, FL_ARITH), /* by 1, without an immediate */
        FLAGS("shrd $7, %%rax, %%rcx", 0, FL_ARITH, FL_ARITH),
        FLAGS("ror $1, %%al", 0, FL_CF | FL_OF, FL_CF | FL_OF),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guest_insn g = decoded(cases[i].code, MODE);
        if (g.tested != cases[i].tested || g.modified != cases[i].modified || g.killed != cases[i].killed)
            fail_msg("%s: tests %x modifies %x kills %x", cases[i].text, g.tested, g.modified, g.killed);
    }
}

struct regs {
    uint64_t rax, rcx, rdx, flags;
};

/* Runs one instruction on rax, rcx, rdx and the flags. */
#define NATIVE(text)                                                                                         \
    {text, CODE(text), ({                                                                                    \
         void (*run_)(struct regs *);                                                                        \
         __asm__(                                                                                            \
             ".pushsection .text.native, \"ax\"\n772: push %%rbx; mov (%%rdi), %%rax; mov 8(%%rdi), %%rcx\n" \
             "mov 16(%%rdi), %%rdx; push 24(%%rdi); popf\n" text "\npushf; pop 24(%%rdi)\n"                  \
             "mov %%rax, (%%rdi); mov %%rcx, 8(%%rdi); mov %%rdx, 16(%%rdi); pop %%rbx; ret\n"               \
             ".popsection\nlea 772b(%%rip), %0"                                                              \
             : "=r"(run_));                                                                                  \
         run_;                                                                                               \
     })}

struct native {
    const char *text;
    const uint8_t *code;
    void (*run)(struct regs *);
};

static uint64_t number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> (*seed >> 61) * 8; /* small ones too */
}

/* From two states that differ in flags only: equal results, up to what is undefined or not touched. */
static void compare(const struct native *n, const struct guest_insn *g, struct regs a, uint32_t difference)
{
    struct regs b = a;
    b.flags ^= difference;
    uint32_t undefined = g->insn.z.cpu_flags ? g->insn.z.cpu_flags->undefined : 0;
    uint64_t before = a.flags;
    n->run(&a);
    n->run(&b);
    uint32_t same = (g->killed & ~undefined) | (FL_ARITH & ~difference & ~undefined);
    if (a.rax != b.rax || a.rcx != b.rcx || a.rdx != b.rdx || (a.flags ^ b.flags) & same)
        fail_msg("%s: flags %x are not killed but seen: %lx %lx", n->text, difference, a.flags, b.flags);
    if ((a.flags ^ before) & FL_ARITH & ~g->modified)
        fail_msg("%s: modifies %lx", n->text, a.flags ^ before);
}

static void what_is_killed_does_not_shine_through_on_the_hosts_processor(void **state)
{
    (void)state;
    const struct native natives[] = {
        NATIVE("add %%rcx, %%rax"),
        NATIVE("adc %%cl, %%al"),
        NATIVE("sbb %%ecx, %%eax"),
        NATIVE("cmp %%cx, %%ax"),
        NATIVE("neg %%rax"),
        NATIVE("inc %%eax"),
        NATIVE("dec %%al"),
        NATIVE("xor %%eax, %%eax"),
        NATIVE("test %%rcx, %%rax"),
        NATIVE("shl %%cl, %%rax"),
        NATIVE("shr %%cl, %%eax"),
        NATIVE("sar %%cl, %%al"),
        NATIVE("shl $3, %%eax"),
        NATIVE("shr %%eax"),
        NATIVE("rol %%cl, %%rax"),
        NATIVE("ror $5, %%ax"),
        NATIVE("rcl %%cl, %%al"),
        NATIVE("rcl $9, %%al"),
        NATIVE("rcr $17, %%ax"),
        NATIVE("shld %%cl, %%rdx, %%rax"),
        NATIVE("shrd $9, %%edx, %%eax"),
        NATIVE("imul %%rcx, %%rax"),
        NATIVE("mul %%ecx"),
        NATIVE("bsf %%rcx, %%rax"),
        NATIVE("bt %%ecx, %%eax"),
        NATIVE("btr $7, %%rax"),
        NATIVE("xadd %%eax, %%ecx"),
        NATIVE("cmpxchg %%ecx, %%edx"),
        NATIVE("setg %%al"),
        NATIVE("cmovbe %%rcx, %%rax"),
        NATIVE("lahf"),
        NATIVE("sahf"),
        NATIVE("cmc"),
        NATIVE("stc"),
        NATIVE("clc"),
        NATIVE("bswap %%eax"),
        NATIVE("movsbl %%cl, %%eax"),
        NATIVE("cdq"),
        NATIVE("comisd %%xmm0, %%xmm1"),
    };
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof(natives) / sizeof(natives[0]); i++) {
        struct guest_insn g = decoded(natives[i].code, MODE);
        assert_int_equal(g.kind, KIND_COPY);
        for (unsigned round = 0; round < 500; round++) {
            struct regs r = {number(&seed), number(&seed), number(&seed), 2 | (number(&seed) & FL_ARITH)};
            if (round % 8 == 0)
                r.rcx = 0; /* shifts by nothing */
            compare(&natives[i], &g, r, (uint32_t)number(&seed) & g.killed & ~g.tested);
            compare(&natives[i], &g, r, 0);
        }
    }
}

/* ---- looking ahead ---- */

static uint32_t wanted(const uint8_t *code)
{
    struct guest_insn tmp;
    uint64_t lines = 0;
    lay(0x100, code, 64);
    return jit_flags_wanted(&zydis, page, 0x100, MODE, &tmp, &lines);
}

static void looking_ahead_finds_what_is_read_before_it_is_set(void **state)
{
    (void)state;
    assert_int_equal(wanted(CODE("xor %%eax, %%eax")), 0);
    assert_int_equal(wanted(CODE("mov %%rax, %%rcx; adc %%rax, %%rcx")), FL_CF);
    assert_int_equal(wanted(CODE("inc %%rax; mov (%%rax), %%ecx; add %%rax, %%rcx")), 0);
    assert_int_equal(wanted(CODE("inc %%rax; setc %%al; add %%rax, %%rcx")), FL_CF);
    assert_int_equal(wanted(CODE("setz %%al; add %%rax, %%rcx")), FL_ZF);
    assert_int_equal(wanted(CODE("shl %%cl, %%eax; setz %%al; add %%rax, %%rcx")), FL_ZF);
}

static void looking_ahead_follows_jumps_within_the_page_only(void **state)
{
    (void)state;
    assert_int_equal(wanted(CODE("jmp 1f; setz %%al; 1: xor %%eax, %%eax")), 0);
    assert_int_equal(wanted(CODE("inc %%rax; 1: jz 1b; xor %%eax, %%eax")), FL_CF);
    assert_int_equal(wanted(CODE("jmp .+0x1000")), FL_ARITH);
    assert_int_equal(wanted(CODE("1: jmp 1b")), FL_ARITH); /* and ends */
    assert_int_equal(wanted(CODE("ret")), FL_ARITH);
    assert_int_equal(wanted(CODE("cpuid; xor %%eax, %%eax")), FL_ARITH);
    assert_int_equal(wanted(CODE("inc %%rax; cpuid")), FL_CF);
}

static void looking_ahead_stops_at_the_end_of_the_page(void **state)
{
    (void)state;
    struct guest_insn tmp;
    uint64_t lines = 0;
    assert_int_equal(jit_flags_wanted(&zydis, page, RAM_PAGE, MODE, &tmp, &lines), FL_ARITH);
    lay(RAM_PAGE - 1, CODE("nop"), 1);
    assert_int_equal(jit_flags_wanted(&zydis, page, RAM_PAGE - 1, MODE, &tmp, &lines), FL_ARITH);
    lay(RAM_PAGE - 2, CODE("xor %%eax, %%eax"), 2);
    assert_int_equal(jit_flags_wanted(&zydis, page, RAM_PAGE - 2, MODE, &tmp, &lines), 0);
    assert_true(lines == 1ull << 63); /* what it was told by */
}

/* ---- pages ---- */

static void an_instruction_cut_by_the_page_has_no_length(void **state)
{
    (void)state;
    const uint8_t *code = CODE("movabs $0x1122334455667788, %%rax");
    for (unsigned off = RAM_PAGE - 14; off < RAM_PAGE; off++) {
        struct guest_insn g;
        bool whole = off + 10 <= RAM_PAGE;
        lay(off, code, 10);
        jit_decode(&zydis, page, off, MODE, &g);
        assert_int_equal(g.kind, whole ? KIND_COPY : KIND_STEP);
        assert_int_equal(g.insn.len, whole ? 10 : 0);
    }
}

static void nonsense_has_no_length(void **state)
{
    (void)state;
    struct guest_insn g = decoded(CODE(".byte 0x0f, 0xff, 0xff, 0x66, 0x06"), MODE);
    assert_int_equal(g.kind, KIND_CALL_C);             /* UD0 has one */
    g = decoded(CODE(".fill 15, 1, 0x66; nop"), MODE); /* 16 bytes */
    assert_int_equal(g.kind, KIND_STEP);
    assert_int_equal(g.insn.len, 0);
}

static void jumps_know_whether_they_stay_in_the_page(void **state)
{
    (void)state;
    static const struct {
        int32_t to;
        bool near;
    } cases[] = {{0, true}, {-1, false}, {4095, true}, {4096, false}, {0x105, true}, {-0x7fff0000, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t jmp[5] = {0xe9};
        struct guest_insn g;
        int32_t disp = cases[i].to - 0x105;
        memcpy(jmp + 1, &disp, 4);
        lay(0x100, jmp, 5);
        jit_decode(&zydis, page, 0x100, MODE, &g);
        assert_int_equal(g.kind, KIND_JMP);
        assert_int_equal(g.near_target, cases[i].near);
        assert_int_equal(g.target_disp, cases[i].to);
        if (cases[i].near)
            assert_int_equal(g.target, cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_are_sorted_by_what_the_translator_does),
        cmocka_unit_test(what_is_privileged_or_rare_is_left_to_c),
        cmocka_unit_test(system_instructions_are_inline_where_they_cannot_fault),
        cmocka_unit_test(vectors_run_only_where_the_guest_allows_them),
        cmocka_unit_test(what_may_fault_natively_is_known),
        cmocka_unit_test(memory_operands_tell_size_and_direction),
        cmocka_unit_test(the_scratch_registers_of_an_instruction),
        cmocka_unit_test(the_flags_of_an_instruction),
        cmocka_unit_test(a_shift_that_may_do_nothing_kills_nothing),
        cmocka_unit_test(what_is_killed_does_not_shine_through_on_the_hosts_processor),
        cmocka_unit_test(looking_ahead_finds_what_is_read_before_it_is_set),
        cmocka_unit_test(looking_ahead_follows_jumps_within_the_page_only),
        cmocka_unit_test(looking_ahead_stops_at_the_end_of_the_page),
        cmocka_unit_test(an_instruction_cut_by_the_page_has_no_length),
        cmocka_unit_test(nonsense_has_no_length),
        cmocka_unit_test(jumps_know_whether_they_stay_in_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
