// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flat: a machine without firmware or kernel around one engine: RAM, interrupt controllers, PIT, and ports by
 * which a program speaks to the runner (prog/lib.h). CPU 0 starts in real mode at 0:8000.
 */
#pragma once

#include "board/clock.h"
#include "cpu/cpu.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/pic.h"
#include "dev/pit.h"

#define FLAT_RAM   (16u << 20)
#define FLAT_ENTRY 0x8000u

struct loop;

struct flat_config {
    const struct engine_ops *engine;
    unsigned cpus;
    uint32_t debug;
    const void *image;
    size_t image_len;
    unsigned seconds; /* it must end within */
    bool timer;       /* a PIT tick on real time; without it nothing happens by itself */
};

enum flat_end { FLAT_EXIT, FLAT_SHUTDOWN, FLAT_FAILED, FLAT_TIMEOUT };

struct flat_result {
    enum flat_end end;
    uint8_t status; /* FLAT_EXIT */
    bool varies;    /* the program says that registers and memory depend on time */
    char text[24576];
    struct cpu_state state;          /* CPU 0 */
    uint64_t pages[FLAT_RAM / 4096]; /* digest of each, 0: all zero */
    struct cpu_stats stats;          /* CPU 0 */
};

/* Run a program to its end. -errno: no machine came up. */
int flat_run(const struct flat_config *c, struct flat_result *ret, struct err *e);

/* The result as text, line by line comparable. */
void flat_print(FILE *to, const struct flat_result *r, bool with_state);
