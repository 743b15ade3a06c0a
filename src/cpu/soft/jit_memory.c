// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_memory: the memory of translated code: one file in memory, mapped twice, writable here, executable
 * there.
 *
 * A fork of the process goes on with the translations that there are, but neither side may see what the other
 * writes from then on. So before a fork all of the code so far is frozen: the file that has it is written by
 * nobody any more. New code goes to a new file, of each process its own, at offsets behind. What has to be
 * changed in frozen code (links, diverted entries) is first copied by pieces of JIT_GRANULE bytes to the same
 * offset of the new file, which is then mapped in place of the old piece. Another CPU that runs there meets a
 * page fault at most: the bytes are the same before and after.
 * Threads: those that change code hold jit's lock; freezing and a fork happen while no CPU runs.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/soft/jit.h"

static int new_file(int *ret_fd, struct err *e)
{
    OWN_FD fd = memfd_create("hospes-code", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, JIT_CODE_BYTES))
        return err_sys(e, "code cache");
    *ret_fd = take_fd(&fd);
    return 0;
}

int code_new(struct jit *j, struct err *e)
{
    j->code_fd = -1;
    int r = new_file(&j->code_fd, e);
    if (r)
        return r;
    void *rw = mmap(NULL, JIT_CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, j->code_fd, 0);
    if (rw == MAP_FAILED)
        return err_sys(e, "code cache");
    j->rw = rw;
    void *rx = mmap(NULL, JIT_CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, j->code_fd, 0);
    if (rx == MAP_FAILED)
        return err_sys(e, "code cache: this host forbids executable memory");
    j->rx = rx;
    return 0;
}

void code_free(struct jit *j)
{
    if (j->rw)
        munmap(j->rw, JIT_CODE_BYTES);
    if (j->rx)
        munmap(j->rx, JIT_CODE_BYTES);
    if (j->rw || j->code_fd > 0)
        own_fd(&j->code_fd);
}

/* ---- frozen code ---- */

/* By own calls: guest vectors may be in the registers. A host that cannot do it has no memory left at all. */
static void map_mine(const struct jit *j, uint32_t at, uint32_t bytes)
{
    if (bytes == 0)
        return;
    const long how = MAP_SHARED | MAP_FIXED;
    long rw = soft_syscall(SYS_mmap, (long)(uintptr_t)(j->rw + at), bytes, PROT_READ | PROT_WRITE, how,
                           j->code_fd, at);
    long rx = soft_syscall(SYS_mmap, (long)(uintptr_t)(j->rx + at), bytes, PROT_READ | PROT_EXEC, how,
                           j->code_fd, at);
    BUG_ON(rw < 0 || rx < 0);
}

static void copy_piece(struct jit *j, uint32_t at)
{
    long n = soft_syscall(SYS_pwrite64, j->code_fd, (long)(uintptr_t)(j->rw + at), JIT_GRANULE, at, 0, 0);
    BUG_ON(n != JIT_GRANULE);
    map_mine(j, at, JIT_GRANULE);
}

void code_own(struct jit *j, uint32_t at, uint32_t bytes)
{
    for (uint32_t n = at / JIT_GRANULE; n * JIT_GRANULE < at + bytes && n * JIT_GRANULE < j->frozen; n++) {
        uint64_t bit = 1ull << n % 64;
        if (j->owned[n / 64] & bit)
            continue;
        j->owned[n / 64] |= bit;
        copy_piece(j, n * JIT_GRANULE);
    }
}

static uint32_t round_up(uint32_t bytes)
{
    return (bytes + JIT_GRANULE - 1) & ~(JIT_GRANULE - 1);
}

void code_start_over(struct jit *j)
{
    if (!j->frozen)
        return;
    code_own(j, 0, j->base);
    map_mine(j, round_up(j->base), JIT_CODE_BYTES - round_up(j->base));
    j->frozen = 0;
}

/* ---- around a fork ---- */

/* Behind the frozen code, this process' own file. */
static void go_on_in(struct jit *j, int fd)
{
    own_fd(&j->code_fd);
    j->code_fd = fd;
    map_mine(j, j->frozen, JIT_CODE_BYTES - j->frozen);
}

static void freeze(struct jit *j)
{
    j->used = j->frozen = round_up(j->used);
    for (unsigned n = 0; n < sizeof(j->owned) / sizeof(j->owned[0]); n++)
        j->owned[n] = 0;
}

int jit_before_fork(struct jit *j, struct err *e)
{
    int fd = -1, r = new_file(&fd, e);
    if (r)
        return r;
    if (mprotect(j->rw, round_up(j->used), PROT_READ) < 0) { /* who forgets code_own is found out */
        r = err_sys(e, "code cache");
        own_fd(&fd);
        return r;
    }
    freeze(j);
    go_on_in(j, fd);
    return 0;
}

int jit_after_fork(struct jit *j, struct err *e)
{
    int fd = -1, r = new_file(&fd, e);
    if (r == 0)
        go_on_in(j, fd);
    return r;
}
