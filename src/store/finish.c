// SPDX-License-Identifier: GPL-2.0-or-later
/* finish: see finish.h. */
#include "store/finish.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/utc.h"
#include "store/ext4.h"

#define KERNEL_PREFIX "vmlinuz-"

struct root {
    struct ext4 *fs;      /* NULL: cannot be read here */
    char *kernel_version; /* of the kernel that the image gets */
    bool own_init, kernel, modules;
};

static void root_fini(struct root *r)
{
    ext4_close(r->fs);
    free(r->kernel_version);
}

/* ---- architecture ---- */

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_AARCH64:
        return "arm64";
    case EM_ARM:
        return "arm";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "PowerPC";
    case EM_S390:
        return "S/390";
    case EM_MIPS:
        return "MIPS";
    case EM_LOONGARCH:
        return "LoongArch";
    default:
        return "another processor";
    }
}

static int check_machine(struct ext4 *fs, const char *name, struct err *e)
{
    static const char *const programs[] = {"/bin/sh", "/sbin/init", "/init", "/usr/bin/env"};
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        Elf64_Ehdr h; /* e_machine is at the same place in both classes */
        if (ext4_peek(fs, programs[i], &h, sizeof(h)) < (ssize_t)offsetof(Elf64_Ehdr, e_entry) ||
            memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
            continue;
        if (h.e_ident[EI_DATA] == ELFDATA2LSB && (h.e_machine == EM_X86_64 || h.e_machine == EM_386))
            return 0;
        unsigned machine = h.e_ident[EI_DATA] == ELFDATA2LSB ? h.e_machine : __builtin_bswap16(h.e_machine);
        return err_set(e, -EINVAL, "image %s: its programs are for %s, not for x86-64", name,
                       machine_name(machine));
    }
    return 0; /* scripts, static links elsewhere: cannot be told */
}

/* ---- kernel ---- */

static bool has_modules(struct ext4 *fs, const char *version)
{
    char byte;
    OWN_MEM char *path = path_make("/lib/modules/%s/modules.dep", version);
    return path && ext4_peek(fs, path, &byte, 1) >= 0;
}

struct kernels {
    struct ext4 *fs;
    char *best;
    bool best_has_modules;
};

/* One with modules is better than one without, then the newer. */
static int consider_kernel(void *ctx, const char *name)
{
    struct kernels *k = ctx;
    if (strncmp(name, KERNEL_PREFIX, strlen(KERNEL_PREFIX)) != 0 || strstr(name, "rescue"))
        return 0;
    const char *version = name + strlen(KERNEL_PREFIX);
    bool modules = has_modules(k->fs, version);
    if (k->best && (modules < k->best_has_modules ||
                    (modules == k->best_has_modules && strverscmp(version, k->best) <= 0)))
        return 0;
    free(k->best);
    k->best = strdup(version);
    k->best_has_modules = modules;
    return k->best ? 0 : -ENOMEM;
}

static int take_modules(struct root *r, const struct draft *d, struct err *e)
{
    if (!r->fs || !r->kernel_version || !has_modules(r->fs, r->kernel_version))
        return 0;
    OWN_MEM char *path = path_make("/lib/modules/%s", r->kernel_version);
    int rc = path ? ext4_copy_out(r->fs, path, d->modules, e) : err_code(e, -ENOMEM, "image %s", d->name);
    r->modules = rc == 0;
    return rc;
}

static int take_own_kernel(struct root *r, const struct draft *d, struct err *e)
{
    struct kernels k = {.fs = r->fs};
    if (!r->fs || ext4_each(r->fs, "/boot", consider_kernel, &k, NULL) < 0 || !k.best)
        return 0; /* no /boot, or nothing in it */
    r->kernel_version = k.best;
    OWN_MEM char *path = path_make("/boot/" KERNEL_PREFIX "%s", k.best);
    int rc = path ? ext4_copy_out(r->fs, path, d->kernel, e) : err_code(e, -ENOMEM, "image %s", d->name);
    r->kernel = rc == 0;
    return rc;
}

/*
 * Which version a bzImage is (Linux, Documentation/arch/x86/boot.rst, kernel_version), malloc'd, or NULL: it
 * does not say.
 */
static char *kernel_version_of(int fd)
{
    uint8_t at[2];
    char text[80];
    if (pread(fd, at, 2, 0x20e) != 2)
        return NULL;
    ssize_t n = pread(fd, text, sizeof(text) - 1, (at[0] | at[1] << 8) + 0x200);
    if (n <= 0)
        return NULL;
    text[n] = 0;
    text[strcspn(text, " ")] = 0;
    return strchr(text, '/') || !*text ? NULL : strdup(text);
}

static int check_kernel(int fd, const char *path, struct err *e)
{
    char head[0x206];
    if (pread(fd, head, sizeof(head), 0) == sizeof(head) &&
        (memcmp(head + 0x202, "HdrS", 4) == 0 || memcmp(head, ELFMAG, SELFMAG) == 0))
        return 0;
    return err_set(e, -EINVAL, "%s: not a kernel (neither bzImage nor vmlinux)", path);
}

static int take_given_kernel(struct root *r, const struct draft *d, const char *path, struct progress *p,
                             struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "%s", path);
    int rc = check_kernel(fd, path, e);
    if (rc == 0)
        rc = disk_import(path, &(struct disk_kind){.format = FORMAT_RAW}, d->kernel, p, e);
    r->kernel_version = kernel_version_of(fd);
    r->kernel = rc == 0;
    return rc;
}

/* ---- what is said of it ---- */

static json_t *describe(const struct finish *c, const struct root *r, uint64_t bytes)
{
    OWN_MEM char *device =
        c->layout.partition ? path_make("/dev/vda%u", c->layout.partition) : path_make("/dev/vda");
    if (!device)
        return NULL;
    return json_pack("{s:{s:s, s:I, s:s?}, s:s, s:s, s:s?, s:s?, s:s?, s:s}", "disk", "file", "disk.raw",
                     "bytes", (json_int_t)bytes, "fs", c->layout.fs, "root", device, "init",
                     r->own_init ? "image" : "agent", "kernel", r->kernel ? "vmlinuz" : NULL,
                     "kernel_version", r->kernel ? r->kernel_version : NULL, "modules",
                     r->modules ? "modules" : NULL, "cmdline", "");
}

static json_t *describe_image(const struct draft *d, const struct finish *c)
{
    char created[UTC_SIZE];
    utc_now(created);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", d->name, "kind", c->layout.partition ? "disk" : "root",
                     "created", created, "source", c->source);
}

static int look_inside(struct root *r, const struct draft *d, const struct finish *c, struct err *e)
{
    if (!c->layout.fs || strcmp(c->layout.fs, "ext4") != 0)
        return 0;
    int rc = ext4_open(d->disk, c->layout.root_offset, &r->fs, e);
    if (rc < 0 || (rc = check_machine(r->fs, d->name, e)) < 0)
        return rc;
    char byte;
    r->own_init = ext4_peek(r->fs, "/sbin/init", &byte, 1) >= 0;
    return 0;
}

static int resize(const struct draft *d, uint64_t have, uint64_t want, struct err *e)
{
    return want > have && truncate(d->disk, (off_t)want) < 0 ? err_sys(e, "%s", d->disk) : 0;
}

int finish_machine(const struct draft *d, const struct finish *c, struct progress *p, json_t **ret,
                   struct err *e)
{
    __attribute__((cleanup(root_fini))) struct root r = {0};
    progress_start(p, "finishing", 0, PROGRESS_STEPS);
    uint64_t bytes = c->bytes > c->layout.bytes ? c->bytes : c->layout.bytes;
    int rc = look_inside(&r, d, c, e);
    if (rc == 0)
        rc = c->kernel ? take_given_kernel(&r, d, c->kernel, p, e) : take_own_kernel(&r, d, e);
    if (rc < 0 || (rc = take_modules(&r, d, e)) < 0 || (rc = resize(d, c->layout.bytes, bytes, e)) < 0)
        return rc;
    *ret = describe(c, &r, bytes);
    return *ret ? 0 : err_set(e, -ENOMEM, "image %s: cannot be described", d->name);
}

int finish_image(struct draft *d, const struct finish *c, struct progress *p, struct image **ret,
                 struct err *e)
{
    OWN(json_t) machine = NULL;
    int rc = finish_machine(d, c, p, &machine, e);
    OWN(json_t) about = rc < 0 ? NULL : describe_image(d, c);
    if (rc < 0)
        return rc;
    if (!about || json_object_update(about, machine) < 0)
        return err_set(e, -ENOMEM, "image %s: cannot be described", d->name);
    if (interrupt_pending())
        return err_set(e, -EINTR, "image %s: interrupted", d->name);
    rc = draft_commit(d, about, e);
    progress_done(p);
    return rc < 0 ? rc : image_open(d->name, ret, e);
}
