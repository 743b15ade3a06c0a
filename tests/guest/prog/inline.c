// SPDX-License-Identifier: GPL-2.0-or-later
/* inline: system, string and bit instructions in the midst of other code, and what they leave behind. */
#include "apic.h"

#define ALL    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"
#define P      1ul
#define W      2ul
#define U      4ul
#define G      0x100ul
#define WINDOW 0x40000000ul
static volatile uint64_t *const pd = (uint64_t *)0x10c000, *const pt = (uint64_t *)0x10d000,
                                *const other_pt = (uint64_t *)0x10e000;

static void map(unsigned i, uint64_t entry)
{
    pt[i] = entry;
    invlpg((void *)(WINDOW + i * 4096ul));
}

/* ---- where an interrupt comes ---- */

static word came_at;
static unsigned came;

static void take(struct frame *f)
{
    came++;
    came_at = f->rip;
    apic_write(APIC_EOI, 0);
}

#define SHADOW(name, insns)                                                                                  \
    do {                                                                                                     \
        word from;                                                                                           \
        came = 0;                                                                                            \
        apic_write(APIC_SELF, 0x61);                                                                         \
        __asm__ volatile("lea 1f(%%rip), %0; 1: " insns : "=&r"(from) : : "rax", "rbx", "memory", "cc");     \
        say("%s: %u at +%lx\n", name, came, came ? came_at - from : 0);                                      \
    } while (0)

static void shadows(void)
{
    on_interrupt = take;
    apic_on();
    SHADOW("sti nop", "sti; nop; nop; cli");
    SHADOW("sti wide nop", "sti; nopw 0x1234(%%rax,%%rax,1); mov $1, %%eax; cli");
    SHADOW("sti mov", "sti; mov $1, %%eax; mov $2, %%eax; cli");
    SHADOW("sti hlt", "sti; hlt; cli");
    SHADOW("sti jmp", "sti; jmp 2f; nop; 2: nop; cli");
    SHADOW("sti pushf", "sti; pushf; pop %%rax; cli");
    SHADOW("popf", "pushf; orl $0x200, (%%rsp); popf; nop; cli");
    SHADOW("sti sti nop", "sti; sti; nop; cli");
    SHADOW("sti cli", "sti; cli; nop; nop");
    SHADOW("then", "sti; nop; cli");
}

/* ---- flags ---- */

static void flags(void)
{
    static const uint16_t bit[] = {0x1, 0x4, 0x10, 0x40, 0x80, 0x800, 0x400};
    unsigned wrong = 0;
    for (unsigned n = 0; n < 128; n++) {
        word want = 2, got, later, sum = 0;
        for (unsigned b = 0; b < 7; b++)
            want |= n >> b & 1 ? bit[b] : 0;
        __asm__ volatile("push %3; popf; pushf; pushf; pop %0; lea 1(%2), %2; popf; pushf; pop %1; cld"
                         : "=&r"(got), "=&r"(later), "+r"(sum)
                         : "r"(want)
                         : "cc", "memory");
        wrong += got != want || later != want;
    }
    say("pushf: %u wrong\n", wrong);
    word cf, before, tsc;
    __asm__ volatile("stc; rdtsc; setc %b0; cmp %%eax, %%eax; swapgs; cli; swapgs; setz %b1; mov %%rax, %2"
                     : "=&b"(cf), "=&c"(before), "=&S"(tsc)
                     :
                     : "rax", "rdx", "cc");
    say("kept: %lx %lx %lx\n", cf & 1, before & 1, tsc >> 32);
    TRY("popf tf", "pushf; orl $0x100, (%%rsp); popf; nop; nop", : : : ALL);
    TRY("popf tf sys", "pushf; orl $0x100, (%%rsp); popf; swapgs; swapgs", : : : ALL);
    __asm__ volatile("swapgs");
}

/* ---- registers ---- */

static void registers(void)
{
    word a, b, c, d, ss = 0xaaaaaaaaaaaaaaaa;
    __asm__ volatile("mov %%cr3, %%rax; mov %%cr3, %%r10; mov %%rax, %0; mov %%r10, %1"
                     : "=&r"(a), "=&r"(b)
                     :
                     : "rax", "r10");
    say("cr3 %lx %lx\n", a, b);
    __asm__ volatile(
        "mov %4, %%r9; mov %4, %%r11; mov %4, %%rbx; mov %%ss, %%r9w; mov %%ss, %%r11d; mov %%ss, %%bx; "
        "mov %%r9, %0; mov %%r11, %1; mov %%rbx, %2; mov %%cs, %%r8; mov %%r8, %3"
        : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
        : "r"(ss)
        : "r8", "r9", "r11", "rbx");
    say("ss %lx %lx %lx cs %lx\n", a, b, c, d);
    *(uint32_t *)0x9c010 = 0x11, *(uint32_t *)0x9c018 = 0x12;
    *(uint32_t *)0x9c210 = 0x21, *(uint32_t *)0x9c218 = 0x22;
    wrmsr(0xc0000101, 0x9c000);
    wrmsr(0xc0000102, 0x9c200);
    uint32_t w, x, y, z;
    __asm__ volatile(
        "mov %%gs:0x10, %0; mov %%gs:0x18, %1; swapgs; mov %%gs:0x10, %2; mov %%gs:0x18, %3; swapgs"
        : "=&r"(w), "=&r"(x), "=&r"(y), "=&r"(z));
    say("gs %x %x swapped %x %x\n", w, x, y, z);
    TRY("rdgsbase off", "rdgsbase %%rax", : : : ALL);
    TRY("wrfsbase off", "wrfsbase %%rax", : : : ALL);
    WRITE_CR(4, READ_CR(4) | 1 << 16);
    __asm__ volatile(
        "mov $0x9c200, %%r9d; mov %%gs:0x10, %0; mov %%gs:0x18, %1; wrgsbase %%r9; mov %%gs:0x10, %2; "
        "mov %%gs:0x18, %3"
        : "=&r"(w), "=&r"(x), "=&r"(y), "=&r"(z)
        :
        : "r9");
    say("gs %x %x written %x %x\n", w, x, y, z);
    __asm__ volatile("mov $-0x123456789, %%rax; wrfsbase %%rax; rdfsbase %%r11; rdfsbase %%ebx; mov %%r11, "
                     "%0; mov %%rbx, %1;"
                     "wrfsbase %%eax; rdfsbase %%rax"
                     : "=&r"(a), "=&r"(b), "=&a"(c)
                     :
                     : "rbx", "r11");
    say("fs %lx %lx %lx\n", a, b, c);
    TRY("not canonical", "mov $1, %%rax; shl $47, %%rax; wrgsbase %%rax", : : : ALL);
    TRY("32 bits are", "mov $-1, %%rax; wrfsbase %%eax", : : : ALL);
    wrmsr(0xc0000103, 0x1234);
    __asm__ volatile(
        "mov $-1, %%rcx; rdtscp; mov %%rcx, %0; shr $32, %%rax; shr $32, %%rdx; lea (%%rax,%%rdx), %1"
        : "=&r"(a), "=&r"(b)
        :
        : "rax", "rcx", "rdx", "cc");
    say("tsc aux %lx, upper halves %lx\n", a, b);
}

static void user_registers(void)
{
    TRY("user swapgs", "swapgs", : : : ALL);
    TRY("user cli", "cli", : : : ALL);
    TRY("user sti", "sti; nop", : : : ALL);
    TRY("user cr2", "mov %%cr2, %%rax", : : : ALL);
    TRY("user rdtsc", "mov $7, %%eax; rdtsc", : : : ALL);
    TRY("user rdtscp", "rdtscp", : : : ALL);
    TRY("user rdfsbase", "rdfsbase %%rax", : : : ALL);
    TRY("user hlt", "hlt", : : : ALL);
}

/* ---- strings ---- */

#define STRING(name, insns, di, si, n, val)                                                                  \
    do {                                                                                                     \
        word to = (word)(di), from = (word)(si), count = (n), a = (val);                                     \
        try_start();                                                                                         \
        __asm__ volatile(TRY_BEGIN insns "; cld" TRY_END                                                     \
                         : "+D"(to), "+S"(from), "+c"(count), "+a"(a)                                        \
                         :                                                                                   \
                         : "memory", "cc");                                                                  \
        __asm__ volatile("cld");                                                                             \
        try_tell(name);                                                                                      \
        say("  di %lx si %lx cx %lx\n", to - (word)(di), from - (word)(si), count);                          \
    } while (0)

static uint8_t *const ram = (uint8_t *)0x220000;

static uint32_t sum(const uint8_t *at, unsigned n)
{
    uint32_t s = 0;
    for (unsigned i = 0; i < n; i++)
        s = s * 31 + at[i];
    return s;
}

static void fill(void)
{
    for (unsigned i = 0; i < 0x8000; i++)
        ram[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void strings(void)
{
    map(0, 0x230000 | P | W);
    map(1, 0);
    map(2, 0x231000 | P);
    map(8, MMIO_ECHO | P | W);
    uint8_t *end = (uint8_t *)WINDOW + 0x1000;
    fill();
    STRING("movsb", "rep movsb", ram + 0x4100, ram, 0x1800, 0);
    say("  %x\n", sum(ram + 0x4000, 0x2000));
    STRING("movsb into a hole", "rep movsb", end - 0x10, ram, 0x20, 0);
    STRING("movsb from a hole", "rep movsb", ram + 0x100, end - 8, 0x20, 0);
    STRING("movsq into a hole, astride", "rep movsq", end - 0x14, ram, 0x10, 0);
    STRING("movsl to read-only", "rep movsl", end + 0x1000, ram, 4, 0);
    STRING("stosq into a hole", "rep stosq", end - 0x18, ram, 8, 0x1122334455667788);
    STRING("stosb into a hole", "rep stosb", end - 3, ram, 8, 0x77);
    say("  %x\n", sum((uint8_t *)WINDOW + 0xf00, 0x100));
    STRING("movsb upon itself", "rep movsb", ram + 1, ram, 0x200, 0);
    STRING("movsq four apart", "rep movsq", ram + 0x404, ram + 0x400, 0x20, 0);
    STRING("movsq nine apart", "rep movsq", ram + 0x809, ram + 0x800, 0x20, 0);
    STRING("movsl downwards upon itself", "rep movsl", ram + 0xb00, ram + 0xb02, 0x20, 0);
    say("  %x\n", sum(ram, 0x1000));
    STRING("movsw backwards", "std; rep movsw", ram + 0xd80, ram + 0xc80, 0x20, 0);
    STRING("stosl backwards", "std; rep stosl", ram + 0xe80, ram, 0x20, 0x99aabbcc);
    say("  %x\n", sum(ram, 0x1000));
    STRING("none", "rep movsb", ram, ram, 0, 0);
    STRING("single", "movsq; stosl; movsb", ram + 0xf00, ram + 0xf80, 9, 0x12345678);
    STRING("32-bit addresses", "rep movsb (%%esi), (%%edi)", ram + 0x200, ram + 0x300, 0x40, 0);
    STRING("stosw", "rep stosw", ram + 0xfff, ram, 0x90, 0xbbaa);
    STRING("to a device", "rep movsl", WINDOW + 0x8020, ram, 4, 0);
    STRING("from a device", "rep movsl", ram, WINDOW + 0x8022, 3, 0);
    STRING("scasb", "repne scasb", ram + 0x5000, ram, 0x100, ram[0x5021]);
    STRING("cmpsb", "repe cmpsb", ram + 0x4100, ram + 0x4100, 0x80, 0);
    STRING("lodsq", "rep lodsq", ram, ram + 0x1ffd, 3, 0);
    say("  %x\n", sum(ram, 0x2000));
}

static void user_strings(void)
{
    STRING("user movsb to kernel", "rep movsb", WINDOW + 0xff0, ram, 0x20, 0);
}

/* Code that is written by string instructions runs as written. */
static void code(void)
{
    static const uint8_t one[] = {0xb8, 1, 0, 0, 0, 0xc3}, two[] = {0xb8, 2, 0, 0, 0, 0xc3};
    unsigned (*fn)(void) = (unsigned (*)(void))(0x240ffd);
    unsigned got = 0;
    for (unsigned n = 0; n < 4; n++) {
        memcpy((void *)0x240ffd, n & 1 ? two : one, sizeof(one));
        got = got * 16 + fn();
    }
    say("code %x\n", got);
}

/* ---- bits ---- */

#define BIT(name, insn, number)                                                                              \
    do {                                                                                                     \
        word zf, cf, n = (word)(number);                                                                     \
        memset(ram + 0x3000, 0x5a, 0x2000);                                                                  \
        __asm__ volatile("mov %3, %%r10; mov %2, %%r9; cmp %%eax, %%eax; " insn "; setz %b0; setc %b1"       \
                         : "=&q"(zf), "=&q"(cf)                                                              \
                         : "r"(n), "r"(ram + 0x4000)                                                         \
                         : "r9", "r10", "r11", "memory", "cc");                                              \
        say("%s: zf %lx cf %lx %x\n", name, zf & 1, cf & 1, sum(ram + 0x3000, 0x2000));                      \
    } while (0)

static void bits(void)
{
    BIT("bt", "bt %%r9, (%%r10)", 1);
    BIT("bt far", "bt %%r9, 8(%%r10)", 0x1235);
    BIT("btsq", "btsq %%r9, (%%r10)", 64 * 9 + 2);
    BIT("btsq before", "btsq %%r9, (%%r10)", -130);
    BIT("btrl before", "btrl %%r9d, (%%r10)", 0x5ffffffff - 61);
    BIT("btcl", "btcl %%r9d, 4(%%r10)", 0x123400000065);
    BIT("lock bts", "lock btsq %%r9, (%%r10)", 0x102);
    BIT("lock btr astride", "lock btrq %%r9, -4(%%r10)", 3);
    BIT("btsw", "btsw %%r9w, (%%r10)", 0x1fff0);
    BIT("bt indexed", "mov $3, %%r11d; bt %%r9, (%%r10, %%r11, 8)", 0x40);
    BIT("bts immediate", "btsq $0x45, (%%r10)", 0);
    map(3, 0x232000 | P);
    TRY("bts read-only", "mov $0x40003000, %%eax; mov $70, %%ecx; bts %%rcx, (%%rax)", : : : ALL);
    TRY("bt of a hole", "mov $0x40002fff, %%eax; mov $-48000, %%rcx; bt %%rcx, (%%rax)", : : : ALL);
}

/* ---- what was cached of page tables ---- */

static word called(void)
{
    word r = 0;
    __asm__ volatile(
        "mov $0x40005ff0, %%rbx; call *%%rbx; add %%rax, %0; shl $4, %0; call *%%rbx; add %%rax, %0"
        : "+&r"(r)
        :
        : "rax", "rbx", "memory", "cc");
    return r;
}

static void mappings(void)
{
    memcpy((void *)0x233ff0, "\xb8\x03\0\0\0\xc3", 6);
    memcpy((void *)0x234ff0, "\xb8\x04\0\0\0\xc3", 6);
    map(5, 0x233000 | P);
    say("calls %lx", called());
    map(5, 0x234000 | P);
    say(" invlpg %lx", called());
    pt[5] = 0x233000 | P;
    WRITE_CR(3, READ_CR(3));
    say(" cr3 %lx", called());
    WRITE_CR(4, READ_CR(4) | 0x80);
    map(5, 0x234000 | P | G);
    say(" global %lx", called());
    pt[5] = 0x233000 | P | G;
    WRITE_CR(3, READ_CR(3));
    invlpg((void *)(WINDOW + 0x5000));
    say(" invlpg %lx\n", called());
    for (unsigned i = 0; i < 512; i++)
        other_pt[i] = 0x235000 | P;
    *(uint32_t *)0x235000 = 0x55, *(uint32_t *)0x236000 = 0x66;
    map(6, 0x236000 | P);
    map(7, 0x236000 | P);
    uint32_t a = *(volatile uint32_t *)(WINDOW + 0x6000);
    pd[0] = 0x10e007;
    invlpg((void *)(WINDOW + 0x9000));
    say("table %x, another %x\n", a, *(volatile uint32_t *)(WINDOW + 0x7000));
    pd[0] = 0x10d007;
    WRITE_CR(3, READ_CR(3));
}

int main(void)
{
    vary();
    memset((void *)0x10c000, 0, 0x3000);
    pd[0] = 0x10d007;
    ((uint64_t *)0x101000)[1] = 0x10c007;
    shadows();
    flags();
    registers();
    WRITE_CR(4, (READ_CR(4) & ~(1ul << 16)) | 4);
    run_user(user_registers);
    WRITE_CR(4, READ_CR(4) & ~4ul);
    strings();
    run_user(user_strings);
    code();
    bits();
    mappings();
    return 0;
}
