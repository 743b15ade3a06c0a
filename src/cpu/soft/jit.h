// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit: what the parts of the translator share. How it all works: docs/soft-engine.md.
 *
 *   jit.c         the dispatcher: from rip to translated code and back      jit_enter.S  in and out
 *   jit_cache.c   blocks by address, links, invalidation, flushing
 *   jit_memory.c  code memory, and how forks of the process share it
 *   jit_page.c    pages with code that are written: open and closed, sleeping blocks
 *   jit_loose.c   immediates that are written again and again
 *   jit_block.c   a run of guest instructions becomes a block
 *   jit_decode.c  what an instruction is to the translator; flag liveness
 *   jit_group.c   which accesses share one check
 *   jit_split.c   ... but cross a page's end too often
 *   jit_loop.c    loops of one block: checks before them
 *   jit_place.c   a guest's address becomes a host operand: TLB check
 *   jit_encode.c  the same instruction with another operand            jit_asm.h     host instructions
 *   jit_scratch.c what r9 to r11 hold, where the flags are
 *   jit_mem.c     copies, stack instructions                           jit_bit.c     bits of memory by number
 *   jit_sys.c     system instructions, inline                          jit_call.c    ... and in C
 *   jit_jump.c    the ends of blocks: jumps, calls, returns            jit_jcache.c  the jump cache
 *   jit_page.c    pages with code that are written                     jit_loose.c   code whose numbers are
 * patched
 *
 * Threads: everything that changes the cache holds jit->lock; translated code is run without it.
 */
#pragma once

#include "cpu/soft/insn_form.h"
#include "cpu/soft/soft.h"

#define JIT_CODE_BYTES (128u << 20) /* host code, at most; memory is touched as it is used */
#define JIT_CODE_FIRST (12u << 20)  /* ... before it grows, see cache_make_room */
#define JIT_CODE_SMALL (1u << 20)   /* under CPU_DEBUG_SMALL_CACHE */
#define JIT_GRANULE    (16u << 10)  /* what is copied at once after a fork */
#define JIT_GROW_NS    10000000000u
#define JIT_BLOCKS     (1u << 19)
#define JIT_SITES      (3u << 20)
#define JIT_EXITS      (1u << 20)
#define JIT_MARKS      (6u << 20)
#define JIT_HASH       (1u << 18)
#define JIT_CALLS      (1u << 18)
#define JIT_PATCHED    64u
#define BLOCK_INSNS    48

/* The slot that saves flags: AX after LAHF; SETO AL. */
#define SLOT_FLAGS(ax) (((ax) >> 8 & (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF)) | ((ax) & 1 ? FL_OF : 0))
/* A block without groups, besides what the vCPU's mode says. */
#define MODE_NO_GROUPS (1u << 31)
/* A block of one instruction, which goes on in the next page. */
#define MODE_ACROSS  (1u << 30)
#define APART_ROUNDS 32 /* of a loop without groups before these are tried again */
#define APART_LOOKS  8  /* of so many crossings one is looked at by jit_split.c */
#define LOOP_ROUNDS  2  /* the same for accesses that move over the end of a page */

/* ... and back. */
#define FLAGS_SLOT(fl) ((uint32_t)(((fl) & (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF)) << 8 | ((fl) >> 11 & 1)))

/* Why translated code left: the top bits of v->jit_site, below them a number. */
enum leave {
    LEAVE_LOOKUP,  /* v->rip is where to go on */
    LEAVE_STEP,    /* the instruction at page offset `number` is for the stepper */
    LEAVE_LINK,    /* exit `number` wants its target */
    LEAVE_REQUEST, /* v->request; go on at page offset `number` */
    LEAVE_STALE,   /* the block at page offset `number` is gone */
    LEAVE_MISS,    /* slow path of site `number` */
    LEAVE_APART,   /* go on at page offset `number` in a block without groups */
    LEAVE_VEC,     /* the vectors of site `number` are not in the registers */
    LEAVE_TARGET,  /* the jump cache has nothing for r9, where the jump at site `number` leads */
};
#define SITE_REASON(site) ((site) >> 28)
#define SITE_IN_SLOT      (1u << 27) /* the guest's flags are in the slot, not in the host's */
#define SITE_NUMBER(site) ((site) & (SITE_IN_SLOT - 1))
#define SITE(reason, number, in_slot)                                                                        \
    ((uint32_t)(reason) << 28 | ((in_slot) ? SITE_IN_SLOT : 0u) | (uint32_t)(number))

/* A memory access with an inlined check, or a group of them. */
struct site {
    uint32_t retry;    /* host code offset where the check starts again */
    uint32_t apart;    /* ... of the entry of the block without groups for its instruction; 0: not known */
    uint16_t off;      /* of the guest instruction in its page */
    uint16_t bytes;    /* of the access */
    uint16_t first_at; /* a group: of its first access, from the lowest; ... */
    uint8_t first_bytes;
    uint8_t addr; /* host register: linear address */
    bool write, first_write;
    bool group;
    bool ahead, moving; /* a loop's: before its first instruction; each round a little further */
};

/* A direct jump to another block of the page. */
struct exit {
    uint32_t patch;  /* code offset of the jump's 4-byte displacement */
    uint32_t stub;   /* where it leads while it is not linked */
    uint32_t block;  /* whose it is */
    uint32_t next;   /* next exit that leads to the same target; 0: none */
    uint16_t target; /* page offset */
    bool apart;      /* to a block without groups */
};

/* Guest instruction at this host code offset, for native faults. Sorted: code grows upwards. */
struct mark {
    uint32_t code;
    uint16_t off;
    bool in_slot; /* flags */
};

struct block {
    uint64_t gpa;
    uint32_t mode;
    uint32_t entry; /* code offset where the jump cache leads: r9 is the address, flags are in the slot */
    uint32_t code, code_end; /* offsets */
    uint32_t stale;          /* code offset of its LEAVE_STALE; of that for who comes by the entry: */
    uint32_t stale_entry;
    uint64_t entry_was; /* its first five bytes while the block is awake */
    uint32_t hash_next, page_next;
    uint32_t incoming; /* exits that lead here */
    uint32_t
        twin; /* MODE_ACROSS: who stands for it in the next page, and has no code; and the other way round */
    uint64_t ahead; /* lines of the page that were looked at for flags: they may lie behind its own bytes */
    uint64_t sum;   /* of all bytes that it depends on */
    uint16_t bytes; /* guest code */
    uint16_t hole;  /* of which it does not depend on hole_bytes from here */
    uint8_t hole_bytes;
    bool step;   /* its first instruction is for the stepper */
    bool cut;    /* its first instruction goes on in the next page: look for a MODE_ACROSS */
    bool dead;   /* not to be entered */
    bool asleep; /* dead, but may be woken up: see jit_page.c */
};

/* What a block starts with, or a jump in its place: nop dword [rax+rax+0]. */
#define ENTRY_NOP 0x0000441f0full

/* 64-byte lines of its page that [gpa, gpa + bytes) touches. */
static inline uint64_t code_lines(uint64_t gpa, uint64_t bytes)
{
    unsigned first = (unsigned)(gpa & 0xfff) / 64, last = (unsigned)((gpa & 0xfff) + bytes - 1) / 64;
    return (last >= 63 ? ~0ull : (1ull << (last + 1)) - 1) & ~((1ull << first) - 1);
}

struct code_page {
    uint32_t first; /* block that is awake; 0: none */
    bool written;   /* after code of it had been translated */
    bool patched;   /* places of it are in jit.patched */
    uint8_t writes; /* elsewhere than into code, since it was closed */
    uint64_t lines; /* code_lines whose bytes blocks that are awake depend on; all while one is made */
    uint64_t sum;   /* the same, but for the last */
};

/* A place in code that was written. */
struct patched {
    uint64_t gpa;
    uint32_t writes;
};

struct decoder {
    struct insn_forms *forms; /* NULL: Zydis decodes everything */
    struct vcpu *v;           /* whose vectors are in its way; NULL: nobody's */
};

/* A block whose group crosses a page: the group of the access at page offset off has `below` bytes before it.
 */
struct split {
    uint64_t gpa;
    uint32_t mode;
    uint16_t off, below;
    uint16_t tries;
};
struct crossing {
    uint64_t page; /* of linear addresses */
    uint32_t site, times;
};
#define JIT_SPLITS    256u
#define JIT_CROSSINGS 256u

struct jit {
    struct soft *soft;
    uint32_t lock;    /* a futex: pthread's might touch vectors */
    uint8_t *rw, *rx; /* one memory, two mappings: jit_memory.c */
    int code_fd;      /* whose file new code goes to */
    uint32_t frozen;  /* code offsets below are shared with forks; 0: none are */
    uint64_t owned[JIT_CODE_BYTES / JIT_GRANULE / 64]; /* pieces of them that were copied since */
    uint32_t code_bytes;                               /* may be used */
    uint64_t emptied_ns;                               /* when it was full the last time; 0: never */
    uint32_t used, base;                               /* code offsets; base: behind the common stubs */
    uint32_t leave, miss[3];                           /* common stubs: r11, or r9 + n, carries the site */
    uint32_t call;                                     /* with r11 */
    uint32_t beyond[BANK_COUNT]; /* to linear address r9, flags in the slot; 0: not made yet */
    struct block *blocks;        /* 0 is none */
    struct site *sites;
    struct exit *exits;
    struct mark *marks;
    struct call *calls; /* jit_call.h */
    struct known *known;
    uint32_t nr_blocks, nr_sites, nr_exits, nr_marks, nr_calls;
    uint32_t *hash;
    struct code_page *pages; /* by ram_page_index */
    uint64_t nr_pages;
    _Atomic uint32_t flushing;
    _Atomic uint32_t generation; /* of the cache's content: how often it was flushed */
    bool bmi2;                   /* the host has RORX */
    struct split splits[JIT_SPLITS];
    struct crossing crossings[JIT_CROSSINGS];
    struct patched patched[JIT_PATCHED];
    struct insn_forms *forms;
    struct shapes *shapes;    /* jit_shape.c */
    struct decoder decoder;   /* of the one who holds the lock */
    struct translation *work; /* scratch of the one who holds the lock */
};

/* ---- jit_enter.S ---- */
void jit_enter(struct vcpu *v,
               const void *code); /* flags in by jit_flags, out by scratch[1], both as in the slot */
extern const char jit_leave_entry[], jit_miss_entry[], jit_call_entry[];
int jit_slow(struct vcpu *v); /* from jit_miss_entry: enum after_miss */
enum after_miss {
    TO_DISPATCHER,
    TO_RETRY, /* jit_retry, in the block */
    TO_ENTRY, /* jit_retry is another block's entry; flags are in the slot */
};

/* ---- jit.c ---- */
/* Where code for v->rip is; NULL: none, the stepper's. extra: MODE_NO_GROUPS, or 0. Faults, and may flush:
 * in_code is not set. */
const void *jit_look_up(struct jit *j, struct vcpu *v, uint32_t extra);
/* What code of the current mode counts on before it is entered. */
static inline void jit_ready(struct vcpu *v)
{
    if (v->mode & MODE_USER && !v->vec_live)
        vec_restore(v);
}

/* ---- jit_call.c ---- */
int call_new(struct jit *j, struct err *e);
void call_free(struct jit *j);

/* ---- jit_memory.c ---- */
int code_new(struct jit *j, struct err *e);
void code_free(struct jit *j);
/* These bytes are about to be changed: in place, or in a copy if forks have them too. Lock held. */
void code_own(struct jit *j, uint32_t at, uint32_t bytes);
/* All but the stubs is about to be written anew. */
void code_start_over(struct jit *j);

/* ---- jit_cache.c ---- */
void jit_lock(struct jit *j);
void jit_unlock(struct jit *j);
int cache_new(struct jit *j, struct err *e);
void cache_free(struct jit *j);
/* Lock held. 0: none, or all asleep. */
uint32_t cache_find(const struct jit *j, uint64_t gpa, uint32_t mode);
bool cache_full(const struct jit *j); /* no room for another block */
/* More of it, or an empty cache. Lock held, given up meanwhile; vectors are saved. */
void cache_make_room(struct jit *j, struct vcpu *v);
void cache_add(struct jit *j, uint32_t block);
/* The block of an instruction that goes on at next_gpa, the start of another page. */
uint32_t cache_find_across(const struct jit *j, uint64_t gpa, uint64_t next_gpa, uint32_t mode);
void cache_add_twin(struct jit *j, uint32_t block, uint64_t next_gpa, unsigned bytes);
void cache_link(struct jit *j, uint32_t exit, uint32_t block);
void cache_flush(struct jit *j, struct vcpu *v); /* lock held; given up meanwhile */
/* The page's code is about to be read: writers to any of its lines wait for the lock. */
void cache_watch_page(struct jit *j, struct vcpu *v, uint64_t gpa_page);
struct code_page *cache_page(const struct jit *j, uint64_t gpa);
uint32_t *cache_bucket(const struct jit *j, uint64_t gpa, uint32_t mode);
void cache_set_lines(struct jit *j, struct code_page *p); /* from its blocks */
void cache_sleep(struct jit *j, struct block *b);         /* the caller takes it off its page's list */
void cache_wake(struct jit *j, uint32_t block);
void cache_take_off_page(struct jit *j, uint32_t block);
/* This CPU goes into code that it found in its generation; false: that is gone, look again. */
bool cache_enter(struct jit *j, struct vcpu *v);
static inline void *cache_code(const struct jit *j, uint32_t off)
{
    return j->rx + off;
}

/* ---- jit_split.c ---- */
/* The group of a site has bytes on both sides of a page's end. Lock held. */
void split_note(struct jit *j, uint32_t site, uint64_t va);
const struct split *split_of(struct jit *j, uint64_t gpa, uint32_t mode); /* NULL: none */
bool split_is_hopeless(const struct split *e);                            /* better no groups at all */

/* ---- jit_shape.c ---- */
size_t shapes_bytes(void);
uint32_t shape_renew(struct jit *j, uint64_t gpa,
                     uint32_t mode); /* a sleeping block with new numbers; 0: none */
void shapes_forget(struct jit *j);

/* ---- jit_page.c ---- */
/* A sleeping block of this place whose bytes are what they were is awake again; 0: there is none. Lock held.
 */
uint32_t page_wake(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode);
/* Of what it depends on; bytes: its own, as they were read. */
uint64_t page_sum(const struct jit *j, const struct block *b, const uint8_t *bytes);
/* ---- jit_loose.c ---- */
void loose_note(struct jit *j, uint64_t gpa); /* a write into code starts here; lock held */
/* Is [gpa, gpa + size) all in the block's hole? */
static inline bool in_hole(const struct block *b, uint64_t gpa, unsigned size)
{
    uint64_t at = gpa - (b->gpa + b->hole);
    return at < b->hole_bytes && size <= b->hole_bytes - at;
}

/* ---- jit_jcache.c ---- */
/* The slot of an address; jit_jump.c has the same in code. */
static inline unsigned jcache_slot(uint64_t va)
{
    return (unsigned)(va ^ va >> JCACHE_BITS) & ((1u << JCACHE_BITS) - 1);
}
/* Code for this address in the current mode; NULL: none is known. */
static inline const void *jcache_find(const struct vcpu *v, uint64_t va)
{
    const struct jcache_entry *e = &v->jcache[v->mode & MODE_USER ? BANK_USER : BANK_KERNEL][jcache_slot(va)];
    return e->va == va ? (const void *)(uintptr_t)e->code : NULL;
}
/* va is in the TLB for fetches, and so is last, where the first instruction ends if that is another page. */
void jcache_add(struct vcpu *v, uint64_t va, uint64_t last, const void *code);
void jcache_drop(struct vcpu *v, uint64_t va);

/* ---- jit_block.c ---- */
void block_make_shared(struct jit *j, struct vcpu *v); /* once, before the first block */
/* Lock held, cache not full. */
uint32_t block_translate(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode);
/* next_gpa: of the next page's start; mode has MODE_ACROSS. */
uint32_t block_translate_across(struct jit *j, struct vcpu *v, uint64_t gpa, uint64_t next_gpa,
                                uint32_t mode);
