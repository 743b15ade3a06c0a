// SPDX-License-Identifier: GPL-2.0-or-later
/* seccomp_compile: a profile to BPF by libseccomp. */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "container/seccomp.h"
#include "container/words.h"

#define ERRNO_MAX 4095

static const struct word arch_words[] = {
    {"SCMP_ARCH_X86", (int)SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", (int)SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", (int)SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", (int)SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", (int)SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", (int)SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", (int)SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", (int)SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", (int)SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", (int)SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", (int)SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", (int)SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", (int)SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", (int)SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", (int)SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", (int)SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", (int)SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", (int)SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", (int)SCMP_ARCH_RISCV64},
    {NULL, 0},
};

const char *seccomp_arch_name(unsigned i)
{
    return i < sizeof(arch_words) / sizeof(arch_words[0]) ? arch_words[i].name : NULL;
}

static const struct word op_words[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    {NULL, 0},
};

static const struct word flag_words[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* there is just one thread */
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
    {NULL, 0},
};

struct compiler {
    scmp_filter_ctx ctx;
    uint32_t dflt;
    bool notify;
};

static void close_compiler(struct compiler *k)
{
    if (k->ctx)
        seccomp_release(k->ctx);
}

/* action and errno_key of f */
static uint32_t action(const struct field *f, const char *key, const char *errno_key)
{
    static const struct {
        const char *name;
        uint32_t action;
        bool number;
    } words[] = {
        {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
        {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
        {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
        {"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
        {"SCMP_ACT_ERRNO", 0x00050000u, true},
        {"SCMP_ACT_TRACE", 0x7ff00000u, true},
        {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
        {"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
        {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false},
    };
    const char *name = field_must_string(f, key);
    int64_t number = field_int(f, errno_key, UNSET, 0, ERRNO_MAX);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].name, name) != 0)
            continue;
        if (number != UNSET && !words[i].number)
            field_bad_key(f, errno_key, "does not go with %s", name);
        return words[i].action | (words[i].number ? number == UNSET ? EPERM : (uint32_t)number : 0);
    }
    field_bad_key(f, key, "\"%s\" is no seccomp action", name);
    return SCMP_ACT_KILL_PROCESS;
}

static uint64_t number64(const struct field *f, const char *key)
{
    const json_t *v = json_object_get(f->v, key);
    if (!v || json_is_null(v))
        return 0;
    if (json_is_real(v))
        return json_real_value(v) >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)json_real_value(v);
    if (!json_is_integer(v))
        field_bad_key(f, key, "not a whole number");
    return (uint64_t)json_integer_value(v);
}

static struct scmp_arg_cmp argument(const struct field *f)
{
    const char *op = field_must_string(f, "op");
    int n = word_number(op_words, op);
    if (n < 0)
        field_bad_key(f, "op", "\"%s\" is no comparison", op);
    return (struct scmp_arg_cmp){.arg = (unsigned)field_must_int(f, "index", 0, 5),
                                 .op = (enum scmp_compare)n,
                                 .datum_a = number64(f, "value"),
                                 .datum_b = number64(f, "valueTwo")};
}

static void add(struct compiler *k, const struct field *f, const char *name, uint32_t act, unsigned nr,
                const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return; /* newer than the library: the default action it is */
    int rc = seccomp_rule_add_array(k->ctx, act, number, nr, args);
    if (rc == -EEXIST || rc == -EDOM) /* said already; not on this architecture */
        rc = 0;
    if (rc < 0)
        field_bad(f, "rule for %s: %s", name, strerror(-rc));
}

/* Conditions on one argument twice mean "or", which one rule cannot say. */
static bool repeats(const struct scmp_arg_cmp *args, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        for (unsigned j = 0; j < i; j++)
            if (args[i].arg == args[j].arg)
                return true;
    return false;
}

static void rule(struct compiler *k, const struct field *f)
{
    uint32_t act = action(f, "action", "errnoRet");
    struct scmp_arg_cmp args[16];
    struct field list = field_array(f, "args"), names = field_array(f, "names");
    unsigned nr = field_count(&list);
    if (nr > 16)
        field_bad(&list, "has more than 16 conditions");
    for (unsigned i = 0; i < nr && i < 16; i++) {
        struct field item = field_item(&list, i);
        args[i] = argument(&item);
    }
    if (field_count(&names) == 0)
        field_bad_key(f, "names", "is missing or empty");
    k->notify |= act == SCMP_ACT_NOTIFY;
    if (act == k->dflt)
        return;
    for (unsigned i = 0; i < field_count(&names); i++) {
        struct field item = field_item(&names, i);
        const char *name = field_text(&item);
        if (act == SCMP_ACT_NOTIFY && strcmp(name, "write") == 0)
            field_bad(&item, "SCMP_ACT_NOTIFY on write would stop the container before it starts");
        if (!repeats(args, nr))
            add(k, &item, name, act, nr, args);
        else
            for (unsigned a = 0; a < nr; a++)
                add(k, &item, name, act, 1, &args[a]);
    }
}

static void architectures(struct compiler *k, const struct field *root)
{
    struct field list = field_array(root, "architectures");
    for (unsigned i = 0; i < field_count(&list); i++) {
        struct field item = field_item(&list, i);
        int arch = word_number(arch_words, field_text(&item));
        int rc = arch == -1 ? -EINVAL : seccomp_arch_add(k->ctx, (uint32_t)arch);
        if (rc < 0 && rc != -EEXIST)
            field_bad(&item, "\"%s\" is no architecture that the library knows", field_text(&item));
    }
}

static unsigned flags(const struct field *root)
{
    struct field list = field_array(root, "flags");
    unsigned set = 0;
    for (unsigned i = 0; i < field_count(&list); i++) {
        struct field item = field_item(&list, i);
        int flag = word_number(flag_words, field_text(&item));
        if (flag < 0)
            field_bad(&item, "\"%s\" is no seccomp flag", field_text(&item));
        else
            set |= (unsigned)flag;
    }
    return set;
}

static int export(struct compiler *k, struct seccomp_filter *f, struct err *e)
{
    OWN_FD fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = fd < 0 ? -errno : seccomp_export_bpf(k->ctx, fd);
    if (rc < 0)
        return err_code(e, rc, "linux.seccomp: compile");
    off_t size = lseek(fd, 0, SEEK_END);
    f->nr = (unsigned)((size_t)size / sizeof(*f->insn));
    f->insn = malloc((size_t)size);
    if (!f->insn || pread(fd, f->insn, (size_t)size, 0) != size)
        return err_code(e, -ENOMEM, "linux.seccomp: compile");
    return f->nr > BPF_MAXINSNS ? err_set(e, -E2BIG, "linux.seccomp: more than %d instructions", BPF_MAXINSNS)
                                : 0;
}

static int build(struct compiler *k, const struct field *root, struct seccomp_filter *f, struct err *e)
{
    k->dflt = action(root, "defaultAction", "defaultErrnoRet");
    k->ctx = root->doc->rc < 0 ? NULL : seccomp_init(k->dflt);
    if (!k->ctx)
        return root->doc->rc < 0 ? root->doc->rc
                                 : err_set(e, -EINVAL, "linux.seccomp: the library refuses it");
    seccomp_attr_set(k->ctx, SCMP_FLTATR_CTL_NNP, 0);
    seccomp_attr_set(k->ctx, SCMP_FLTATR_CTL_OPTIMIZE,
                     2); /* a tree: the kernel runs it for each number at load */
    architectures(k, root);
    f->flags = flags(root);
    struct field rules = field_array(root, "syscalls");
    for (unsigned i = 0; i < field_count(&rules); i++) {
        struct field item = field_item(&rules, i);
        rule(k, &item);
    }
    return root->doc->rc < 0 ? root->doc->rc : export(k, f, e);
}

static int listener(const struct compiler *k, const struct field *root, struct seccomp_filter *f)
{
    const char *path = field_string(root, "listenerPath"), *data = field_string(root, "listenerMetadata");
    if (k->notify && (!path || !*path))
        return field_bad_key(root, "listenerPath", "is missing, but there is a SCMP_ACT_NOTIFY");
    if (data && *data && (!path || !*path))
        return field_bad_key(root, "listenerPath", "is missing beside listenerMetadata");
    if (!k->notify)
        return 0;
    f->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    f->listener = strdup(path);
    f->metadata = data ? strdup(data) : NULL;
    return 0;
}

int seccomp_compile(const char *text, size_t len, struct seccomp_filter *ret, struct err *e)
{
    json_error_t je;
    OWN(json_t) j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!j && json_error_code(&je) == json_error_numeric_overflow)
        j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &je);
    if (!j)
        return err_set(e, -EINVAL, "config.json: linux.seccomp: line %d of it: %s", je.line, je.text);
    struct arena arena = {0};
    struct doc d = {.name = "config.json: linux.seccomp", .arena = &arena, .e = e};
    struct field root = field_root(&d, j);
    struct compiler k __attribute__((cleanup(close_compiler))) = {0};
    int rc = build(&k, &root, ret, e);
    if (rc == 0)
        rc = listener(&k, &root, ret);
    arena_fini(&arena);
    return rc;
}
