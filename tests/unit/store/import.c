// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/image_import.h"

#include <elf.h>

#include "place.h"

/* A root of a few files, with a program, a kernel and its modules, as a folder "root". */
static void make_root(struct place *p)
{
    char kernel[1024] = {0};
    memcpy(kernel + 0x202, "HdrS", 4);
    sh(p,
       "mkdir -p root/bin root/sbin root/boot root/lib/modules/6.1.0/kernel root/lib/modules/6.9.0 root/etc");
    sh(p, "cp /bin/sh root/bin/sh; echo x >root/lib/modules/6.1.0/modules.dep; echo y "
          ">root/lib/modules/6.1.0/kernel/a.ko");
    sh(p, "echo newest >root/boot/vmlinuz-6.20.0; echo old >root/boot/vmlinuz-5.10.0; head -c 100000 "
          "/dev/urandom >root/etc/noise");
    put("root/boot/vmlinuz-6.1.0", kernel, sizeof(kernel));
}

static struct image *import(struct place *p, const char *path, const char *name)
{
    struct image *i = NULL;
    if (image_import(&(struct image_import){.path = path, .name = name}, NULL, &i, &p->e) < 0)
        fail_msg("%s", p->e.text);
    return i;
}

static int refused(struct place *p, const char *path, const char *why)
{
    struct image *i = NULL;
    char names[200];
    int rc = image_import(&(struct image_import){.path = path, .name = "bad"}, NULL, &i, &p->e);
    if (rc >= 0 || !strstr(p->e.text, why))
        fail_msg("%s: \"%s\" instead of \"%s\"", path, rc < 0 ? p->e.text : "success", why);
    sh(p, "mkdir -p data/images");
    assert_null(strstr(names_in(p, "data/images", names, sizeof(names)), "bad"));
    return rc;
}

/* The imported root is the folder "root": file for file, and the file system is clean. */
static void check_root(struct place *p, const char *name, unsigned offset_mib)
{
    OWN_MEM char *script = path_make("dd if=data/images/%s/disk.raw of=fs bs=1M skip=%u conv=sparse "
                                     "status=none; e2fsck -fn fs >/dev/null 2>&1; rm -rf back; "
                                     "mkdir back; debugfs -R 'rdump / back' fs >/dev/null 2>&1; rm -rf "
                                     "back/lost+found; diff -r root back; rm -rf back fs",
                                     name, offset_mib);
    sh(p, script);
}

static void a_folder_becomes_an_image_with_the_newest_kernel_that_has_modules(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "ln -s ../bin/sh root/sbin/init");
    OWN(image) i = import(p, "root", NULL);
    assert_string_equal(i->name, "root");
    assert_string_equal(i->source, "import root");
    assert_string_equal(i->root_device, "/dev/vda");
    assert_string_equal(i->fs, "ext4");
    assert_string_equal(i->kernel_version, "6.1.0");
    assert_true(i->own_init);
    assert_true(i->disk_bytes > image_used_bytes(i));
    sh(p, "cmp data/images/root/vmlinuz root/boot/vmlinuz-6.1.0; diff -r data/images/root/modules "
          "root/lib/modules/6.1.0");
    char names[200];
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock root ");
    assert_string_equal(names_in(p, "data/images/root", names, sizeof(names)),
                        "disk.raw image.json modules vmlinuz ");
}

static void archives_are_taken_compressed_or_not(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "tar -C root -cf plain.tar .; tar -C root -czf g.tgz .; tar -C root -cJf x.whatever .; tar -C root "
          "--zstd -cf z.tar.zst bin boot lib etc sbin");
    const char *const files[] = {"plain.tar", "g.tgz", "x.whatever", "z.tar.zst"};
    const char *const names[] = {"plain", "g", "x.whatever", "z"};
    for (unsigned n = 0; n < 4; n++) {
        OWN(image) i = import(p, files[n], NULL);
        assert_string_equal(i->name, names[n]);
        assert_string_equal(i->kernel_version, "6.1.0");
        assert_false(i->own_init);
        check_root(p, names[n], 0);
    }
}

static void owners_links_and_names_of_an_archive_survive(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "ln root/bin/sh root/bin/hard; ln -s sh root/bin/soft; echo x >root/etc/F\xc5\x91.crt; tar -C root "
          "--owner=1234 --group=99 -cf r.tar .");
    image_free(import(p, "r.tar", NULL));
    sh(p, "debugfs -R 'stat /bin/hard' data/images/r/disk.raw 2>/dev/null | grep -q 'Links: 2'");
    sh(p, "debugfs -R 'stat /bin/hard' data/images/r/disk.raw 2>/dev/null | grep -q 'User:  *1234  *Group:  "
          "*99 '");
    sh(p, "debugfs -R 'stat /bin/soft' data/images/r/disk.raw 2>/dev/null | grep -q 'Type: symlink'");
    sh(p, "debugfs -R 'ls -p /etc' data/images/r/disk.raw 2>/dev/null | grep -q 'F\xc5\x91.crt'");
}

static void disks_are_taken_whole_or_with_partitions_and_stay_sparse(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "mke2fs -q -t ext4 -d root whole.raw 64M");
    OWN(image) whole = import(p, "whole.raw", NULL);
    assert_string_equal(whole->root_device, "/dev/vda");
    assert_string_equal(whole->kernel_version, "6.1.0");
    assert_true(image_used_bytes(whole) < 40u << 20);
    sh(p, "cmp whole.raw data/images/whole/disk.raw");

    sh(p, "truncate -s 80M parted.img; dd if=whole.raw of=parted.img bs=1M seek=8 conv=sparse,notrunc "
          "status=none");
    /* one entry of type 0x83 from sector 16384, 131072 sectors long */
    sh(p, "printf '\\000\\000\\000\\000\\203\\000\\000\\000\\000\\100\\000\\000\\000\\000\\002\\000' | dd "
          "of=parted.img bs=1 seek=462 conv=notrunc status=none");
    sh(p, "printf '\\125\\252' | dd of=parted.img bs=1 seek=510 conv=notrunc status=none");
    OWN(image) parted = import(p, "parted.img", NULL);
    assert_string_equal(parted->root_device, "/dev/vda2");
    assert_string_equal(parted->kernel_version, "6.1.0");
    check_root(p, "parted", 8);

    sh(p, "gzip -k parted.img; truncate -s 79M parted.img");
    OWN(image) packed = import(p, "parted.img.gz", "packed");
    assert_string_equal(packed->root_device, "/dev/vda2");
    assert_int_equal(packed->disk_bytes, 80u << 20);
    sh(p, "truncate -s 60M parted.img");
    assert_int_equal(refused(p, "parted.img", "truncated: a partition"), -EINVAL);
}

static void a_disk_grows_to_what_is_asked_for_and_a_root_is_made_so_large(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "mke2fs -q -t ext4 -d root whole.raw 64M");
    OWN(image) i = NULL;
    OWN(image) r = NULL;
    struct image_import c = {.path = "whole.raw", .bytes = 3ull << 30};
    assert_int_equal(image_import(&c, NULL, &i, &p->e), 0);
    assert_true(i->disk_bytes == 3ull << 30);
    c.path = "root";
    assert_int_equal(image_import(&c, NULL, &r, &p->e), 0);
    assert_true(r->disk_bytes == 3ull << 30);
    sh(p, "e2fsck -fn data/images/root/disk.raw >/dev/null 2>&1");
    OWN(image) none = NULL;
    c = (struct image_import){.path = "root", .name = "small", .bytes = 1u << 20};
    assert_int_equal(image_import(&c, NULL, &none, &p->e), -ENOSPC);
    assert_non_null(strstr(p->e.text, "needs a disk of"));
}

static void a_kernel_of_the_users_own_is_used_with_its_modules(void **state)
{
    struct place *p = *state;
    make_root(p);
    char kernel[2048] = {0};
    memcpy(kernel + 0x202, "HdrS", 4);
    kernel[0x20f] = 0x02; /* the version's text is at 0x200 + 0x200 */
    strcpy(kernel + 0x400, "6.9.0 (me@here) #1");
    put("mine", kernel, sizeof(kernel));
    sh(p, "echo z >root/lib/modules/6.9.0/modules.dep");
    OWN(image) i = NULL;
    OWN(image) none = NULL;
    struct image_import c = {.path = "root", .kernel = "mine"};
    assert_int_equal(image_import(&c, NULL, &i, &p->e), 0);
    assert_string_equal(i->kernel_version, "6.9.0");
    sh(p, "cmp mine data/images/root/vmlinuz; test \"$(cat data/images/root/modules/modules.dep)\" = z");
    c = (struct image_import){.path = "root", .name = "x", .kernel = "root/bin"};
    assert_true(image_import(&c, NULL, &none, &p->e) < 0);
    c.kernel = "root/etc/noise";
    assert_int_equal(image_import(&c, NULL, &none, &p->e), -EINVAL);
    assert_non_null(strstr(p->e.text, "not a kernel"));
}

static void formats_of_others_come_through_qemu_img_but_not_cut_short(void **state)
{
    struct place *p = *state;
    OWN_MEM char *qemu_img = proc_find("qemu-img");
    if (!qemu_img)
        skip();
    make_root(p);
    sh(p, "mke2fs -q -t ext4 -d root whole.raw 64M");
    const char *const formats[] = {"qcow2", "vmdk", "vdi", "vpc", "vhdx"};
    for (unsigned n = 0; n < 5; n++) {
        OWN_MEM char *convert = path_make(
            "qemu-img convert -O %s whole.raw disk; s=$(stat -c %%s disk); head -c $((s - s / 4)) disk >cut",
            formats[n]);
        sh(p, convert);
        OWN(image) i = import(p, "disk", formats[n]);
        assert_string_equal(i->kernel_version, "6.1.0");
        check_root(p, formats[n], 0);
        refused(p, "cut", "truncated");
    }
    sh(p, "qemu-img create -q -f qcow2 -b /etc/passwd -F raw evil.qcow2");
    assert_int_equal(refused(p, "evil.qcow2", "refers to another file, /etc/passwd"), -EINVAL);
}

static void what_cannot_be_an_image_is_refused_in_one_line(void **state)
{
    struct place *p = *state;
    make_root(p);
    sh(p, "mke2fs -q -t ext4 -d root whole.raw 64M; head -c 30000000 whole.raw >cut.raw; tar -C root -cf "
          "a.tar .; head -c 60000 a.tar >cut.tar");
    sh(p, "gzip -k a.tar; head -c 60000 a.tar.gz >cut.tar.gz; head -c 5000000 /dev/urandom >noise; : >empty; "
          "mkfifo fifo; mkdir nothing");
    sh(p, "tar -cf outer.tar root; mkdir -p text; echo hello >text/readme");
    assert_int_equal(refused(p, "cut.raw", "cut.raw: truncated: its file system ends"), -EINVAL);
    assert_int_equal(refused(p, "cut.tar", "cut.tar: damaged or truncated"), -EINVAL);
    assert_int_equal(refused(p, "cut.tar.gz", "cut.tar.gz: damaged or truncated"), -EINVAL);
    assert_int_equal(refused(p, "noise", "neither a disk"), -EINVAL);
    assert_int_equal(refused(p, "empty", "empty: empty"), -EINVAL);
    assert_int_equal(refused(p, "fifo", "neither a file nor a folder"), -EINVAL);
    assert_int_equal(refused(p, "nowhere", "nowhere: No such file"), -ENOENT);
    assert_int_equal(refused(p, "root/boot/vmlinuz-6.1.0", "a kernel, not a disk"), -EINVAL);
    assert_int_equal(refused(p, "outer.tar", "not a root file system"), -EINVAL);
    assert_int_equal(refused(p, "text", "not a root file system"), -EINVAL);
}

static void programs_of_another_processor_are_refused(void **state)
{
    struct place *p = *state;
    Elf64_Ehdr h = {.e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_version = 1};
    memcpy(h.e_ident, ELFMAG "\2\1\1", 7);
    sh(p, "mkdir -p root/bin");
    put("root/bin/busybox", &h, sizeof(h));
    sh(p, "ln -s /bin/busybox root/bin/sh");
    assert_int_equal(refused(p, "root", "its programs are for arm64, not for x86-64"), -EINVAL);
}

static void a_taken_name_and_a_name_that_is_none_are_told(void **state)
{
    struct place *p = *state;
    make_root(p);
    image_free(import(p, "root", "web"));
    OWN(image) none = NULL;
    assert_int_equal(image_import(&(struct image_import){.path = "root", .name = "web"}, NULL, &none, &p->e),
                     -EEXIST);
    assert_int_equal(image_import(&(struct image_import){.path = "root", .name = "../x"}, NULL, &none, &p->e),
                     -EINVAL);
    sh(p, "mv root 'my root'");
    assert_int_equal(image_import(&(struct image_import){.path = "my root"}, NULL, &none, &p->e), -EINVAL);
    assert_non_null(strstr(p->e.text, "--name"));
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_folder_becomes_an_image_with_the_newest_kernel_that_has_modules),
        CASE(archives_are_taken_compressed_or_not),
        CASE(owners_links_and_names_of_an_archive_survive),
        CASE(disks_are_taken_whole_or_with_partitions_and_stay_sparse),
        CASE(a_disk_grows_to_what_is_asked_for_and_a_root_is_made_so_large),
        CASE(a_kernel_of_the_users_own_is_used_with_its_modules),
        CASE(formats_of_others_come_through_qemu_img_but_not_cut_short),
        CASE(what_cannot_be_an_image_is_refused_in_one_line),
        CASE(programs_of_another_processor_are_refused),
        CASE(a_taken_name_and_a_name_that_is_none_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
