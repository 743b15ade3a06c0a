// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/initramfs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "unit.h"
#include "vm/guest_program.h"
#include "vm/modules.h"

/* A modules folder with a few files; contents are their own names behind the ELF magic. */
struct folder {
    char path[64];
};

static void put(const struct folder *f, const char *name, const void *data, size_t len)
{
    struct err e;
    OWN_MEM char *path = path_make("%s/%s", f->path, name);
    OWN_MEM char *dir = strdup(path);
    *strrchr(dir, '/') = 0;
    assert_int_equal(dir_make(dir, 0755, &e), 0);
    assert_int_equal(file_write_atomic(path, data, len, 0644, &e), 0);
}

static void put_text(const struct folder *f, const char *name, const char *text)
{
    put(f, name, text, strlen(text));
}

static void put_gzip(const struct folder *f, const char *name, const char *text)
{
    uint8_t out[256];
    z_stream z = {
        .next_in = (Bytef *)text, .avail_in = (uInt)strlen(text), .next_out = out, .avail_out = sizeof(out)};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    put(f, name, out, z.total_out);
    deflateEnd(&z);
}

#define DEP                                                                                                  \
    "kernel/drivers/block/virtio_blk.ko:\n"                                                                  \
    "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.gz: kernel/net/vmw_vsock/common.ko "                 \
    "kernel/net/vmw_vsock/vsock.ko\n"                                                                        \
    "kernel/net/vmw_vsock/common.ko: kernel/net/vmw_vsock/vsock.ko\n"                                        \
    "kernel/net/vmw_vsock/vsock.ko:\n"                                                                       \
    "kernel/drivers/char/hw_random/virtio-rng.ko:\n"

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    strcpy(f->path, "/tmp/hospes-modules.XXXXXX");
    if (!mkdtemp(f->path))
        return -1;
    put_text(f, "modules.dep", DEP);
    put_text(f, "modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\nkernel/fs/ext4/ext4.ko\n");
    put_text(f, "kernel/drivers/block/virtio_blk.ko", "\177ELF blk");
    put_text(f, "kernel/net/vmw_vsock/common.ko", "\177ELF common");
    put_text(f, "kernel/net/vmw_vsock/vsock.ko", "\177ELF vsock");
    put_text(f, "kernel/drivers/char/hw_random/virtio-rng.ko", "\177ELF rng");
    put_gzip(f, "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.gz", "\177ELF transport");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    struct err e;
    int rc = dir_remove(f->path, &e);
    free(f);
    return rc;
}

/* ---- modules ---- */

static void what_a_module_depends_on_loads_before_it_and_once(void **state)
{
    struct folder *f = *state;
    struct err e;
    OWN(modules) m = NULL;
    assert_int_equal(modules_open(f->path, &m, &e), 0);
    assert_true(modules_need(m, "vsock"));
    assert_true(modules_need(m, "vmw_vsock_virtio_transport"));
    assert_int_equal(modules_count(m), 3);
    assert_string_equal(modules_path(m, 0), "kernel/net/vmw_vsock/vsock.ko");
    assert_string_equal(modules_path(m, 1), "kernel/net/vmw_vsock/common.ko");
    OWN_MEM char *file = modules_file(m, 2);
    assert_string_equal(file, "vmw_vsock_virtio_transport.ko");
}

static void dash_and_underscore_are_the_same_and_built_in_ones_need_no_file(void **state)
{
    struct folder *f = *state;
    struct err e;
    OWN(modules) m = NULL;
    assert_int_equal(modules_open(f->path, &m, &e), 0);
    assert_true(modules_need(m, "virtio_rng"));
    assert_int_equal(modules_count(m), 1);
    assert_true(modules_need(m, "virtio-pci"));
    assert_true(modules_need(m, "ext4"));
    assert_int_equal(modules_count(m), 1);
    assert_false(modules_need(m, "virtio_rn"));
    assert_false(modules_need(m, "virtio_rngs"));
    assert_false(modules_need(m, "common.ko"));
}

/* ---- the archive: parsed as the kernel does ---- */

static unsigned hex(const char *p)
{
    char text[9] = "";
    memcpy(text, p, 8);
    return (unsigned)strtoul(text, NULL, 16);
}

/* The contents of the last file called name. */
static const char *find(const char *cpio, size_t len, const char *name, size_t *ret_len, unsigned *ret_mode)
{
    const char *found = NULL;
    for (size_t at = 0; at + 110 <= len;) {
        assert_memory_equal(cpio + at, "070701", 6);
        unsigned mode = hex(cpio + at + 14), size = hex(cpio + at + 54), n = hex(cpio + at + 94);
        const char *own = cpio + at + 110, *data = cpio + ((at + 110 + n + 3) & ~3ul);
        if (!strcmp(own, "TRAILER!!!"))
            return found;
        if (!strcmp(own, name)) {
            found = data;
            *ret_len = size;
            *ret_mode = mode;
        }
        at = ((size_t)(data - cpio) + size + 3) & ~3ul;
    }
    fail_msg("the archive has no end");
    return NULL;
}

static void the_archive_holds_init_and_modules_in_order(void **state)
{
    struct folder *f = *state;
    struct err e;
    OWN_MEM void *cpio = NULL;
    size_t len, n;
    unsigned mode;
    assert_int_equal(initramfs_build(&(struct initramfs_config){.modules = f->path}, &cpio, &len, &e), 0);
    const char *order = find(cpio, len, "modules/order", &n, &mode);
    const char *want = "virtio_blk.ko\nvsock.ko\ncommon.ko\nvmw_vsock_virtio_transport.ko\nvirtio-rng.ko\n";
    assert_int_equal(n, strlen(want));
    assert_memory_equal(order, want, n);
    const char *transport = find(cpio, len, "modules/vmw_vsock_virtio_transport.ko", &n, &mode);
    assert_int_equal(n, strlen("\177ELF transport")); /* unpacked */
    assert_memory_equal(transport, "\177ELF transport", n);
    const char *init = find(cpio, len, "init", &n, &mode);
    assert_int_equal(mode, S_IFREG | 0755);
    assert_int_equal(n, guest_program_end - guest_program);
    assert_memory_equal(init, "\177ELF", 4);
    assert_non_null(find(cpio, len, "dev/console", &n, &mode));
    assert_int_equal(mode, S_IFCHR | 0600);
}

static void what_the_user_appends_follows_at_a_multiple_of_four(void **state)
{
    struct err e;
    OWN_MEM void *cpio = NULL;
    size_t len;
    (void)state;
    struct initramfs_config c = {.append = "\37\213more", .append_len = 6};
    assert_int_equal(initramfs_build(&c, &cpio, &len, &e), 0);
    assert_int_equal((len - 6) % 4, 0);
    assert_memory_equal((char *)cpio + len - 6, "\37\213more", 6);
}

static void assert_fails(const struct folder *f, int code, const char *says)
{
    struct err e;
    void *cpio = NULL;
    size_t len;
    assert_int_equal(initramfs_build(&(struct initramfs_config){.modules = f->path}, &cpio, &len, &e), code);
    assert_non_null(strstr(e.text, says));
    assert_null(cpio);
}

static void a_kernel_that_lacks_what_a_machine_needs_is_told(void **state)
{
    struct folder *f = *state;
    put_text(f, "modules.dep", "kernel/drivers/block/virtio_blk.ko:\n");
    assert_fails(f, -ENOENT, "vmw_vsock_virtio_transport");
    put_text(f, "modules.builtin", "");
    assert_fails(f, -ENOENT, "virtio_pci");
}

static void a_folder_that_is_none_and_damaged_modules_are_told(void **state)
{
    struct folder *f = *state;
    put_text(f, "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.gz", "\37\213\10\1cut short");
    assert_fails(f, -EINVAL, "vmw_vsock_virtio_transport.ko.gz");
    put_text(f, "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.gz", "what is this");
    assert_fails(f, -ENOTSUP, "vmw_vsock_virtio_transport.ko.gz");
    put_text(f, "modules.dep", DEP "kernel/gone.ko:\nkernel/x/button.ko: kernel/gone.ko\n");
    put_gzip(f, "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.gz", "\177ELF transport");
    assert_fails(f, -ENOENT, "gone.ko");
    assert_fails(&(struct folder){"/no/such/folder"}, -ENOENT, "/no/such/folder");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_a_module_depends_on_loads_before_it_and_once),
        TEST(dash_and_underscore_are_the_same_and_built_in_ones_need_no_file),
        TEST(the_archive_holds_init_and_modules_in_order),
        TEST(what_the_user_appends_follows_at_a_multiple_of_four),
        TEST(a_kernel_that_lacks_what_a_machine_needs_is_told),
        TEST(a_folder_that_is_none_and_damaged_modules_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
