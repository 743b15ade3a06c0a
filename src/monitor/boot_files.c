// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot_files: see boot_files.h.
 *
 * Source: Linux Documentation/arch/x86/boot.rst, kernel_version; what our init reads: guest/cmdline.h.
 */
#include "monitor/boot_files.h"

#include <malloc.h>
#include <string.h>

#include "base/file.h"
#include "vm/initramfs.h"

#define KERNEL_MAX  (512u << 20)
#define CMDLINE_MAX 2047 /* COMMAND_LINE_SIZE of x86, without its end */

void boot_files_fini(struct boot_files *b)
{
    free(b->kernel);
    free(b->initrd);
    free(b->cmdline);
    *b = (struct boot_files){0};
    malloc_trim(0); /* they are large, and the machine lives long */
}

/* ---- modules ---- */

/* "6.1.0-37-cloud-amd64" out of a bzImage's set-up header; false: it is none, or has none. */
static bool kernel_version(const uint8_t *head, size_t len, char *ret, size_t size)
{
    if (len < 0x264 || memcmp(head + 0x202, "HdrS", 4) != 0)
        return false;
    size_t at = (size_t)(head[0x20e] | head[0x20f] << 8) + 0x200, n = 0;
    while (at + n < len && n < size - 1 && head[at + n] > ' ' && head[at + n] < 127 && head[at + n] != '/')
        n++;
    if (at == 0x200 || n == 0)
        return false;
    memcpy(ret, head + at, n);
    ret[n] = 0;
    return true;
}

static char *if_modules(char *folder)
{
    OWN_MEM char *dep = folder ? path_make("%s/modules.dep", folder) : NULL;
    if (dep && access(dep, R_OK) == 0)
        return folder;
    free(folder);
    return NULL;
}

char *boot_modules_for(const char *kernel, const void *head, size_t len)
{
    char version[128];
    if (!kernel_version(head, len, version, sizeof(version)))
        return NULL;
    const char *slash = strrchr(kernel, '/');
    int n = slash ? (int)(slash - kernel) : 1;
    const char *folder = slash ? kernel : ".";
    char *found = if_modules(path_make("%.*s/lib/modules/%s", n, folder, version));
    if (!found)
        found = if_modules(path_make("%.*s/../lib/modules/%s", n, folder, version));
    return found ? found : if_modules(path_make("/lib/modules/%s", version));
}

/* ---- files ---- */

/* The kernel to boot and its modules: given, the image's, or the newest of all images. */
static int choose_kernel(const struct guest_config *c, const struct image *image, char **ret_kernel,
                         char **ret_modules, struct err *e)
{
    const char *kernel = c->kernel ? c->kernel : image ? image->path_kernel : NULL;
    if (!kernel)
        return image_default_kernel(ret_kernel, ret_modules, e);
    *ret_kernel = strdup(kernel);
    if (!c->kernel && image && image->path_modules)
        *ret_modules = strdup(image->path_modules);
    return *ret_kernel ? 0 : err_code(e, -ENOMEM, "kernel");
}

static int make_initramfs(const struct guest_config *c, const char *modules, struct boot_files *b,
                          struct err *e)
{
    OWN_MEM char *given = NULL;
    size_t given_len = 0;
    int rc = c->initrd ? file_read(c->initrd, c->memory, &given, &given_len, e) : 0;
    if (rc < 0)
        return rc;
    const struct initramfs_config i = {
        .modules = modules, .append = given, .append_len = given_len, .share = c->share != NULL};
    rc = initramfs_build(&i, &b->initrd, &b->initrd_len, e);
    return rc < 0 ? err_wrap(e, "initramfs") : 0;
}

static int load_initrd(const struct guest_config *c, struct boot_files *b, struct err *e)
{
    char *initrd = NULL;
    int rc = c->initrd ? file_read(c->initrd, c->memory, &initrd, &b->initrd_len, e) : 0;
    b->initrd = initrd;
    return rc;
}

/* ---- command line ---- */

static char *image_cmdline(const struct guest_config *c, const struct image *image)
{
    return path_make("console=ttyS0 panic=-1 quiet rw root=%s hospes.root=%s hospes.name=%s%s%s%s%s%s%s",
                     image->root_device, image->root_device, c->hostname ? c->hostname : c->name,
                     image->own_init ? " hospes.init=image" : "",
                     c->net == GUEST_NET_NONE ? " hospes.net=none" : "",
                     image->cmdline && *image->cmdline ? " " : "", image->cmdline ? image->cmdline : "",
                     c->append ? " " : "", c->append ? c->append : "");
}

static char *share_cmdline(const struct guest_config *c)
{
    return path_make("console=ttyS0 panic=-1 quiet hospes.share=%s hospes.name=%s%s%s%s", c->share,
                     c->hostname ? c->hostname : c->name, c->net == GUEST_NET_NONE ? " hospes.net=none" : "",
                     c->append ? " " : "", c->append ? c->append : "");
}

static int make_cmdline(const struct guest_config *c, const struct image *image, struct boot_files *b,
                        struct err *e)
{
    b->cmdline = image      ? image_cmdline(c, image)
                 : c->share ? share_cmdline(c)
                            : strdup(c->append ? c->append : "console=ttyS0 panic=-1");
    if (!b->cmdline)
        return err_code(e, -ENOMEM, "kernel command line");
    size_t len = strlen(b->cmdline);
    return len <= CMDLINE_MAX ? 0
                              : err_set(e, -E2BIG, "kernel command line: %zu bytes, at most %d are possible",
                                        len, CMDLINE_MAX);
}

static int load(const struct guest_config *c, const struct image *image, struct boot_files *b, struct err *e)
{
    OWN_MEM char *kernel = NULL;
    OWN_MEM char *modules = NULL;
    int rc;
    if ((rc = choose_kernel(c, image, &kernel, &modules, e)) < 0 ||
        (rc = file_read(kernel, KERNEL_MAX, &b->kernel, &b->kernel_len, e)) < 0)
        return rc;
    bool ours = image || c->share;
    if (ours &&
        (c->kernel || !modules)) /* an image without modules may be made for a kernel that needs none */
        modules = boot_modules_for(kernel, b->kernel, b->kernel_len);
    rc = ours ? make_initramfs(c, modules, b, e) : load_initrd(c, b, e);
    return rc < 0 ? rc : make_cmdline(c, image, b, e);
}

int boot_files_load(const struct guest_config *c, const struct image *image, struct boot_files *ret,
                    struct err *e)
{
    OWN_BOOT b = {0};
    int rc = load(c, image, &b, e);
    if (rc < 0)
        return rc;
    *ret = b;
    b = (struct boot_files){0};
    return 0;
}
