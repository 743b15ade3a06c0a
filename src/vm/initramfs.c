// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * initramfs: see initramfs.h.
 *
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst ("newc": headers of hexadecimal
 * text, everything aligned to 4). Several archives may follow each other, zeroes between; later files replace
 * earlier.
 */
#include "vm/initramfs.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "vm/guest_program.h"
#include "vm/modules.h"

/* In the order in which they load: the panic device first, so that what goes wrong later is told. */
static const struct {
    const char *name;
    bool required;
} wanted[] = {
    {"pvpanic-mmio", false},
    {"virtio_pci", true},
    {"virtio_blk", true},
    {"crc32c_generic", false}, /* ext4 asks for it at run time, when nobody can load it */
    {"ext4", false},
    {"vmw_vsock_virtio_transport", true},
    {"virtio_net", false},
    {"virtio-rng", false},
    {"virtio_console", false},
    {"virtio_balloon", false},
    {"button", false},
    {"evdev", false},
};

/* ---- cpio ---- */

struct cpio {
    struct buf bytes;
    uint32_t inode;
    bool failed; /* out of memory; all further calls do nothing */
};

static void put(struct cpio *c, const void *data, size_t len)
{
    if (buf_append(&c->bytes, data, len) < 0)
        c->failed = true;
}

static void align(struct cpio *c)
{
    put(c, "\0\0\0", -c->bytes.len & 3);
}

static void add(struct cpio *c, const char *name, uint32_t mode, dev_t dev, const void *data, size_t len)
{
    const uint32_t field[] = {
        ++c->inode, mode, 0, 0, 1, 0, (uint32_t)len, 0, 0, major(dev), minor(dev), (uint32_t)strlen(name) + 1,
        0};
    char head[128] = "070701";
    for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
        snprintf(head + 6 + 8 * i, 9, "%08X", field[i]);
    put(c, head, 110);
    put(c, name, strlen(name) + 1);
    align(c);
    put(c, data, len);
    align(c);
}

/* ---- what goes in ---- */

static int need(struct modules *m, const char *name, struct err *e)
{
    return modules_need(m, name)
               ? 0
               : err_set(e, -ENOENT,
                         "the kernel has no %s, neither built in nor as a module: a machine needs it", name);
}

static int choose(struct modules *m, bool share, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (wanted[i].required)
            rc = rc < 0 ? rc : need(m, wanted[i].name, e);
        else
            modules_need(m, wanted[i].name);
    return rc < 0 || !share ? rc : need(m, "virtiofs", e);
}

static int add_module(struct cpio *c, const struct modules *m, size_t i, struct buf *order, struct err *e)
{
    OWN_MEM void *data = NULL;
    OWN_MEM char *name = modules_file(m, i);
    size_t len;
    int rc = modules_read(m, i, &data, &len, e);
    if (rc < 0)
        return rc;
    char path[256];
    int n = snprintf(path, sizeof(path), "modules/%s", name ? name : "");
    if (!name || n >= (int)sizeof(path) || buf_append(order, name, strlen(name)) < 0 ||
        buf_append(order, "\n", 1) < 0)
        return err_code(e, -ENOMEM, "initramfs: module %s", modules_path(m, i));
    add(c, path, S_IFREG | 0600, 0, data, len);
    return 0;
}

static int add_modules(struct cpio *c, const char *folder, bool share, struct err *e)
{
    OWN(modules) m = NULL;
    OWN_BUF order = {0};
    int rc = modules_open(folder, &m, e);
    if (rc == 0)
        rc = choose(m, share, e);
    if (rc < 0)
        return rc;
    add(c, "modules", S_IFDIR | 0755, 0, NULL, 0);
    for (size_t i = 0; i < modules_count(m); i++) {
        rc = add_module(c, m, i, &order, e);
        if (rc < 0)
            return rc;
    }
    add(c, "modules/order", S_IFREG | 0644, 0, buf_data(&order), order.len);
    return 0;
}

static void add_program(struct cpio *c)
{
    add(c, "dev", S_IFDIR | 0755, 0, NULL, 0);
    add(c, "dev/console", S_IFCHR | 0600, makedev(5, 1), NULL, 0);
    add(c, "init", S_IFREG | 0755, 0, guest_program, (size_t)(guest_program_end - guest_program));
}

static void cpio_fini(struct cpio *c)
{
    buf_fini(&c->bytes);
}

int initramfs_build(const struct initramfs_config *config, void **ret, size_t *ret_len, struct err *e)
{
    __attribute__((cleanup(cpio_fini))) struct cpio c = {0};
    add_program(&c);
    int rc = config->modules ? add_modules(&c, config->modules, config->share, e) : 0;
    if (rc < 0)
        return rc;
    add(&c, "TRAILER!!!", 0, 0, NULL, 0);
    put(&c, config->append, config->append_len);
    if (c.failed)
        return err_code(e, -ENOMEM, "initramfs");
    *ret_len = c.bytes.len; /* the head never moved: nothing was consumed */
    *ret = take(c.bytes.mem);
    return 0;
}
