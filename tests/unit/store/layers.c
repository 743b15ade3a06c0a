// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/image_layers.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "saved.h"
#include "store/blob.h"
#include "store/image_import.h"
#include "store/image_machine.h"
#include "store/sweep.h"
#include "store/unpack.h"

#define FOLDER(path_)       {.name = (path_), .type = '5'}
#define FILE_(path_, text_) {.name = (path_), .data = (text_), .mode = 0644}
#define GONE(path_)         {.name = (path_)}
#define END                 {0}

static struct image *import(struct place *p, const char *name)
{
    struct image *i = NULL;
    if (image_import(&(struct image_import){.path = "saved", .name = name}, NULL, &i, &p->e) < 0)
        fail_msg("%s", p->e.text);
    return i;
}

/* Nothing of it is there. */
static void refused(struct place *p, int code, const char *why)
{
    struct image *i = NULL;
    char names[200];
    int rc = image_import(&(struct image_import){.path = "saved", .name = "bad"}, NULL, &i, &p->e);
    if (rc != code || !strstr(p->e.text, why))
        fail_msg("%d \"%s\" instead of %d \"%s\"", rc, rc < 0 ? p->e.text : "", code, why);
    assert_null(strchr(p->e.text, '\n'));
    sh(p, "mkdir -p data/layers data/blobs/sha256");
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock ");
    assert_string_equal(names_in(p, "data/layers", names, sizeof(names)), "");
    assert_string_equal(names_in(p, "data/blobs/sha256", names, sizeof(names)), "");
}

static void refused_entries(struct place *p, const struct tar_entry *entries, int code, const char *why)
{
    struct saved s = {0};
    saved_begin(p);
    saved_entries(&s, entries);
    saved_end(&s, NULL);
    refused(p, code, why);
}

/* ---- as overlayfs has them ---- */

static const struct tar_entry lower[] = {FOLDER("bin"),
                                         FILE_("bin/sh", "program"),
                                         FOLDER("./a/"),
                                         FILE_("a/keep", "k"),
                                         FILE_("a/gone", "g"),
                                         FOLDER("b"),
                                         FILE_("b/old", "o"),
                                         FOLDER("c"),
                                         FILE_("c/x", "x"),
                                         FILE_("f", "file"),
                                         END};
static const struct tar_entry upper[] = {GONE("a/.wh.gone"),
                                         GONE("a/.wh.keep"),
                                         FILE_("a/keep", "K"),
                                         FOLDER("b"),
                                         GONE("b/.wh..wh..opq"),
                                         FILE_("b/new", "n"),
                                         GONE(".wh.c"),
                                         FOLDER("c"),
                                         FILE_("c/y", "y"),
                                         GONE("b/.wh..wh.plnk"),
                                         FOLDER("f"),
                                         FILE_("f/in", "i"),
                                         END};

static void make_two(struct place *p)
{
    struct saved s = {0};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_entries(&s, upper);
    saved_end(&s, NULL);
}

static bool is_opaque(const char *root, const char *name)
{
    OWN_MEM char *path = path_make("%s/%s", root, name);
    char value[4];
    const char *key = unpack_marks_trusted(root) ? "trusted.overlay.opaque" : "user.overlay.opaque";
    return getxattr(path, key, value, sizeof(value)) == 1 && value[0] == 'y';
}

static mode_t mode_of(const char *root, const char *name)
{
    struct stat st;
    OWN_MEM char *path = path_make("%s/%s", root, name);
    return lstat(path, &st) < 0 ? 0 : st.st_mode;
}

static void what_a_layer_takes_away_is_marked(void **state)
{
    struct place *p = *state;
    OWN_LAYERS l = {0};
    make_two(p);
    OWN(image) i = import(p, "two");
    assert_int_equal(i->nr_layers, 2);
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    assert_int_equal(l.nr, 2);
    const char *top = l.roots[0];
    assert_true(S_ISCHR(mode_of(top, "a/gone")));
    assert_true(S_ISREG(mode_of(top, "a/keep")));
    assert_true(is_opaque(top, "b") && is_opaque(top, "c") && !is_opaque(top, "a"));
    assert_true(S_ISDIR(mode_of(top, "f")));
    assert_int_equal(mode_of(top, "b/.wh..wh.plnk"), 0);
    assert_true(S_ISREG(mode_of(l.roots[1], "a/gone")));
}

static void all_layers_in_one_folder_are_what_overlayfs_would_show(void **state)
{
    struct place *p = *state;
    make_two(p);
    OWN(image) i = import(p, "two");
    sh(p, "mkdir flat");
    if (image_unpack(i, "flat", &p->e) < 0)
        fail_msg("%s", p->e.text);
    sh(p, "cd flat && find . | LC_ALL=C sort | tr '\\n' ' ' >../found");
    OWN_MEM char *found = NULL;
    assert_int_equal(file_read("found", 1000, &found, NULL, &p->e), 0);
    assert_string_equal(found, ". ./a ./a/keep ./b ./b/new ./bin ./bin/sh ./c ./c/y ./f ./f/in ");
    sh(p, "[ $(cat flat/a/keep) = K ]");
}

static void a_machines_disk_holds_the_same(void **state)
{
    struct place *p = *state;
    make_two(p);
    OWN(image) i = import(p, "two");
    assert_null(i->path_disk);
    if (image_need_machine(&i, NULL, NULL, &p->e) < 0)
        fail_msg("%s", p->e.text);
    assert_non_null(i->path_disk);
    sh(p, "mkdir flat back");
    assert_int_equal(image_unpack(i, "flat", &p->e), 0);
    OWN_MEM char *script =
        path_make("e2fsck -fn %s >/dev/null 2>&1; debugfs -R 'rdump / back' %s >/dev/null 2>&1; "
                  "rmdir back/lost+found; diff -r flat back",
                  i->path_disk, i->path_disk);
    sh(p, script);
}

static void a_layer_that_hides_all_is_the_last_one(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    OWN_LAYERS l = {0};
    static const struct tar_entry all[] = {GONE(".wh..wh..opq"), FILE_("only", "1"), END};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_entries(&s, all);
    saved_end(&s, NULL);
    OWN(image) i = import(p, "one");
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    assert_int_equal(l.nr, 1);
}

static void a_layer_that_comes_twice_is_laid_once(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    OWN_LAYERS l = {0};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_entries(&s, upper);
    saved_entries(&s, lower);
    saved_end(&s, NULL);
    OWN(image) i = import(p, "thrice");
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    assert_int_equal(l.nr, 2);
    assert_true(S_ISREG(mode_of(l.roots[0], "a/gone")));
}

/* ---- files ---- */

static void hard_links_hold_within_a_layer_and_copy_what_is_below(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    OWN_LAYERS l = {0};
    static const struct tar_entry links[] = {FILE_("one", "1"),
                                             {.name = "two", .type = '1', .link = "./one"},
                                             {.name = "old", .type = '1', .link = "a/keep"},
                                             END};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_entries(&s, links);
    saved_end(&s, NULL);
    OWN(image) i = import(p, "links");
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    OWN_MEM char *script = path_make("cd %s && [ one -ef two ] && [ $(cat old) = k ]", l.roots[0]);
    sh(p, script);
    assert_false(digest_same(&i->layers[1].layer.key, &i->layers[1].diff_id)); /* not for others to share */
}

static void modes_times_and_names_are_kept(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    OWN_LAYERS l = {0};
    static const struct tar_entry entries[] = {
        {.name = "locked", .type = '5', .mode = 0500, .mtime = 1000000000},
        {.name = "locked/suid", .data = "x", .mode = 04755, .mtime = 1000000001},
        {.name = "tmp", .type = '5', .mode = 01777},
        {.name = "pipe", .type = '6', .mode = 0600},
        {.name = "link", .type = '2', .link = "/etc/../nowhere"},
        {.name = "\xc3\xa4 \xff", .data = "odd", .mode = 0600},
        END};
    saved_begin(p);
    saved_entries(&s, entries);
    saved_end(&s, NULL);
    OWN(image) i = import(p, "modes");
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    assert_int_equal(mode_of(l.roots[0], "locked"), S_IFDIR | 0500);
    assert_int_equal(mode_of(l.roots[0], "locked/suid"), S_IFREG | 04755);
    assert_int_equal(mode_of(l.roots[0], "tmp"), S_IFDIR | 01777);
    assert_int_equal(mode_of(l.roots[0], "pipe"), S_IFIFO | 0600);
    OWN_MEM char *script =
        path_make("cd %s && [ $(readlink link) = /etc/../nowhere ] && [ $(stat -c %%Y locked) = "
                  "1000000000 ] && [ $(stat -c %%Y locked/suid) = 1000000001 ]",
                  l.roots[0]);
    sh(p, script);
}

/* ---- sharing ---- */

static void layers_are_shared_and_go_with_the_last_image(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    char names[400];
    uint64_t own, shared;
    make_two(p);
    OWN(image) two = import(p, "two");
    saved_begin(p);
    saved_entries(&s, lower);
    saved_end(&s, NULL);
    OWN(image) one = import(p, "one");
    OWN(usage) u = usage_new();
    usage_bytes(u, one, &own, &shared);
    assert_int_equal(own, 0);
    assert_true(shared > 0);
    usage_bytes(u, two, &own, &shared);
    assert_true(own > 0 && shared > 0);
    assert_int_equal(image_remove("two", &p->e), 0);
    names_in(p, "data/layers", names, sizeof(names));
    assert_non_null(strstr(names, one->layers[0].layer.key.hex));
    assert_int_equal(strlen(names), DIGEST_HEX + 1);
    assert_int_equal(image_remove("one", &p->e), 0);
    assert_string_equal(names_in(p, "data/layers", names, sizeof(names)), "");
    assert_string_equal(names_in(p, "data/blobs/sha256", names, sizeof(names)), "");
}

static void nothing_is_swept_while_somebody_makes_something(void **state)
{
    struct place *p = *state;
    OWN_FD hold = -1;
    char names[400];
    make_two(p);
    image_free(import(p, "two"));
    assert_int_equal(store_hold(&hold, &p->e), 0);
    assert_int_equal(image_remove("two", &p->e), 0);
    assert_int_equal(strlen(names_in(p, "data/layers", names, sizeof(names))), 2 * (DIGEST_HEX + 1));
    own_fd(&hold);
    hold = -1;
    store_sweep();
    assert_string_equal(names_in(p, "data/layers", names, sizeof(names)), "");
}

static void layers_that_somebody_removed_are_made_again(void **state)
{
    struct place *p = *state;
    OWN_LAYERS l = {0};
    make_two(p);
    OWN(image) i = import(p, "two");
    sh(p, "rm -rf data/layers");
    if (image_layers_get(i, &l, &p->e) < 0)
        fail_msg("%s", p->e.text);
    assert_true(S_ISCHR(mode_of(l.roots[0], "a/gone")));
}

static void what_a_killed_maker_left_is_swept(void **state)
{
    struct place *p = *state;
    char names[400];
    sh(p, "mkdir -p data/layers/.tmp-abc/root/x data/blobs/sha256; echo half >data/blobs/sha256/.tmp-xyz");
    store_sweep();
    assert_string_equal(names_in(p, "data/layers", names, sizeof(names)), "");
    assert_string_equal(names_in(p, "data/blobs/sha256", names, sizeof(names)), "");
}

/* Both may make the same layer; one of them is kept. */
static void two_imports_at_once_share_what_they_make(void **state)
{
    struct place *p = *state;
    make_two(p);
    pid_t pid = fork();
    if (pid == 0) {
        struct image *i = NULL;
        _exit(image_import(&(struct image_import){.path = "saved", .name = "b"}, NULL, &i, &p->e) < 0);
    }
    OWN(image) a = import(p, "a");
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    OWN_LAYERS l = {0};
    assert_int_equal(image_layers_get(a, &l, &p->e), 0);
    char names[400];
    assert_int_equal(strlen(names_in(p, "data/layers", names, sizeof(names))), 2 * (DIGEST_HEX + 1));
}

/* ---- hostile ---- */

#define REFUSED(code_, why_, ...)                                                                            \
    do {                                                                                                     \
        const struct tar_entry entries_[] = {__VA_ARGS__, END};                                              \
        refused_entries(p, entries_, code_, why_);                                                           \
    } while (0)

static void names_that_lead_out_are_refused(void **state)
{
    struct place *p = *state;
    REFUSED(-EINVAL, "..", FILE_("../out", "x"));
    REFUSED(-EINVAL, "..", FILE_("a/../../out", "x"));
    REFUSED(-EINVAL, "..", FOLDER(".."));
    REFUSED(-EINVAL, "absolute", FILE_("/etc/passwd", "x"));
    REFUSED(-EINVAL, "without a name", FILE_(".", "x"));
    REFUSED(-EINVAL, "..", FILE_("a", "x"), {.name = "l", .type = '1', .link = "../../etc/passwd"});
    REFUSED(-EINVAL, "absolute", {.name = "l", .type = '1', .link = "/etc/passwd"});
    REFUSED(-EINVAL, "hard link", {.name = "l", .type = '1', .link = "etc/passwd"});
    assert_int_equal(access("out", F_OK), -1);
}

static void ways_through_links_are_refused(void **state)
{
    struct place *p = *state;
    OWN_MEM char *out = path_make("%s/out", p->dir);
    sh(p, "mkdir out; echo secret >out/file");
    REFUSED(-EINVAL, "no folder", {.name = "l", .type = '2', .link = out}, FILE_("l/x", "x"));
    REFUSED(-EINVAL, "no folder", {.name = "l", .type = '2', .link = out}, FOLDER("l/x"));
    REFUSED(-EINVAL, "no folder", FILE_("l", "x"), FILE_("l/x", "x"));
    REFUSED(-EINVAL, "no folder", {.name = "l", .type = '2', .link = out}, GONE("l/.wh.file"));
    REFUSED(-EINVAL, "hard link", {.name = "l", .type = '2', .link = out},
            {.name = "h", .type = '1', .link = "l/file"});
    REFUSED(-EINVAL, "hard link", {.name = "l", .type = '2', .link = out},
            {.name = "h", .type = '1', .link = "h"});
    sh(p, "[ $(ls out) = file ] && [ $(cat out/file) = secret ]");
}

/* A link that is replaced is not written through. */
static void what_stands_in_for_a_link_is_a_file(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    OWN_LAYERS l = {0};
    OWN_MEM char *out = path_make("%s/out", p->dir);
    sh(p, "mkdir out; echo secret >out/file; ln -s out/file to");
    const struct tar_entry entries[] = {
        {.name = "l", .type = '2', .link = out},      FOLDER("l"),         FILE_("l/file", "mine"),
        {.name = "m", .type = '2', .link = "l/file"}, FILE_("m", "other"), END};
    saved_begin(p);
    saved_entries(&s, entries);
    saved_end(&s, NULL);
    OWN(image) i = import(p, "replaced");
    assert_int_equal(image_layers_get(i, &l, &p->e), 0);
    OWN_MEM char *script = path_make("cd %s && [ $(cat l/file) = mine ] && [ $(cat m) = other ]", l.roots[0]);
    sh(p, script);
    sh(p, "[ $(cat out/file) = secret ]");
}

static void marks_of_nothing_and_devices_that_are_none_are_refused(void **state)
{
    struct place *p = *state;
    REFUSED(-EINVAL, "no name", GONE(".wh."));
    REFUSED(-EINVAL, "no name", GONE(".wh.."));
    REFUSED(-EINVAL, "no name", GONE("a/.wh..."));
    REFUSED(-EINVAL, "0:0", {.name = "null", .type = '3'});
}

static void long_names_are_refused(void **state)
{
    struct place *p = *state;
    OWN_BUF b = {0};
    struct saved s = {0};
    char name[600];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    tar_header(&b, &(struct tar_entry){.name = "././@LongLink", .type = 'L', .size = sizeof(name)});
    buf_append(&b, name, sizeof(name));
    buf_append(&b, (char[1024 - sizeof(name)]){0}, 1024 - sizeof(name));
    tar_add(&b, &(struct tar_entry){.name = "short", .data = "x"});
    tar_end(&b);
    saved_begin(p);
    saved_layer(&s, &b);
    saved_end(&s, NULL);
    refused(p, -ENAMETOOLONG, "File name too long");
}

static void what_is_no_tar_or_ends_early_is_refused(void **state)
{
    struct place *p = *state;
    OWN_BUF cut = {0}, noise = {0};
    struct saved s = {0};
    char data[4000];
    tar_header(&cut, &(struct tar_entry){.name = "f", .size = 100000});
    buf_append(&cut, data, 100);
    saved_begin(p);
    saved_layer(&s, &cut);
    saved_end(&s, NULL);
    refused(p, -EINVAL, "damaged or truncated");
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 2654435761u >> 7);
    buf_append(&noise, data, sizeof(data));
    s = (struct saved){0};
    saved_begin(p);
    saved_layer(&s, &noise);
    saved_end(&s, NULL);
    refused(p, -EINVAL, "damaged or truncated");
}

static void a_file_that_is_larger_than_any_is_refused(void **state)
{
    struct place *p = *state;
    struct unpacked done;
    OWN(tree) t = NULL;
    OWN_BUF b = {0};
    /* GNU's base 256: 2^62 bytes */
    tar_header(&b, &(struct tar_entry){.name = "f", .size = 1});
    b.mem[124] = 0x80;
    memset(b.mem + 125, 0, 11);
    b.mem[128] = 0x40;
    unsigned sum = 0;
    memset(b.mem + 148, ' ', 8);
    for (unsigned i = 0; i < 512; i++)
        sum += b.mem[i];
    tar_number((char *)b.mem + 148, 7, sum);
    b.mem[154] = 0;
    tar_end(&b);
    put("huge", b.mem, b.len);
    sh(p, "mkdir to");
    assert_int_equal(tree_open(&(struct tree_source){.path = "huge", .layer = true}, &t, &p->e), 0);
    assert_true(unpack_tree(t, &(struct unpack){.to = "to"}, NULL, &done, &p->e) < 0);
}

/* 1 GiB of zeroes is 1 MB of gzip, which may be; by zstd it is some kB, which may not. */
static void a_layer_that_grows_out_of_proportion_is_refused(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    sh(p, "truncate -s 1100M zeroes; tar -cf - zeroes | zstd -q -1 >bomb.zst");
    OWN_MEM char *data = NULL;
    size_t len;
    assert_int_equal(file_read("bomb.zst", 1 << 20, &data, &len, &p->e), 0);
    OWN_BUF b = {0};
    buf_append(&b, data, len);
    saved_begin(p);
    saved_layer(&s, &b);
    saved_end(&s, NULL);
    refused(p, -EINVAL, "times as large");
}

static void overlayfs_own_attributes_do_not_get_in(void **state)
{
    struct place *p = *state;
    struct unpacked done;
    OWN(tree) t = NULL;
    sh(p, "mkdir -p in/d to; python3 -c 'import os; os.setxattr(\"in/d\", \"user.overlay.opaque\", b\"y\"); "
          "os.setxattr(\"in/d\", \"user.color\", b\"blue\")'; "
          "tar --xattrs --xattrs-include='*' -C in -cf marked.tar d");
    assert_int_equal(tree_open(&(struct tree_source){.path = "marked.tar", .layer = true}, &t, &p->e), 0);
    assert_int_equal(unpack_tree(t, &(struct unpack){.to = "to", .layer = true}, NULL, &done, &p->e), 0);
    char value[8];
    assert_int_equal(getxattr("to/d", "user.overlay.opaque", value, sizeof(value)), -1);
    assert_int_equal(getxattr("to/d", "user.color", value, sizeof(value)), 4);
}

/* ---- digests ---- */

static void a_blob_that_is_not_what_it_says_is_refused(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_end(&s, NULL);
    OWN_MEM char *flip = path_make(
        "cd saved/blobs/sha256 && printf X | dd of=%s bs=1 seek=3 conv=notrunc status=none", s.blobs[0].hex);
    sh(p, flip);
    refused(p, -EINVAL, "its content has the digest");
    OWN_MEM char *grow = path_make("echo >>saved/blobs/sha256/%s", s.blobs[0].hex);
    sh(p, grow);
    refused(p, -EINVAL, "bytes instead of");
    OWN_MEM char *gone = path_make("rm saved/blobs/sha256/%s", s.blobs[0].hex);
    sh(p, gone);
    refused(p, -ENOENT, "No such file");
    OWN_MEM char *link = path_make("ln -s /etc/passwd saved/blobs/sha256/%s", s.blobs[0].hex);
    sh(p, link);
    refused(p, -ENOENT, "No such file"); /* /etc/passwd below the folder */
}

static void a_blob_that_is_no_file_is_refused_untouched(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_end(&s, NULL);
    OWN_MEM char *pipe =
        path_make("cd saved/blobs/sha256 && rm %s && mkfifo %s", s.blobs[0].hex, s.blobs[0].hex);
    sh(p, pipe);
    refused(p, -EINVAL, "Invalid argument");
}

static void a_file_of_holes_is_not_summed_up_for_hours(void **state)
{
    struct place *p = *state;
    struct blob b;
    sh(p, "echo x >hollow; truncate -s 4T hollow; echo x >full; truncate -s 8M full");
    OWN_FD hollow = open("hollow", O_RDONLY | O_CLOEXEC), full = open("full", O_RDONLY | O_CLOEXEC);
    assert_int_equal(blob_sum(hollow, "hollow", &b, &p->e), -EINVAL);
    assert_int_equal(blob_sum(full, "full", &b, &p->e), 0);
    assert_int_equal(b.bytes, 8 << 20);
}

static void a_layer_that_is_another_one_uncompressed_is_refused(void **state)
{
    struct place *p = *state;
    struct saved s = {0};
    saved_begin(p);
    saved_entries(&s, lower);
    saved_entries(&s, upper);
    s.diff_ids[1] = s.diff_ids[0];
    s.diff_ids[0] = s.blobs[1];
    saved_end(&s, NULL);
    refused(p, -EINVAL, "uncompressed it has the digest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_a_layer_takes_away_is_marked),
        CASE(all_layers_in_one_folder_are_what_overlayfs_would_show),
        CASE(a_machines_disk_holds_the_same),
        CASE(a_layer_that_hides_all_is_the_last_one),
        CASE(a_layer_that_comes_twice_is_laid_once),
        CASE(hard_links_hold_within_a_layer_and_copy_what_is_below),
        CASE(modes_times_and_names_are_kept),
        CASE(layers_are_shared_and_go_with_the_last_image),
        CASE(nothing_is_swept_while_somebody_makes_something),
        CASE(layers_that_somebody_removed_are_made_again),
        CASE(what_a_killed_maker_left_is_swept),
        CASE(two_imports_at_once_share_what_they_make),
        CASE(names_that_lead_out_are_refused),
        CASE(ways_through_links_are_refused),
        CASE(what_stands_in_for_a_link_is_a_file),
        CASE(marks_of_nothing_and_devices_that_are_none_are_refused),
        CASE(long_names_are_refused),
        CASE(what_is_no_tar_or_ends_early_is_refused),
        CASE(a_file_that_is_larger_than_any_is_refused),
        CASE(a_layer_that_grows_out_of_proportion_is_refused),
        CASE(overlayfs_own_attributes_do_not_get_in),
        CASE(a_blob_that_is_not_what_it_says_is_refused),
        CASE(a_blob_that_is_no_file_is_refused_untouched),
        CASE(a_file_of_holes_is_not_summed_up_for_hours),
        CASE(a_layer_that_is_another_one_uncompressed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
