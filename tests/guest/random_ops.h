// SPDX-License-Identifier: GPL-2.0-or-later
/* random_ops: instructions with a register and an operand in ModRM, of which random_shape.c makes sequences.
 */
#pragma once

#include "random.h"

enum {
    SIZED = 1,  /* code | 1: wider than a byte */
    WIDE = 2,   /* never a byte */
    VECTOR = 4, /* its operand size lies in the prefix alone */
    RARE = 8,
    VEX = 16, /* prefix counts as pp, map as there; vvvv is a register */
};

struct op {
    uint8_t prefix, map, code; /* map 1: 0f, 2: 0f38, 3: 0f3a */
    int8_t digit;              /* in ModRM.reg; -1: a register there */
    uint8_t imm;               /* bytes; 4: as many as the operand size gives */
    uint8_t how;
};

extern const struct op shape_ops[];
extern const unsigned nr_shape_ops;
