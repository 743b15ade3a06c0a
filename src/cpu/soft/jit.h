// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit: the translator's data, shared by its parts.
 *
 *   jit.c        life, dispatcher                  jit_cache.c  blocks, links, invalidation, emptying
 *   jit_block.c  one block: decode, order, emit    jit_live.c   which flags are needed
 *   jit_mem.c    address, TLB check, slow paths    jit_flow.c   jumps, calls, stack, polls
 *   jit_reenc.c  ordinary instructions             jit_emit.h   bytes of host code
 *   jit_sys.c    frequent privileged instructions  jit_fault.c  native faults
 *   jit_enter.S  in and out                        jit_jcache.c jump cache
 *
 * Code memory is one memfd mapped twice, W and X. Everything is allocated upwards and freed all at once,
 * when it is full and all CPUs are out of it.
 */
#pragma once

#include "cpu/soft/insn.h"
#include "cpu/soft/soft.h"

#define JIT_CODE_BYTES (64u << 20)
#define JIT_BLOCKS     (1u << 19)
#define JIT_SITES      (1u << 22)
#define JIT_PAGES      (1u << 16)
#define JIT_BLOCK_ROOM (40u << 10) /* more than any block needs */
#define JIT_MAX_INSNS  64u

struct block;

/* A direct jump within a page: `site` is its displacement in the code. Unlinked it leads to `stub`. */
struct link {
    uint32_t site, stub;
    uint16_t off; /* where it goes in the guest's page */
    struct block *to;
    struct link *next; /* of those that lead to the same block */
};

/* Where an instruction of a block starts: for faults that it raises natively. */
struct site {
    uint16_t host;  /* from the block's code */
    uint16_t guest; /* offset in the page */
};

struct jpage;
struct block {
    struct block *next; /* in its page, by start */
    struct jpage *page;
    uint32_t code;       /* of its entry for indirect jumps: r9 is the address */
    uint32_t body;       /* entry for links */
    uint32_t code_end;   /* all are offsets in the code memory */
    uint32_t mode;       /* MODE_* */
    uint16_t start, end; /* in the page, end excluded */
    uint16_t nr_sites;
    uint64_t ahead; /* lines beyond it that `live` was found in */
    uint16_t live;  /* arithmetic flags that it needs, FL_* */
    uint8_t nr_out;
    bool dead;
    const struct site *sites;
    struct link *in;
    struct link out[2];
};

#define JPAGE_LINES 64u
struct jpage {
    uint64_t lines; /* 64-byte lines that hold translated bytes */
    uint64_t gpa;
    unsigned nr_blocks;
    uint64_t starts[JPAGE_LINES];       /* a bit for each offset where a block starts, in any mode */
    struct block *by_line[JPAGE_LINES]; /* by the line of the start */
};

/* The lines of [start, end), not empty. */
static inline uint64_t lines_of(unsigned start, unsigned end)
{
    unsigned first = start / 64, last = (end - 1) / 64;
    return (last == 63 ? 0 : ~0ull << (last + 1)) ^ (~0ull << first);
}

struct tr;
struct jit {
    struct soft *soft;
    _Atomic uint32_t lock;  /* 0 free, 1 held, 2 held and waited for */
    _Atomic uint64_t epoch; /* how often the cache was emptied; odd: just being emptied */
    uint8_t *rw, *rx;       /* JIT_CODE_BYTES */
    uint32_t used, start;   /* start: after the fixed stubs */
    struct block *blocks;   /* in order of code; 0 is unused */
    unsigned nr_blocks;
    struct site *sites;
    unsigned nr_sites;
    struct jpage *pages;
    unsigned nr_pages;
    struct jpage **by_index; /* by the index of a RAM page */
    uint64_t ram_pages;
    struct tr *tr; /* the translator's work space */
    uint32_t exit_link, exit_jump, exit_dead, exit_step, exit_poll, exit_vec, slow; /* fixed stubs */
};

/* Why translated code was left. */
enum jit_exit { EXIT_LINK = 1, EXIT_JUMP, EXIT_STEP, EXIT_POLL, EXIT_VEC, EXIT_NO_GROUPS };
/* A block's mode has this too if it checks each access by itself. */
#define MODE_NO_GROUPS (1u << 31)
/* An indirect jump that missed says how to be back at its start: offset in the page | bytes popped << 12. */
#define UNDO      (1u << 31)
#define UNDO_CALL (1u << 30)
/* scratch[] of struct vcpu, translated code's share */
enum { S_CODE, S_INFO, S_FLAGS, S_RETURN, S_SLOW, S_RCX, S_TARGET, S_GROUP };

/* ---- jit_enter.S ---- */
unsigned jit_enter(struct vcpu *v, uint64_t code, uint64_t flags);
void jit_exit_link(void);
void jit_exit_jump(void);
void jit_exit_step(void);
void jit_exit_poll(void);
void jit_exit_vec(void);
void jit_slow(void);

/* ---- jit_cache.c; _locked: jit's lock is held ---- */
void jit_lock(struct jit *j);
void jit_unlock(struct jit *j);
int cache_new(struct jit *j, struct err *e);
void cache_free(struct jit *j);
bool cache_full_locked(const struct jit *j);
struct jpage *cache_page_locked(struct jit *j, uint64_t gpa, bool make);
struct block *cache_find_locked(const struct jpage *p, unsigned off, uint32_t mode);
struct block *cache_add_locked(struct jit *j, struct jpage *p);
void cache_link_locked(struct jit *j, struct link *l, struct block *to);
struct link *cache_link_of(struct jit *j, uint32_t number);
const struct block *cache_at_code(const struct jit *j, uint64_t pc); /* signal context */

/* ---- jit_block.c ---- */
/* Translate from v->rip, which is in the page. NULL: its first instruction is for the stepper. */
struct block *block_translate_locked(struct vcpu *v, struct jit *j, struct jpage *p, unsigned off,
                                     uint32_t mode);
int tr_new(struct tr **ret, struct err *e);
void tr_free(struct tr *t);

/* ---- jit_live.c ---- */
struct flag_use {
    uint16_t reads, writes; /* FL_ARITH bits; writes: whatever happens */
};
struct flag_use flags_of(const ZydisDecodedInstruction *z, const uint8_t *bytes);
/* Arithmetic flags that the code at off of a page needs when it is entered. */
/* *seen gains the lines of the page that the answer depends on. */
uint16_t flags_ahead(const struct jpage *p, const uint8_t *page, unsigned off, uint32_t mode, unsigned depth,
                     uint64_t *seen);

/* ---- jit_jcache.c ---- */
uint64_t jcache_find(const struct vcpu *v, uint64_t va);
void jcache_insert(struct vcpu *v, uint64_t va, uint64_t code);
/* Offset in struct vcpu of the half that this mode uses. */
static inline uint32_t jcache_half(uint32_t mode)
{
    uint32_t half = (uint32_t)sizeof(struct jcache_entry) << (JCACHE_BITS - 1);
    return VCPU_OFF(jcache) + (mode & MODE_USER ? half : 0);
}

/* ---- jit_sys.c ---- */
/* Frequent instructions that C runs without decoding them again: 16 bits for the exit, 0: none. next_byte:
 * the first of the instruction behind. */
uint32_t jit_sys_op(const struct insn *i, uint32_t mode, uint8_t next_byte);
/* Run it; rip too. false: the stepper shall. Faults. */
bool jit_sys_run(struct vcpu *v, uint32_t what, unsigned len);
