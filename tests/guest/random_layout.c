// SPDX-License-Identifier: GPL-2.0-or-later
/* random_layout: from pieces to code. */
#include <string.h>

#include "random.h"

static void resolve(const struct piece *p, uint8_t *at, uint64_t va, uint64_t target)
{
    uint64_t next = va + p->len, rel = target - next;
    if (p->rel_bytes == 8)
        memcpy(at + p->len - 8, &target, 8);
    else if (p->rel_bytes)
        memcpy(at + p->len - p->rel_bytes, &rel, p->rel_bytes);
    if (p->disp_at) {
        uint32_t disp = (p->patches ? (uint32_t)target : p->rip_target) - (uint32_t)next;
        memcpy(at + p->disp_at, &disp, 4);
    }
}

/* The piece that a branch leads to. */
static unsigned target_of(const struct piece *p, unsigned i)
{
    unsigned back = p->skip < -1 ? (unsigned)(-1 - p->skip) : 0;
    return p->skip >= 0 ? i + 1u + (unsigned)p->skip : back > i ? 0 : i - back;
}

void gen_layout(const struct sequence *s, struct trial *t)
{
    /* int3 at the end; before it, if the sequence repeats: decl COUNTER; jns start. */
    uint8_t tail[16] = {0xff, 0x0c, 0x25};
    uint32_t counter = COUNTER_VA, offsets[MAX_INSNS + 1], len = s->start;
    memcpy(tail + 3, &counter, 4);
    for (unsigned i = 0; i < s->nr; i++) {
        offsets[i] = len;
        len += s->pieces[i].len;
    }
    offsets[s->nr] = len;
    for (unsigned i = 0; i < s->nr; i++) {
        const struct piece *p = &s->pieces[i];
        unsigned to = target_of(p, i);
        memcpy(t->code + offsets[i], p->bytes, p->len);
        to = to < s->nr ? to : s->nr;
        resolve(p, t->code + offsets[i], CODE_VA + offsets[i],
                CODE_VA + offsets[to] + (p->patches && to < s->nr ? s->pieces[to].len - 4u : 0));
    }
    if (s->repeats) {
        int32_t back = -(int32_t)(len - s->start + 13);
        memcpy(t->code + len, tail, 7);
        t->code[len + 7] = 0x0f, t->code[len + 8] = 0x89;
        memcpy(t->code + len + 9, &back, 4);
        len += 13;
    }
    t->code[len++] = 0xcc;
    t->start = s->start;
    t->code_len = len;
    t->repeats = s->repeats;
}
