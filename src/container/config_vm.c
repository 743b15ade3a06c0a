// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config_vm: the section `vm`, and whether a machine is to stand around the container. Source: OCI
 * runtime-spec 1.2 and 1.3, config-vm.md.
 *
 * Deviation: kernel may be missing, which means the kernel that hospes' own machines get.
 */
#include <string.h>

#include "container/config.h"

#define ISOLATION "io.hospes.isolation"

/* "" and null count as missing. */
static const char *absolute(const struct field *up, const char *key)
{
    const char *path = field_string(up, key);
    if (!path || !*path)
        return NULL;
    if (*path != '/')
        field_bad_key(up, key, "\"%s\" is not an absolute path", path);
    return path;
}

static const char *must_absolute(const struct field *up, const char *key)
{
    (void)field_must_string(up, key);
    return absolute(up, key);
}

static void hypervisor(const struct field *vm)
{
    struct field f = field_object(vm, "hypervisor");
    if (!f.v)
        return;
    const char *path = must_absolute(&f, "path"), *name = path ? strrchr(path, '/') : NULL;
    if (name && strcmp(name, "/hospes") != 0 && strcmp(name, "/hospes-oci") != 0)
        field_bad_key(&f, "path", "\"%s\" is not hospes, the only hypervisor that this runtime knows", path);
    struct field parameters = field_array(&f, "parameters");
    if (field_count(&parameters))
        field_bad(&parameters, "none are known");
}

/* They become one line, so that a blank inside of one has to be in quotes; what would end the line is not. */
static void parameters(struct vm_config *vm, const struct field *kernel)
{
    struct field list = field_array(kernel, "parameters");
    vm->parameters = field_strings(kernel, "parameters");
    for (unsigned i = 0; i < vm->parameters.nr; i++) {
        struct field item = field_item(&list, i);
        if (strpbrk(vm->parameters.item[i], "\n\r\""))
            field_bad(&item, "holds a quote or the end of a line");
    }
}

static void kernel(struct vm_config *vm, const struct field *up)
{
    struct field f = field_object(up, "kernel");
    if (!f.v)
        return;
    vm->kernel = must_absolute(&f, "path");
    vm->initrd = absolute(&f, "initrd");
    parameters(vm, &f);
}

static void image(const struct field *vm)
{
    static const char *const formats[] = {"raw", "qcow2", "vdi", "vmdk", "vhd"};
    struct field f = field_object(vm, "image");
    bool known = false;
    if (!f.v)
        return;
    (void)must_absolute(&f, "path");
    const char *format = field_must_string(&f, "format");
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        known |= strcmp(format, formats[i]) == 0;
    if (!known)
        field_bad_key(&f, "format", "\"%s\" is not raw, qcow2, vdi, vmdk or vhd", format);
    field_bad(&f, "is not supported: the machine's own root is hospes'");
}

static void hardware(struct vm_config *vm, const struct field *up)
{
    static const char *const others[] = {"deviceTree", "dtdevs", "iomems", "irqs"};
    struct field f = field_object(up, "hwConfig");
    vm->cpus = (unsigned)field_int(&f, "vcpus", 0, 0, VM_CPUS_MAX);
    vm->memory = (uint64_t)field_int(&f, "memory", 0, 0, INT64_MAX);
    if (vm->memory && vm->memory < VM_MEMORY_MIN)
        field_bad_key(&f, "memory", "%llu bytes are less than a machine's least, %u",
                      (unsigned long long)vm->memory, VM_MEMORY_MIN);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (field_has(&f, others[i]))
            field_bad_key(&f, others[i], "is not supported: these machines have no device tree");
}

static bool wanted(const struct config *c, const struct field *root)
{
    struct field notes = field_object(root, "annotations");
    const char *how = json_string_value(json_object_get(c->annotations, ISOLATION));
    if (!how)
        return c->vm.there;
    if (strcmp(how, "machine") != 0 && strcmp(how, "container") != 0)
        field_bad_key(&notes, ISOLATION, "\"%s\" is not machine or container", how);
    return strcmp(how, "machine") == 0;
}

void config_vm(struct config *c, const struct field *root)
{
    struct field f = field_object(root, "vm");
    c->vm.there = f.v != NULL;
    hypervisor(&f);
    kernel(&c->vm, &f);
    image(&f);
    hardware(&c->vm, &f);
    c->vm.wanted = wanted(c, root);
}

void vm_limits(struct resources *r)
{
    r->memory = r->memory_soft = r->memory_swap = r->memory_kernel_tcp = UNSET;
    r->swappiness = r->pids = UNSET;
    r->has_oom_kill = r->has_hierarchy = false;
    r->nr_devices = r->hugepages.nr = r->unified.nr = 0;
}
