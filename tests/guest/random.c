// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random: see random.h.
 *
 *     random [-s SEED] [-n INSTRUCTIONS] [-d ENGINE-DEBUG-BITS] [-k] [-v]
 *
 * The seed is printed; the same one makes the same sequences. -k: go on after a difference; -v: print all.
 * Exit status 1: a sequence differs; it is printed as short as it gets.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "random.h"

#define BATCH 128u

/* CF PF AF ZF SF DF OF */
#define FLAGS 0xcd5u

struct run {
    struct soft_guest *guest;
    bool verbose; /* each sequence before it runs in the engine: what if it does not come back */
    bool stepped;
    bool exact; /* no liveness analysis: flags count at faults too */
};

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static bool differ(bool print, const char *what, uint64_t a, uint64_t b)
{
    if (a == b)
        return false;
    if (print)
        printf("  %-8s native %016lx soft %016lx\n", what, a, b);
    return true;
}

static bool differ_bytes(bool print, const char *what, unsigned n, const uint8_t *a, const uint8_t *b,
                         size_t bytes)
{
    if (!memcmp(a, b, bytes))
        return false;
    if (print) {
        printf("  %s%u\n    native", what, n);
        for (size_t i = bytes; i-- > 0;)
            printf(" %02x", a[i]);
        printf("\n    soft  ");
        for (size_t i = bytes; i-- > 0;)
            printf(" %02x", b[i]);
        printf("\n");
    }
    return true;
}

/* The instruction that a trial ended at. */
static bool decode_last(const struct trial *t, const struct outcome *o, ZydisDecodedInstruction *z,
                        ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT])
{
    ZydisDecoder d;
    uint64_t at = o->out.rip - CODE_VA;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return at < t->code_len && ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, t->code + at, 15, z, ops));
}

static ZydisMnemonic last(const struct trial *t, const struct outcome *o)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    return decode_last(t, o, &z, ops) ? z.mnemonic : ZYDIS_MNEMONIC_INVALID;
}

static bool is_intel(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx;
}

/* An MMX instruction that faults at memory: Intel's processors have moved the x87 stack's top and tags by
 * then. */
static bool leaves_x87_open(const struct trial *t, const struct outcome *o)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    if (o->vector == 3 || !is_intel() || !decode_last(t, o, &z, ops))
        return false;
    for (unsigned i = 0; i < z.operand_count; i++)
        if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER && ops[i].reg.value >= ZYDIS_REGISTER_MM0 &&
            ops[i].reg.value <= ZYDIS_REGISTER_MM7)
            return true;
    return false;
}

/* A call to no address at all: Intel's processors have written where to return to by then. Of 8 bytes; 0:
 * none. */
static uint64_t written_in_vain(const struct trial *t, const struct outcome *o)
{
    return o->vector == 13 && is_intel() && last(t, o) == ZYDIS_MNEMONIC_CALL ? o->out.gpr[4] - 8 : 0;
}

/* Where processors differ among themselves in how an instruction faults: MASKMOV with a zero mask and what it
 * leaves of the x87 unit, which operand of CMPS is looked at first. */
static bool is_open(const struct trial *t, const struct outcome *o)
{
    switch (o->vector == 3 ? ZYDIS_MNEMONIC_INVALID : last(t, o)) {
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
    case ZYDIS_MNEMONIC_CMPSB:
    case ZYDIS_MNEMONIC_CMPSW:
    case ZYDIS_MNEMONIC_CMPSD:
    case ZYDIS_MNEMONIC_CMPSQ:
        return true;
    default:
        return false;
    }
}

/* A call with a bad target and a bad stack: which of them comes first is the processor's choice. */
static bool calls_nowhere(const struct trial *t, const struct outcome *native, const struct outcome *soft)
{
    return (native->vector == 12 || native->vector == 14) && soft->vector == 13 &&
           last(t, native) == ZYDIS_MNEMONIC_CALL;
}

static bool is_string(ZydisMnemonic m)
{
    switch (m) {
    case ZYDIS_MNEMONIC_MOVSB:
    case ZYDIS_MNEMONIC_MOVSW:
    case ZYDIS_MNEMONIC_MOVSD:
    case ZYDIS_MNEMONIC_MOVSQ:
    case ZYDIS_MNEMONIC_STOSB:
    case ZYDIS_MNEMONIC_STOSW:
    case ZYDIS_MNEMONIC_STOSD:
    case ZYDIS_MNEMONIC_STOSQ:
    case ZYDIS_MNEMONIC_LODSB:
    case ZYDIS_MNEMONIC_LODSW:
    case ZYDIS_MNEMONIC_LODSD:
    case ZYDIS_MNEMONIC_LODSQ:
        return true;
    default:
        return false;
    }
}

static bool is_scan(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_SCASB || m == ZYDIS_MNEMONIC_SCASW || m == ZYDIS_MNEMONIC_SCASD ||
           m == ZYDIS_MNEMONIC_SCASQ;
}

/*
 * How Intel's processors meet a fault, where AMD's (and the engine) do otherwise: string instructions with
 * 32-bit addresses have cut their registers by then, scans have the flags from before, stores of ten bytes
 * write nothing, gathers have cleared of their mask, VCVTPS2PH has set its flags. An x87 store with an
 * exception that is not masked does not look at memory; MOVSXD of 16 bits reads two bytes, not four.
 */
static bool faults_otherwise(const struct trial *t, const struct outcome *native, const struct outcome *soft)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    if (!is_intel() || soft->vector < 12 || soft->vector > 14 || !decode_last(t, soft, &z, ops))
        return false;
    if (z.meta.category == ZYDIS_CATEGORY_X87_ALU && native->out.v.fx[2] & 0x80 &&
        native->vector != soft->vector)
        return true;
    if (z.mnemonic == ZYDIS_MNEMONIC_MOVSXD && z.operand_width == 16)
        return true;
    return native->vector == soft->vector &&
           (z.mnemonic == ZYDIS_MNEMONIC_FBSTP || z.mnemonic == ZYDIS_MNEMONIC_FSTP ||
            z.mnemonic == ZYDIS_MNEMONIC_VCVTPS2PH || z.meta.category == ZYDIS_CATEGORY_AVX2GATHER ||
            is_scan(z.mnemonic) || (is_string(z.mnemonic) && z.address_width == 32));
}

/* Of what is moved in parts, the processor may meet the missing page at any of them. */
static bool moves_in_parts(const struct trial *t, const struct outcome *o)
{
    switch (last(t, o)) {
    case ZYDIS_MNEMONIC_FLDENV:
    case ZYDIS_MNEMONIC_FRSTOR:
    case ZYDIS_MNEMONIC_VMASKMOVPS:
    case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD:
    case ZYDIS_MNEMONIC_VPMASKMOVQ:
        return true;
    default:
        return false;
    }
}

static bool differ_x87(bool print, const struct vectors *a, const struct vectors *b)
{
    bool bad = differ_bytes(print, "fcw/fsw/ftw ", 0, a->fx, b->fx, 5);
    for (unsigned i = 0; i < 8; i++)
        bad |= differ_bytes(print, "st", i, a->fx + 32 + 16 * i, b->fx + 32 + 16 * i, 10);
    return bad;
}

static bool differ_vectors(bool print, const struct vectors *a, const struct vectors *b)
{
    bool bad = differ_bytes(print, "mxcsr ", 0, a->fx + 24, b->fx + 24, 4);
    for (unsigned i = 0; i < 16; i++) {
        bad |= differ_bytes(print, "xmm", i, a->fx + 160 + 16 * i, b->fx + 160 + 16 * i, 16);
        bad |= differ_bytes(print, "high half of ymm", i, a->high + 16 * i, b->high + 16 * i, 16);
    }
    return bad;
}

/* But for the 8 bytes at `but`. */
static bool differ_data(bool print, const uint8_t *a, const uint8_t *b, uint64_t but)
{
    unsigned told = 0;
    if (!memcmp(a, b, DATA_BYTES))
        return false;
    for (unsigned i = 0; i < DATA_BYTES && told < 8; i++) {
        if (a[i] == b[i] || DATA_VA + i - but < 8)
            continue;
        told++;
        if (print)
            printf("  memory %x native %02x soft %02x\n", DATA_VA + i, a[i], b[i]);
    }
    return told;
}

/* The translator looks for the page first, for the alignment of a vector or an x87 exception that waits
 * second; a jump to a non-canonical address faults there instead of at the jump. */
static bool is_open_when_translated(const struct outcome *native, const struct outcome *soft)
{
    if (soft->vector == 13 && native->vector == 13)
        return (uint64_t)((int64_t)(soft->out.rip << 16) >> 16) != soft->out.rip;
    return native->out.rip == soft->out.rip && soft->vector >= 12 && soft->vector <= 14 &&
           (native->vector == 13 || native->vector == 16);
}

/* The sequence wrote over itself and came to a bad end, by an instruction that it would not be given perhaps.
 */
static bool wrote_nonsense(const struct outcome *native, const struct outcome *soft)
{
    return native->patched && (native->vector != 3 || soft->vector != 3);
}

static bool outcomes_differ(const struct run *r, const struct trial *t, const struct outcome *a,
                            const struct outcome *b, bool print)
{
    if (is_open(t, a) || is_open(t, b))
        return false;
    if (wrote_nonsense(a, b) || calls_nowhere(t, a, b) || faults_otherwise(t, a, b))
        return false;
    if (!r->stepped && is_open_when_translated(a, b))
        return false;
    bool bad = differ(print, "vector", a->vector, b->vector);
    bad |= differ(print, "rip", a->out.rip, b->out.rip);
    if (a->vector == 14 && b->vector == 14) {
        unsigned ignore = moves_in_parts(t, a) ? 12 : 0;
        bad |= differ(print, "cr2", a->cr2 >> ignore, b->cr2 >> ignore);
        /* Linux tells user code that everything in the upper half is there. */
        bad |= a->cr2 >> 63 ? false : differ(print, "error", a->error, b->error);
    }
    for (unsigned i = 0; i < 16; i++)
        bad |= differ(print, gpr_names[i], a->out.gpr[i], b->out.gpr[i]);
    /* What the next instruction would overwrite, the translator does not keep for a handler to see; after
     * undefined ones come PUSHFQ, to clear them, or what was written over it. */
    if (a->vector == 3 || (r->exact && !a->patched && last(t, a) != ZYDIS_MNEMONIC_PUSHFQ))
        bad |= differ(print, "flags", a->out.flags & FLAGS, b->out.flags & FLAGS);
    if (!leaves_x87_open(t, a))
        bad |= differ_x87(print, &a->out.v, &b->out.v);
    bad |= differ_vectors(print, &a->out.v, &b->out.v);
    bad |= differ_data(print, a->data, b->data, written_in_vain(t, a));
    return bad;
}

static void print_code(const struct trial *t)
{
    ZydisFormatter f;
    ZydisDecoder d;
    ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (unsigned at = t->start; at < t->code_len;) {
        ZydisDecodedInstruction z;
        ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
        char text[128] = "?";
        unsigned len = 1;
        if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, t->code + at, t->code_len - at, &z, ops))) {
            ZydisFormatterFormatInstruction(&f, &z, ops, z.operand_count_visible, text, sizeof(text),
                                            CODE_VA + at, NULL);
            len = z.length;
        }
        printf("  %x ", CODE_VA + at);
        for (unsigned i = 0; i < 15; i++)
            i < len ? printf("%02x", t->code[at + i]) : printf("  ");
        printf(" %s\n", text);
        at += len;
    }
}

static void print_input(const struct trial *t)
{
    for (unsigned i = 0; i < 16; i++)
        printf("  %-3s %016lx%s", gpr_names[i], t->in.gpr[i], i % 4 == 3 ? "\n" : "");
    printf("  flags %lx mxcsr %x fcw %x\n", t->in.flags, *(const uint32_t *)(t->in.v.fx + 24),
           *(const uint16_t *)t->in.v.fx);
    printf("  fsw %x, st0..", *(const uint16_t *)(t->in.v.fx + 2));
    for (unsigned i = 0; i < 8; i++)
        printf(" %016lx", *(const uint64_t *)(t->in.v.fx + 32 + 16 * i));
    printf("\n");
}

/* Both sides; true: they differ, or the host itself did not survive. */
static bool try_once(struct run *r, const struct trial *t, bool print)
{
    static struct outcome native, soft;
    if (host_run(t, &native, 1) != 1)
        return false;
    soft_run(r->guest, t, &soft);
    if (print)
        printf("  native ended by vector %u at %lx, soft by %u at %lx\n", native.vector, native.out.rip,
               soft.vector, soft.out.rip);
    return outcomes_differ(r, t, &native, &soft, print);
}

/* Leave out what can be left out. */
static void shorten(struct run *r, struct sequence *s, struct trial *t)
{
    for (unsigned i = s->nr; i-- > 0;) {
        struct sequence less = *s;
        struct trial u = *t;
        if (s->pieces[i].glued)
            continue;
        unsigned n = i + 1 < s->nr && s->pieces[i + 1].glued ? 2 : 1;
        memmove(&less.pieces[i], &less.pieces[i + n], (less.nr - i - n) * sizeof(less.pieces[0]));
        less.nr -= n;
        gen_layout(&less, &u);
        if (!try_once(r, &u, false))
            continue;
        *s = less;
        *t = u;
    }
    if (s->repeats) {
        struct sequence once = *s;
        struct trial u = *t;
        once.repeats = 0;
        gen_layout(&once, &u);
        if (try_once(r, &u, false)) {
            *s = once;
            *t = u;
        }
    }
}

static void report(struct run *r, const struct sequence *whole, const struct trial *t, uint64_t seed,
                   const struct outcome *native, const struct outcome *soft)
{
    struct sequence s = *whole;
    struct trial u = *t;
    printf("sequence %lu differs\n", seed);
    if (!try_once(r, &u, false)) {
        printf("  but not when it runs alone\n");
        print_code(&u);
        outcomes_differ(r, t, native, soft, true);
        return;
    }
    shorten(r, &s, &u);
    print_code(&u);
    print_input(&u);
    try_once(r, &u, true);
    fflush(stdout);
}

/* A sequence is a function of its number alone. */
static unsigned make(uint64_t number, struct sequence *s, struct trial *t)
{
    struct rng r = {number};
    unsigned tested = 0;
    r.s = rnd(&r); /* streams of neighbours must not be one another's, shifted */
    memset(t, 0, sizeof(*t));
    gen_sequence(&r, s);
    gen_registers(&r, &t->in);
    t->data_seed = rnd(&r);
    gen_layout(s, t);
    for (unsigned i = 0; i < s->nr; i++)
        tested += s->pieces[i].tested;
    return tested;
}

/* How many instructions were tried; *ret_bad counts the sequences that differ. */
static unsigned long batch(struct run *r, uint64_t first, unsigned *ret_bad)
{
    static struct sequence sequences[BATCH];
    static struct trial trials[BATCH];
    static struct outcome native[BATCH], soft;
    unsigned tested[BATCH];
    unsigned long sum = 0;
    for (unsigned i = 0; i < BATCH; i++)
        tested[i] = make(first + i, &sequences[i], &trials[i]);
    for (unsigned from = 0; from < BATCH;) {
        unsigned n = host_run(trials + from, native + from, BATCH - from);
        for (unsigned i = from; i < from + n; i++) {
            if (r->verbose) {
                printf("sequence %lu\n", first + i);
                print_code(&trials[i]);
                fflush(stdout);
            }
            soft_run(r->guest, &trials[i], &soft);
            sum += tested[i];
            if (!outcomes_differ(r, &trials[i], &native[i], &soft, false))
                continue;
            ++*ret_bad;
            report(r, &sequences[i], &trials[i], first + i, &native[i], &soft);
        }
        from += n;
        if (from < BATCH) {
            printf("sequence %lu: the host's own run did not end\n", first + from);
            from++;
        }
    }
    return sum;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    unsigned long count = 1000000, done = 0;
    unsigned bad = 0;
    uint32_t debug = 0;
    bool keep_going = false, verbose = false;
    int c;
    while ((c = getopt(argc, argv, "s:n:d:kv")) != -1)
        switch (c) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            count = strtoul(optarg, NULL, 0);
            break;
        case 'd':
            debug = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'v':
            verbose = true;
            break;
        case 'k':
            keep_going = true;
            break;
        default:
            return 2;
        }
    printf("seed %lu\n", seed);
    struct run r = {.guest = soft_new(debug),
                    .verbose = verbose,
                    .stepped = debug & CPU_DEBUG_STEP,
                    .exact = debug & (CPU_DEBUG_STEP | CPU_DEBUG_NO_LIVE)};
    while (done < count && (keep_going || !bad)) {
        done += batch(&r, seed, &bad);
        seed += BATCH;
    }
    soft_delete(r.guest);
    printf("%lu instructions, %u sequences differ\n", done, bad);
    return bad ? 1 : 0;
}
