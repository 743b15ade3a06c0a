// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_call: instructions that C executes for translated code, which goes on with the next one at once: the
 * stepper's, without its fetch and decode, without the dispatcher.
 *
 * What was decoded at translation is kept in a table, a row for each different sequence of bytes, never taken
 * back: it does not depend on where it stands. Threads: rows are made with jit's lock held and not changed
 * any more.
 */
#include <sys/mman.h>

#include "cpu/soft/copy.h"
#include "cpu/soft/jit_call.h"
#include "cpu/soft/run.h"

#define KNOWN_ROWS 4096u
#define KNOWN_HASH 1024u

struct known {
    struct stepped row[KNOWN_ROWS]; /* touched as they are used */
    uint16_t next[KNOWN_ROWS];
    uint16_t first[KNOWN_HASH]; /* row + 1 */
    unsigned nr;
};

int call_new(struct jit *j, struct err *e)
{
    void *p = mmap(NULL, sizeof(struct known), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "translator");
    j->known = p;
    return 0;
}

void call_free(struct jit *j)
{
    if (j->known)
        munmap(j->known, sizeof(*j->known));
}

static bool same(const struct insn *a, const struct insn *b)
{
    if (a->len != b->len)
        return false;
    for (unsigned n = 0; n < a->len; n++)
        if (a->bytes[n] != b->bytes[n])
            return false;
    return true;
}

static unsigned hash_of(const struct insn *i)
{
    uint32_t h = i->len;
    for (unsigned n = 0; n < i->len; n++)
        h = (h ^ i->bytes[n]) * 0x01000193;
    return h % KNOWN_HASH;
}

/* Who runs it in C, if it is not one of sys.c's alone; NULL: it runs natively. */
static step_fn *handler_of(const struct insn *i)
{
    step_fn *fn = string_handler(i);
    fn = fn ? fn : rare_handler(i);
    return fn ? fn : save_handler(i);
}

/* Only instructions that sys_execute or a handler in C does wholly. */
static struct stepped *known(struct jit *j, const struct insn *i)
{
    struct known *k = j->known;
    unsigned h = hash_of(i);
    step_fn *fn = handler_of(i);
    if (!fn && !sys_owns(i))
        return NULL;
    for (unsigned n = k->first[h]; n; n = k->next[n - 1])
        if (same(&k->row[n - 1].insn, i))
            return &k->row[n - 1];
    if (k->nr == KNOWN_ROWS)
        return NULL;
    struct stepped *s = &k->row[k->nr];
    copy_bytes(&s->insn, i, sizeof(*i));
    s->run = fn ? fn : flow_handler(i);
    k->next[k->nr] = k->first[h];
    k->first[h] = (uint16_t)++k->nr;
    return s;
}

uint32_t call_add(struct jit *j, const struct guest_insn *g)
{
    uint32_t n = j->nr_calls++;
    j->calls[n] = (struct call){
        .s = g->insn.len ? known(j, &g->insn) : NULL,
        .off = g->off,
        .op = g->op,
        .len = g->insn.len,
        .arg = g->op_arg,
    };
    return n;
}

/* ---- running ---- */

static void run(struct vcpu *v, const struct call *c)
{
    unsigned mnemonic = c->s ? c->s->insn.mnemonic : 0;
    cpu_count(&v->stats.steps);
    switch (c->op) {
    case OP_MOVS:
    case OP_STOS:
        if (string_plain(v, c->op == OP_MOVS, c->arg & 15, c->arg & OP_REPEATED)) {
            step_count(v, mnemonic);
            v->rip += c->len;
            return;
        }
        break;
    default:
        break;
    }
    if (c->s && sys_execute(v, &c->s->insn)) {
        step_count(v, mnemonic);
        return;
    }
    if (!c->s || !c->s->run) {
        step(v);
        return;
    }
    step_count(v, mnemonic);
    c->s->run(v, c->s);
}

/* Code at v->rip; NULL: none, or the dispatcher shall see to it. */
static const void *next_code(struct jit *j, struct vcpu *v)
{
    if (!(v->mode & MODE_LONG64) || v->soft->debug & (CPU_DEBUG_NO_CHAIN | CPU_DEBUG_NO_JCACHE))
        return NULL;
    const void *code = jcache_find(v, v->rip);
    if (!code) {
        atomic_store_explicit(&v->in_code, false, memory_order_release); /* it may flush, or fault */
        code = jit_look_up(j, v, 0);
    }
    if (!code || !(v->in_code || cache_enter(j, v)))
        return NULL;
    jit_ready(v);
    return code;
}

const void *jit_call(struct vcpu *v)
{
    struct jit *j = v->soft->jit;
    uint32_t number = SITE_NUMBER(v->jit_site);
    v->rflags = (v->rflags & ~(uint64_t)FL_ARITH) | SLOT_FLAGS(v->jit_flags);
    v->jit_site = SITE(LEAVE_LOOKUP, 0, false);
    if (number != CALL_GOTO) {
        const struct call c = j->calls[number];
        v->rip = v->page_va + c.off;
        run(v, &c);
    }
    const void *code = run_is_interrupted(v) ? NULL : next_code(j, v);
    v->scratch[1] = v->jit_flags = FLAGS_SLOT(v->rflags);
    return code;
}
